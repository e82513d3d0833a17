#!/usr/bin/env python3
"""The real banger-tls as a host: whom it serves, whom it refuses, and what those cost who misbehave.

Usage: test_listen.py [WORD...]     only tests whose name has one of the words"""

import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

from world import TLS, Echo, Relay, cert, echoes, main, poll, receive, sh, tls_client

MIB = 1 << 20


def refused(relay, certs, words, **how):
    """A client with these certificates gets nowhere, and the log says why."""
    try:
        with relay.client(certs, **how) as peer:
            assert not echoes(peer), "served"
    except (ssl.SSLError, ConnectionError):
        pass
    relay.says(words)
    assert relay.echo.taken == 0, "the daemon heard of it"


# -- who may come in


def test_a_good_client_is_served(pki):
    with Relay(pki.dir, pki.host) as relay:
        with relay.client(pki.client) as peer:
            assert peer.version() == "TLSv1.3" and echoes(peer)
        relay.says("serves 127.0.0.1:")
        relay.says("'ann'")


def test_much_goes_through_whole_and_each_way_ends_by_itself(pki):
    data = os.urandom(64 * MIB)
    with Relay(pki.dir, pki.host) as relay:
        link = relay.connect(pki.client)
        got = []
        reader = threading.Thread(target=lambda: got.append(receive(link.socket, len(data) + 1)))
        reader.start()
        link.socket.sendall(data)
        link.socket.shutdown(socket.SHUT_WR)  # the answer's rest comes all the same, and then its end
        reader.join()
        assert got[0] == data, (len(got[0]), len(data))
        assert link.ends() == (0, "")
        poll("nothing is left of it", lambda: relay.fds() <= 8)
        assert "lost" not in relay.log, relay.log


def test_a_slow_reader_holds_its_sender_up_and_nobody_else(pki):
    with Relay(pki.dir, pki.host) as relay, relay.client(pki.client) as slow:
        slow.setblocking(False)
        blob = os.urandom(MIB)
        before = memory_kib(relay)

        def is_full():
            try:
                while slow.send(blob):
                    pass
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return rests(relay)

        poll("all buffers on both ways are full, and it waits", is_full)
        with relay.client(pki.client) as other:
            assert echoes(other)
        assert memory_kib(relay) - before < 4096, (memory_kib(relay), before)


def memory_kib(relay):
    return int(sh("ps", "-o", "rss=", "-p", str(relay.process.pid)))


def rests(relay):
    """Nothing of it has run for a moment: one that spins never does that."""

    def looks():
        fields = open(f"/proc/{relay.process.pid}/stat").read().rpartition(")")[2].split()
        return fields[0], fields[11:13], [x for x in open(f"/proc/{relay.process.pid}/status") if "ctxt" in x]

    before = looks()
    time.sleep(0.03)
    return before == looks() and before[0] == "S"


# -- who may not


def test_no_certificate(pki):
    with Relay(pki.dir, pki.host) as relay:
        refused(relay, None, "it has no certificate")


def test_self_signed(pki):
    with Relay(pki.dir, pki.host) as relay:
        refused(relay, pki.self_signed("self", pki.client), "is self-signed")


def test_another_ca(pki):
    with Relay(pki.dir, pki.host) as relay:
        refused(relay, pki.other_ca() / "ann", "its certificate is of another CA")


def test_expired(pki):
    with Relay(pki.dir, pki.host) as relay:
        refused(relay, pki.forged("old", pki.client, days=("-2d", "-1d")), "'old': its certificate has expired")


def test_not_yet_valid(pki):
    with Relay(pki.dir, pki.host) as relay:
        refused(relay, pki.forged("new", pki.client, days=("+1d", "+2d")), "its certificate is not valid yet")


