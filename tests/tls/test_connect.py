#!/usr/bin/env python3
"""The real banger-tls as a client: which hosts it takes for one of ours, what it says of the others, and cut links.

Usage: test_connect.py [WORD...]     only tests whose name has one of the words"""

import os
import socket
import ssl
import subprocess
import sys
import threading
import time

from world import TLS, Connect, Relay, Skip, cert, echoes, main, poll, receive, sh, tls_server


class Host:
    """A TLS server of Python's, that echoes one connection."""

    def __init__(self, context, greets=b""):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.greets = greets
        self.error = None
        self.thread = threading.Thread(target=self.run, args=(context,), daemon=True)
        self.thread.start()

    def run(self, context):
        with self.listener, self.listener.accept()[0] as raw:
            raw.settimeout(20)
            try:
                with context.wrap_socket(raw, server_side=True) as peer:
                    peer.sendall(self.greets)
                    while data := peer.recv(1 << 16):
                        peer.sendall(data)
                    peer.unwrap()
            except (ssl.SSLError, OSError) as why:
                self.error = why


def refuses(pki, context, *words, certs=None, more=(), status=1):
    host = Host(context)
    Connect(certs or pki.client, f"127.0.0.1:{host.port}", *more).refused(status, *words)
    host.thread.join()


# -- which hosts


def test_a_good_host_is_taken_by_each_of_its_names(pki):
    with Relay(pki.dir, pki.host) as relay:
        for host, more in (("127.0.0.1", ()), ("localhost", ()), ("127.0.0.1", ("--name", "localhost")), ("localhost", ("--name", "::1"))):
            link = relay.connect(pki.client, *more, host=host)
            assert echoes(link.socket)
            link.socket.shutdown(socket.SHUT_WR)
            assert link.socket.recv(9) == b"" and link.ends() == (0, "")


def test_another_name(pki):
    with Relay(pki.dir, pki.host) as relay:
        relay.connect(pki.client, "--name", "other.lan").refused(1, "of localhost, 127.0.0.1", "not of other.lan", "--host other.lan")
        relay.connect(pki.client, "--name", "192.0.2.1").refused(1, "not of 192.0.2.1")
        relay.connect(pki.client, "--name", "local").refused(1, "not of local;")
        assert relay.echo.taken == 0


def test_a_name_in_the_subject_or_a_wildcard_is_none(pki):
    for name, san in (("localhost", "DNS:other.lan"), ("localhost", None), ("wild", "DNS:*.lan")):
        folder = pki.forged(name, pki.host, usage="serverAuth", san=san)
        host = Host(tls_server(folder))
        where = "x.lan" if name == "wild" else "localhost"
        Connect(pki.client, f"127.0.0.1:{host.port}", "--name", where).refused(1, "not of " + where)


def test_hosts_of_no_good_certificate(pki):
    refuses(pki, tls_server(pki.other_ca() / "build"), "is of another CA", "the CA that counts")
    refuses(pki, tls_server(pki.self_signed("self", pki.host)), "is self-signed")
    forged = {"usage": "serverAuth", "san": "DNS:localhost,IP:127.0.0.1"}
    refuses(pki, tls_server(pki.forged("old", pki.host, days=("-2d", "-1d"), **forged)), "has expired")
    refuses(pki, tls_server(pki.forged("new", pki.host, days=("+1d", "+2d"), **forged)), "is not valid yet")
    forged["usage"] = "clientAuth"
    refuses(pki, tls_server(pki.forged("client", pki.host, **forged)), "is not for a host")
    refuses(pki, tls_server(pki.forged("none", pki.host, extended=False, **forged)), "is not for a host")
    refuses(pki, tls_server(pki.client), "is not for a host")


def test_a_revoked_host(pki):
    cert(pki.ca, "issue", "lost", "--host", "127.0.0.1")
    cert(pki.ca, "revoke", "lost")
    folder = pki.copy("informed", pki.client)
    (folder / "ca.crl").write_bytes((pki.ca / "ca.crl").read_bytes())
    refuses(pki, tls_server(pki.ca / "lost"), "has been revoked", certs=folder)


def test_a_host_of_tls_1_2(pki):
    context = tls_server(pki.host)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    refuses(pki, context, "it speaks TLS below 1.3", status=5)


# -- hosts that do not take us: TLS 1.3 tells that only after the handshake


def test_our_certificate_is_refused(pki):
    cert(pki.ca, "issue", "out")
    cert(pki.ca, "revoke", "out")
    folder = pki.copy("strict", pki.host)
    (folder / "ca.crl").write_bytes((pki.ca / "ca.crl").read_bytes())
    foreign = pki.copy("foreign", pki.other_ca() / "ann")
    (foreign / "ca.pem").write_bytes((pki.ca / "ca.pem").read_bytes())  # it trusts the host, as it should not
    with Relay(pki.dir, folder) as relay:
        for _ in range(20):  # whatever is under way when the host says so
            link = relay.connect(pki.ca / "out")
            link.socket.sendall(b"hello" * 1000)
            link.refused(1, "it does not take ours: revoked", "ours is", "banger cert issue")
        assert relay.echo.taken == 0
    refuses(pki, tls_server(pki.host, ca=pki.other_ca()), "it does not take ours: of another CA")


def test_our_own_certificates_are_looked_at_first(pki):
    def complaint(folder, *words):
        Connect(folder, "127.0.0.1:1").refused(2, *words)

    complaint(pki.host, "it is not for a client")
    complaint(pki.forged("past", pki.client, days=("-2d", "-1d")), "it has expired", "banger cert issue")
    complaint("/nowhere", "No such file")
    folder = pki.copy("open", pki.client)
    os.chmod(folder / "key.pem", 0o644)
    complaint(folder, "others may read it", "chmod 600")