def test_a_hosts_certificate_is_no_clients(pki):
    with Relay(pki.dir, pki.host) as relay:
        refused(relay, pki.host, "its certificate is not for a client")
        refused(relay, pki.forged("any", pki.client, extended=False), "its certificate is not for a client")
        refused(relay, pki.forged("mail", pki.client, usage="emailProtection"), "its certificate is not for a client")
    cert(pki.ca, "issue", "both", "--host", "localhost", "--client")
    with Relay(pki.dir, pki.host) as relay, relay.client(pki.ca / "both") as peer:
        assert echoes(peer)


def test_a_ca_below_ours(pki):
    """pathlen:0 and a depth of 0: whom a client signs, is nobody."""
    folder = pki.forged("sub", pki.client)
    (folder / "ca.key").write_bytes((folder / "key.pem").read_bytes())
    (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())
    below = pki.forged("below", pki.client, signer=folder)
    chain = (below / "cert.pem").read_bytes() + (folder / "ca.pem").read_bytes()
    (below / "cert.pem").write_bytes(chain)
    with Relay(pki.dir, pki.host) as relay:
        refused(relay, below, "its certificate")
        assert "serves" not in relay.log


def test_tls_below_1_3(pki):
    with Relay(pki.dir, pki.host) as relay:
        refused(relay, pki.client, "it speaks TLS below 1.3", most=ssl.TLSVersion.TLSv1_2)


def test_no_tls(pki):
    with Relay(pki.dir, pki.host) as relay:
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 2000, b"\x16\x03\x01\xff\xff" + b"x" * 70000, os.urandom(70000)):
            before = relay.log.count("refused")
            with relay.tcp() as peer:
                peer.sendall(data)
                while peer.recv(1 << 16):  # to its end, and not reset: then what it is told could be lost on the way
                    pass
            poll(f"{data[:8]} is told of", lambda: relay.log.count("refused") > before)
        relay.says("it does not speak TLS")
        with relay.tcp():
            pass
        relay.says("it left before the handshake's end")
        assert relay.echo.taken == 0


def test_random_bytes_within_a_connection_end_it_alone(pki):
    with Relay(pki.dir, pki.host) as relay, relay.client(pki.client) as good:
        assert echoes(good)
        with relay.client(pki.client) as bad:
            assert echoes(bad)
            raw = socket.socket(fileno=os.dup(bad.fileno()))
            raw.sendall(os.urandom(100_000))
            poll("it is lost", lambda: "lost 127.0.0.1" in relay.log)
            raw.close()
        assert echoes(good)


def test_a_reset_ends_one_connection_alone(pki):
    with Relay(pki.dir, pki.host) as relay, relay.client(pki.client) as good:
        bad = relay.client(pki.client)
        assert echoes(bad)
        poll("both are at the daemon", lambda: len(relay.echo.open) == 2)
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        bad.close()
        poll("the daemon knows", lambda: len(relay.echo.open) == 1)
        assert echoes(good)


# -- revocation and new files, while it runs


def test_a_revoked_client_is_put_out_and_kept_out_at_once(pki):
    cert(pki.ca, "issue", "eve")
    with Relay(pki.dir, pki.copy("watched", pki.host)) as relay, relay.client(pki.client) as good:
        eve = relay.client(pki.ca / "eve")
        assert echoes(eve) and echoes(good)
        cert(pki.ca, "revoke", "eve")
        assert echoes(eve), "nobody has copied the list yet"
        new = pki.dir / "watched" / "ca.crl.new"
        new.write_bytes((pki.ca / "ca.crl").read_bytes())
        new.rename(pki.dir / "watched" / "ca.crl")
        relay.says("'eve': its certificate has been revoked")
        try:
            assert not echoes(eve)
        except (ssl.SSLError, ConnectionError):
            pass
        taken = relay.echo.taken
        try:
            with relay.client(pki.ca / "eve") as peer:
                assert not echoes(peer)
        except (ssl.SSLError, ConnectionError):
            pass
        relay.says("refused")
        assert relay.echo.taken == taken and echoes(good)


def test_a_new_certificate_counts_from_the_next_connection_on(pki):
    folder = pki.copy("renewed", pki.host)
    with Relay(pki.dir, folder) as relay, relay.client(pki.client) as first:
        cert(pki.ca, "issue", "build", "--renew", "--host", "localhost", "--host", "127.0.0.1", "--host", "::1", "--host", "10.9.0.1")
        for name, words in (("cert.pem", "the certificates before it stay in use"), ("key.pem", "read the certificates anew")):
            (folder / name).write_bytes((pki.host / name).read_bytes())
            relay.says(words)
        with relay.client(pki.client) as second:
            assert first.getpeercert(True) != second.getpeercert(True) and echoes(first) and echoes(second)


def test_files_that_cannot_be_used_leave_what_was_there(pki):
    folder = pki.copy("damaged", pki.host)
    with Relay(pki.dir, folder) as relay:
        for name in ("ca.crl", "cert.pem", "key.pem", "ca.pem"):
            good = (folder / name).read_bytes()
            before = relay.log.count("stay in use")
            (folder / name).write_bytes(b"nonsense")
            poll(f"{name} is told of", lambda: relay.log.count("stay in use") > before)
            with relay.client(pki.client) as peer:
                assert echoes(peer)
            (folder / name).write_bytes(good)
        poll("they are read again", lambda: "read the certificates anew" in relay.log)


def test_a_list_that_has_lapsed_is_told_and_refuses_everybody(pki):
    folder = pki.copy("lapsed", pki.host)
    lapsed_list(pki, folder / "ca.crl")
    said = sh(TLS, "listen", "--address", "127.0.0.1:0", "--socket", "/nowhere", "--certs", str(folder), status=2)
    assert "ca.crl has lapsed" in said and "copy the CA's present ca.crl" in said, said


def lapsed_list(pki, to):
    work = pki.dir / "lapse"
    work.mkdir(exist_ok=True)
    (work / "index.txt").touch()
    (work / "conf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={work}/index.txt\ndefault_md=sha256\n")
    sh("openssl", "ca", "-gencrl", "-config", str(work / "conf"), "-cert", str(pki.ca / "ca.pem"), "-keyfile", str(pki.ca / "ca.key"),
       "-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z", "-out", str(to))


# -- those who take up room


def test_a_thousand_half_open_connections(pki):
    with Relay(pki.dir, pki.host) as relay, relay.client(pki.client) as early:
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        idle = []
        for _ in range(1000):
            peer = socket.socket()
            peer.setblocking(False)
            peer.connect_ex(("127.0.0.1", relay.port))
            idle.append(peer)
        assert echoes(early)
        with relay.client(pki.client) as late:
            assert echoes(late)
        with socket.socket(socket.AF_UNIX) as local:
            local.connect(str(relay.socket))
            assert echoes(local)
        assert relay.fds() < 150, relay.fds()
        relay.says("too many want one")
        assert relay.log.count("\n") < 200, "each of them has a line"
        for peer in idle:
            peer.close()
        relay.says("more lines were left out")
        poll("nothing is left of them", lambda: relay.fds() <= 12)


def test_a_handshake_byte_by_byte_ends_in_time(pki):
    with Relay(pki.dir, pki.host) as relay, relay.tcp() as peer:
        try:
            for byte in b"\x16\x03\x01\x02\x00\x01" + b"\0" * 500:
                peer.sendall(bytes([byte]))
                peer.settimeout(0.1)
                try:
                    if peer.recv(100) == b"":
                        break
                except TimeoutError:
                    pass
        except ConnectionError:
            pass
        relay.says("no handshake within 5 s")