# -- nobody there, or nobody of ours


def test_nobody_listens(pki):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    Connect(pki.client, f"127.0.0.1:{port}").refused(5, "Connection refused", "bangerd --listen")
    Connect(pki.client, f"[::1]:{port}").refused(5, "connect to [::1]")
    Connect(pki.client, "no-such-host.invalid:1").refused(5, "check its name")


def test_usage(pki):
    for args in (("--address", "x"), ("--address", "x:0"), ("--address", "x:1", "--name", "*"), ("--address", "x:1", "--nam", "x"),
                 ("--address",), ("--address", "x:1", "y")):
        sh(TLS, "connect", "--certs", str(pki.client), *args, status=2, stdin=subprocess.DEVNULL)
    assert "--certs is missing" in sh(TLS, "connect", "--address", "x:1", status=2)
    assert "did you mean 'listen'" in sh(TLS, "lisen", status=2)
    assert "banger-tls connect" in sh(TLS, "--help")


def test_who_listens_there_does_not_speak_tls(pki):
    with socket.create_server(("127.0.0.1", 0)) as other:
        link = Connect(pki.client, f"127.0.0.1:{other.getsockname()[1]}")
        peer = other.accept()[0]
        peer.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        link.refused(5, "it does not speak TLS")
        peer.close()


# -- the bytes


def test_pipes_in_place_of_a_socket(pki):
    with Relay(pki.dir, pki.host) as relay:
        data = os.urandom(3 << 20)
        done = subprocess.run([TLS, "connect", "--address", f"127.0.0.1:{relay.port}", "--certs", pki.client], input=data,
                              capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stderr, done.stdout == data) == (0, b"", True), done.stderr


def test_what_the_host_says_last_arrives(pki):
    host = Host(tls_server(pki.host), greets=b"x" * 300_000)
    link = Connect(pki.client, f"127.0.0.1:{host.port}")
    link.socket.shutdown(socket.SHUT_WR)
    got = b"".join(iter(lambda: link.socket.recv(1 << 16), b""))
    assert len(got) == 300_000 and link.ends() == (0, "")


def test_a_host_that_is_killed_is_told_of(pki):
    with Relay(pki.dir, pki.host) as relay:
        link = relay.connect(pki.client)
        assert echoes(link.socket)
        relay.process.kill()
        relay.process.wait()
        link.refused(5, f"the connection to 127.0.0.1:{relay.port}", "broke off")


def test_it_ends_when_its_client_is_gone(pki):
    with Relay(pki.dir, pki.host) as relay:
        link = relay.connect(pki.client)
        assert echoes(link.socket)
        link.socket.close()
        assert link.process.wait(10) == 0
        link.process.stderr.close()
        poll("the daemon knows", lambda: not relay.echo.open)


# -- a link that stands still, or is cut


def test_a_reader_that_stands_still_loses_nothing(pki):
    """For longer than a silent peer is waited for: this one is well."""
    with Relay(pki.dir, pki.host) as relay:
        link = Connect(pki.client, relay.place)
        sent = os.urandom(32 << 20)
        sender = threading.Thread(target=link.socket.sendall, args=(sent,), daemon=True)
        sender.start()
        time.sleep(8)  # what is tested is that nothing happens in it
        assert sender.is_alive(), "it did not fill the way"
        assert receive(link.socket, len(sent)) == sent
        link.socket.shutdown(socket.SHUT_WR)
        assert link.ends() == (0, "")


def in_network_of(pid):
    return ("nsenter", "-t", str(pid), "-n")


def test_a_cut_link_is_known_on_both_sides(pki):
    """Idle, and while bytes are under way that nobody confirms any more; cut at the other machine, and at this one."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode != 0:
        raise Skip("only root can make networks of its own")
    near, far = (subprocess.Popen(["unshare", "-n", "sleep", "100"]) for _ in range(2))
    try:
        for x in (near, far):
            poll("it has its network", lambda pid=x.pid: os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net"))
        sh(*in_network_of(near.pid), "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", str(far.pid))
        for x, name, address in ((near, "v0", "10.9.0.2/24"), (far, "v1", "10.9.0.1/24")):
            sh(*in_network_of(x.pid), "ip", "addr", "add", address, "dev", name)
            sh(*in_network_of(x.pid), "ip", "link", "set", name, "up")
        with Relay(pki.dir, pki.host, address="10.9.0.1:7443", before=in_network_of(far.pid)) as relay:
            for x, name in ((far, "v1"), (near, "v0")):
                check_cut(pki, relay, near, lambda how, x=x, name=name: sh(*in_network_of(x.pid), "ip", "link", "set", name, how))
    finally:
        for x in (near, far):
            x.kill()
            x.wait()


def check_cut(pki, relay, near, link_is):
    idle, busy = (Connect(pki.client, "10.9.0.1:7443", before=in_network_of(near.pid)) for _ in range(2))
    assert echoes(idle.socket) and echoes(busy.socket)
    poll("both are at the daemon", lambda: len(relay.echo.open) == 2)
    link_is("down")
    since = time.monotonic()
    busy.socket.sendall(b"x" * 100_000)
    for link in (idle, busy):
        link.refused(5, "the connection to 10.9.0.1:7443")
    poll("the host knows", lambda: not relay.echo.open)
    took = time.monotonic() - since
    assert took < 10, f"known after {took:.1f} s"
    print(f"  known on both sides after {took:.1f} s")
    relay.says("lost 10.9.0.2")
    link_is("up")


if __name__ == "__main__":
    sys.exit(main(globals()))