def test_at_most_256_connections(pki):
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with Relay(pki.dir, pki.host) as relay:
        peers = [relay.client(pki.client) for _ in range(256)]
        poll("all are in", lambda: relay.echo.taken == 256)
        try:
            with relay.client(pki.client) as one_more:
                assert not echoes(one_more)
        except (ssl.SSLError, ConnectionError):
            pass
        relay.says("256 connections are open already")
        assert echoes(peers[0]) and echoes(peers[-1])
        peers.pop().close()
        poll("there is room again", lambda: len(relay.echo.open) == 255)
        with relay.client(pki.client) as next_one:
            assert echoes(next_one)
        for peer in peers:
            peer.close()


def test_without_descriptors_it_waits_and_does_not_spin(pki):
    with Relay(pki.dir, pki.host, before=("prlimit", "--nofile=24:24")) as relay:
        good = relay.client(pki.client)
        idle = [relay.tcp() for _ in range(40)]
        relay.says("nobody can come in for a moment")
        poll("it rests", lambda: rests(relay))
        assert echoes(good)
        for peer in idle:
            peer.close()
        with relay.client(pki.client) as late:
            assert echoes(late)
        good.close()


class Busy(Echo):
    """Does not take connections yet, and has room for one."""

    def start(self):
        self.listener.listen(0)


def test_a_daemon_that_is_busy_is_asked_again(pki):
    with Relay(pki.dir, pki.host, echo=False) as relay:
        relay.echo = Busy(relay.socket)
        peers = [relay.client(pki.client) for _ in range(5)]
        assert relay.log.count("serves") < 5
        Echo.start(relay.echo)
        for peer in peers:
            assert echoes(peer)
            peer.close()
        assert "refused" not in relay.log, relay.log


def test_without_a_daemon_they_are_told_so(pki):
    with Relay(pki.dir, pki.host, echo=False) as relay:
        link = relay.connect(pki.client)
        status, said = link.ends()
        assert status == 5 and "the connection to 127.0.0.1" in said, (status, said)
        relay.says("reach the daemon")


def test_a_socket_of_another_user_is_not_dialled(pki):
    if os.geteuid() != 0:
        from world import Skip
        raise Skip("only root can make one")
    with Relay(pki.dir, pki.host, echo=False) as relay:
        os.chmod(pki.dir, 0o755)
        os.chmod(relay.dir, 0o777)
        other = subprocess.Popen([sys.executable, "-c", "import os,socket,sys,time\nos.setuid(65534)\ns=socket.socket(socket.AF_UNIX)\n"
                                  f"s.bind({str(relay.socket)!r})\ns.listen()\nprint(flush=True)\ns.accept()[0].recv(9)"],
                                 stdout=subprocess.PIPE)
        other.stdout.readline()
        status, _ = relay.connect(pki.client).ends()
        assert status == 5
        relay.says("its socket is another user's")
        other.kill()
        other.wait()


# -- start and end


def test_it_does_not_start_without_usable_certificates(pki):
    def complaint(folder, *words):
        done = subprocess.run([TLS, "listen", "--address", "127.0.0.1:0", "--socket", "/nowhere", "--certs", str(folder)],
                              capture_output=True, text=True)
        assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1, done
        assert all(word in done.stderr for word in words), (done.stderr, words)

    for name in ("ca.pem", "ca.crl", "cert.pem", "key.pem"):
        folder = pki.copy("partial", pki.host)
        (folder / name).unlink()
        complaint(folder, f"partial/{name}", "No such file", "banger cert issue")
        (folder / name).write_text("")
        if name == "key.pem":
            os.chmod(folder / name, 0o600)
        complaint(folder, f"partial/{name}")
    complaint("/nowhere", "/nowhere/ca.pem")
    folder = pki.copy("open", pki.host)
    for mode in (0o644, 0o640, 0o604, 0o660):
        os.chmod(folder / "key.pem", mode)
        complaint(folder, "open/key.pem", "others may read it", "chmod 600")
    folder = pki.copy("mismatch", pki.host)
    (folder / "key.pem").write_bytes((pki.client / "key.pem").read_bytes())
    complaint(folder, "it is not the key of cert.pem")
    complaint(pki.forged("late", pki.host, usage="serverAuth", days=("-2d", "-1d"), san="DNS:localhost"), "it has expired")
    folder = pki.copy("foreign", pki.host)
    for name in ("cert.pem", "key.pem"):
        (folder / name).write_bytes((pki.other_ca() / "build" / name).read_bytes())
    complaint(folder, "it is of another CA")
    complaint(pki.client, "it is not for a host", "--host")
    folder = pki.copy("mixed", pki.host)
    (folder / "ca.crl").write_bytes((pki.other_ca() / "ca.crl").read_bytes())
    complaint(folder, "mixed/ca.crl", "not of the CA")
    folder = pki.copy("noca", pki.host)
    (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())
    complaint(folder, "noca/ca.pem", "no certificate of a CA")
    cert(pki.ca, "issue", "gone", "--host", "localhost")
    cert(pki.ca, "revoke", "gone")
    (pki.ca / "gone" / "ca.crl").write_bytes((pki.ca / "ca.crl").read_bytes())
    complaint(pki.ca / "gone", "it has been revoked")


def test_a_key_with_a_password_is_not_asked_for(pki):
    folder = pki.copy("locked", pki.host)
    sh("openssl", "pkey", "-in", str(pki.host / "key.pem"), "-aes256", "-passout", "pass:x", "-out", str(folder / "key.pem"))
    os.chmod(folder / "key.pem", 0o600)
    assert "without a password" in sh(TLS, "listen", "--address", "127.0.0.1:0", "--socket", "/x", "--certs", str(folder), status=2,
                                      stdin=subprocess.DEVNULL, timeout=10)


def test_an_address_that_is_taken_is_told(pki):
    with Relay(pki.dir, pki.host) as relay:
        said = sh(TLS, "listen", "--address", f"127.0.0.1:{relay.port}", "--socket", "/x", "--certs", str(pki.host), status=4)
        assert "another program listens there" in said and said.count("\n") == 1, said
    for address in ("localhost:1", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "::1:80", "[127.0.0.1]:80", ""):
        sh(TLS, "listen", "--address", address, "--socket", "/x", "--certs", str(pki.host), status=2)


def test_it_listens_on_ipv6_too(pki):
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        from world import Skip
        raise Skip("this host has no IPv6")
    with Relay(pki.dir, pki.host, address="[::1]:0") as relay:
        assert relay.place.startswith("[::1]:")
        link = relay.connect(pki.client, host="[::1]")
        assert echoes(link.socket)
        link.socket.close()
        assert link.ends()[0] == 0


def test_sigterm_ends_it_in_order(pki):
    with Relay(pki.dir, pki.host) as relay, relay.client(pki.client) as peer:
        assert echoes(peer)
        relay.end()
        peer.suppress_ragged_eofs = False
        assert peer.recv(10) == b"", "a close_notify, so no error"


def test_it_ends_with_its_parent(pki):
    starter = subprocess.Popen([sys.executable, "-c", "import subprocess,sys,time\n"
                                "p=subprocess.Popen(sys.argv[1:],stdout=subprocess.PIPE,text=True)\n"
                                "print(p.pid,p.stdout.readline(),flush=True)\ntime.sleep(99)",
                                TLS, "listen", "--address", "127.0.0.1:0", "--socket", "/x", "--certs", str(pki.host)],
                               stdout=subprocess.PIPE, text=True)
    pid, _, place = starter.stdout.readline().split()
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    poll("it has ended", lambda: not os.path.exists(f"/proc/{pid}") or " Z " in open(f"/proc/{pid}/stat").read())
    said = sh(TLS, "listen", "--address", "127.0.0.1:0", "--socket", "/x", "--certs", str(pki.host), "--parent", "1", status=1)
    assert "whoever started us has ended" in said, (said, place)


if __name__ == "__main__":
    sys.exit(main(globals()))
