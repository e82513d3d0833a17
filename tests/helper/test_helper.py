#!/usr/bin/env python3
"""The real banger-helper: taps, bridge, NAT, and who may ask for what.

Usage: test_helper.py [WORD...]     only tests whose name has one of the words"""

import ctypes
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import client as c
from client import Client
from world import CLONE_NEWNET, HELPER, World, forwarding, links, main, nat_set, nothing_left, poll, set_forwarding, sh, tables


# -- taps, bridge, NAT


def test_a_tap_is_a_port_of_the_bridge_and_goes_with_its_descriptor():
    with World() as world, world.client() as client:
        reply = client.ask(c.ATTACH_TAP, address=0)
        assert reply.code == c.NONE and reply.name == "bgr-t0000", reply
        assert "master bgr-br0" in sh("ip", "link", "show", "bgr-t0000")
        assert "UP" in sh("ip", "-br", "link", "show", "bgr-t0000").split("<")[1]
        assert "10.77.0.1/16" in sh("ip", "-br", "addr", "show", "bgr-br0")
        assert nat_set() == []
        counts = client.ask(c.DESCRIBE)
        assert (counts.taps, counts.with_nat, counts.has_bridge, counts.is_forwarding) == (1, 0, True, False), counts
        ipv6 = pathlib.Path("/proc/sys/net/ipv6/conf/bgr-br0/disable_ipv6")
        assert not ipv6.exists() or ipv6.read_text() == "1\n", "a guest can advertise itself as the host's router"
        os.close(reply.fd)
        poll("all of it is gone", nothing_left)
        assert client.ask(c.DESCRIBE).taps == 0


def test_nat_turns_forwarding_on_and_its_end_turns_it_off_again():
    set_forwarding("0")
    with World() as world, world.client() as client:
        first = client.ask(c.ATTACH_TAP, address=0, nat=True)
        second = client.ask(c.ATTACH_TAP, address=253, nat=True)
        assert nat_set() == ["10.77.0.2", "10.77.1.2"] and forwarding() == "1"
        os.close(first.fd)
        poll("its element is gone", lambda: nat_set() == ["10.77.1.2"])
        assert forwarding() == "1"
        assert client.ask(c.SET_NAT, address=253, nat=False).code == c.NONE
        assert nat_set() == [] and forwarding() == "0"
        assert client.ask(c.SET_NAT, address=253, nat=True).code == c.NONE
        assert nat_set() == ["10.77.1.2"] and forwarding() == "1"
        assert client.ask(c.RELEASE_TAP, address=253).code == c.NONE  # though it is still held
        assert nothing_left() and forwarding() == "0"
        assert client.ask(c.RELEASE_TAP, address=253).code == c.NONE  # again: fine
        os.close(second.fd)


def test_forwarding_that_was_on_stays_on():
    set_forwarding("1")
    with World() as world, world.client() as client:
        os.close(client.ask(c.ATTACH_TAP, address=0, nat=True).fd)
        poll("all of it is gone", nothing_left)
        assert forwarding() == "1"


def test_the_users_own_rules_are_not_touched():
    sh("nft", "add table inet filter; add chain inet filter input { type filter hook input priority 0; };"
       " add rule inet filter input tcp dport 22 accept; add table ip nat")
    before = sh("nft", "list", "ruleset")
    with World() as world, world.client() as client:
        reply = client.ask(c.ATTACH_TAP, address=0, nat=True)
        assert "table inet banger" in tables()
        os.close(reply.fd)
        poll("banger's table is gone", nothing_left)
    assert sh("nft", "list", "ruleset") == before


def test_rules_that_somebody_flushed_come_back_with_the_next_request():
    with World() as world, world.client() as client:
        client.ask(c.ATTACH_TAP, address=0, nat=True)
        sh("nft", "flush", "ruleset")
        client.ask(c.ATTACH_TAP, address=1, nat=True)
        assert nat_set() == ["10.77.0.2", "10.77.0.3"]


def test_an_address_that_is_in_use_is_refused():
    with World() as world, world.client() as client, world.client() as other:
        client.ask(c.ATTACH_TAP, address=7)
        reply = other.ask(c.ATTACH_TAP, address=7)
        assert reply.code == c.ALREADY_EXISTS and not reply.fds and "ip link show" in reply.hint, reply
        assert other.ask(c.DESCRIBE).taps == 1


def test_another_users_tap_is_left_alone():
    with World() as world, world.client() as client, World(owner=1001) as another, another.client() as stranger:
        client.ask(c.ATTACH_TAP, address=0, nat=True)
        assert stranger.ask(c.RELEASE_TAP, address=0).code == c.BAD_REQUEST
        assert stranger.ask(c.SET_NAT, address=0, nat=False).code == c.BAD_REQUEST
        own = stranger.ask(c.ATTACH_TAP, address=1, nat=True)
        assert nat_set() == ["10.77.0.2", "10.77.0.3"]
        os.close(own.fd)
        poll("only its own is gone", lambda: nat_set() == ["10.77.0.2"])


def test_helpers_of_two_users_take_turns():
    """The last tap of one takes the bridge away, and the first of another wants it, again and again."""

    def come_and_go(world, address, errors):
        with world.client() as client:
            for _ in range(40):
                reply = client.ask(c.ATTACH_TAP, address=address, nat=True)
                if reply.code != c.NONE:
                    errors.append(reply)
                    return
                if f"bgr-t{address:04x}" not in sh("ip", "-br", "link", "show", "master", "bgr-br0", status=None):
                    errors.append(f"tap {address} is on no bridge")
                os.close(reply.fd)
                released = client.ask(c.RELEASE_TAP, address=address)
                if released.code != c.NONE:
                    errors.append(released)

    errors = []
    with World(1000) as one, World(1001) as other:
        threads = [threading.Thread(target=come_and_go, args=(world, address, errors))
                   for world, address in ((one, 7), (other, 8))]
        for x in threads:
            x.start()
        for x in threads:
            x.join()
        assert not errors, errors
        poll("nothing is left", nothing_left)


def test_a_user_can_have_so_many_taps():
    most = 512
    with World() as world, world.client() as client:
        fds = []
        for address in range(most):
            fds.append(client.ask(c.ATTACH_TAP, address=address).fd)
        refused = client.ask(c.ATTACH_TAP, address=most)
        assert refused.code == c.NO_SPACE and "512" in refused.why, refused
        for fd in fds:
            os.close(fd)
        poll("nothing is left", nothing_left, 60)


def test_a_killed_helper_leaves_taps_as_they_are_and_the_next_one_knows_them():
    set_forwarding("0")
    with World() as world:
        with world.client() as client:
            kept, gone = (client.ask(c.ATTACH_TAP, address=n, nat=True) for n in (0, 1))
        world.end(signal.SIGKILL)
        assert {"bgr-t0000", "bgr-t0001", "bgr-br0"} <= links() and nat_set() == ["10.77.0.2", "10.77.0.3"]
        os.close(gone.fd)
        world.start()
        assert nat_set() == ["10.77.0.2"], "what went while nobody looked"
        assert forwarding() == "1"
        os.close(kept.fd)
        poll("all of it is gone", nothing_left)
        assert forwarding() == "0", "that it was off outlived the helper"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def datagram(source, target, port, payload):
    """A UDP packet in an IPv4 packet in an Ethernet frame to the bridge, as a guest would send it."""
    udp = struct.pack("!HHHH", 4000, port, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(source),
                       socket.inet_aton(target))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return bytes.fromhex("026267720001525400000001") + b"\x08\x00" + head + udp


class Outside:
    """Another host: a network namespace at the other end of a cable, 192.0.2.1 here and 192.0.2.2 there."""

    def __enter__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "60"])
        mine = os.readlink("/proc/self/ns/net")
        poll("it has a network", lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != mine)
        sh("ip", "link", "add", "cable0", "type", "veth", "peer", "name", "cable1", "netns", str(self.holder.pid))
        sh("ip", "addr", "add", "192.0.2.1/24", "dev", "cable0")
        sh("ip", "link", "set", "cable0", "up")
        inside = ("nsenter", "-n", "-t", str(self.holder.pid))
        sh(*inside, "ip", "addr", "add", "192.0.2.2/24", "dev", "cable1")
        sh(*inside, "ip", "link", "set", "cable1", "up")
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self.holder.pid}/ns/net", os.O_RDONLY)
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.setns(there, CLONE_NEWNET) == 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("192.0.2.2", 5000))
        assert libc.setns(here, CLONE_NEWNET) == 0
        self.udp.settimeout(5)
        return self

    def __exit__(self, *_):
        self.udp.close()
        sh("ip", "link", "del", "cable0")
        self.holder.kill()
        self.holder.wait()


def test_packets_of_a_guest_with_nat_leave_with_the_hosts_address_and_others_do_not_leave():
    with World() as world, world.client() as client, Outside() as outside:
        tap = client.ask(c.ATTACH_TAP, address=0, nat=False).fd
        virtio_head = bytes(10)
        os.write(tap, virtio_head + datagram("10.77.0.2", "192.0.2.2", 5000, b"refused!"))
        client.ask(c.SET_NAT, address=0, nat=True)
        os.write(tap, virtio_head + datagram("10.77.0.2", "192.0.2.2", 5000, b"let through"))
        data, source = outside.udp.recvfrom(100)
        assert (data, source[0]) == (b"let through", "192.0.2.1"), (data, source)


# -- who may ask, and how


def test_only_the_user_and_root_may_ask():
    with World(owner=1000) as world:
        stat = world.path.stat()
        assert (stat.st_uid, stat.st_mode & 0o777) == (1000, 0o600), stat
        world.path.chmod(0o666)
        world.dir.chmod(0o755)
        for uid, wanted in ((1000, True), (1001, False), (0, True)):
            assert is_served(world, uid) == wanted, uid


def is_served(world, uid):
    """Whether a process of this user's gets an answer."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgid(uid)
            os.setuid(uid)
            os._exit(0 if world.client(greets=False).ask(c.HELLO) else 1)
        except OSError:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def expect_end(client):
    try:
        reply = client.receive()
    except ConnectionResetError:
        reply = None
    assert reply is None, reply


def test_what_is_no_request_ends_the_connection_and_nothing_else():
    with World() as world, world.client() as good:
        for data in (b"x", b"BGRH", bytes(32), c.request(c.HELLO) + b"x", b"x" * 5000):
            with world.client(greets=False) as client:
                client.send(data)
                reply = client.receive()
                assert reply is None or reply.code == c.BAD_REQUEST, (data, reply)
                expect_end(client)
        with world.client(greets=False) as client:
            client.send(c.request(c.DESCRIBE))  # before hello
            expect_end(client)
        with world.client() as client:
            client.send(c.request(c.HELLO))  # a second one
            expect_end(client)
        with world.client() as client, open("/dev/null", "rb") as null:
            client.send(c.request(c.DESCRIBE), [null.fileno()])  # a descriptor too many
            expect_end(client)
        with world.client() as client:
            client.send(c.request(c.ATTACH_DISK, vm="0123456789ab"))  # two too few
            expect_end(client)
        assert good.ask(c.DESCRIBE).code == c.NONE
        fds = len(os.listdir(f"/proc/{world.process.pid}/fd"))
        assert fds < 12, fds


def test_another_version_is_told_so():
    with World() as world, world.client(greets=False) as client:
        client.send(c.request(c.HELLO, version=2))
        reply = client.receive()
        assert reply.code == c.VERSION_MISMATCH and "restart" in reply.hint, reply


def test_values_that_no_vm_has_are_refused():
    with World() as world:
        for data in (c.request(c.ATTACH_TAP, address=256 * 253), c.request(c.DISK_STATUS, vm="../../etc/pas"[:12]),
                     c.request(c.ATTACH_TAP, vm="0123456789ab"), c.request(99)):
            with world.client() as client:
                client.send(data)
                assert client.receive().code == c.BAD_REQUEST, data


def run_helper(*args, **how):
    return subprocess.run([HELPER, *args], capture_output=True, text=True, timeout=10, check=False, **how)


def test_the_command_line_says_what_is_wrong():
    for args, text in ((("--uid",), "lacks its value"), ((), "--uid is missing"), (("--uid", "x"), "not a user id"),
                       (("--uid", "4294967295"), "not a user id"), (("--uid", "1", "more"), "'more'"),
                       (("--shell",), "'--shell'")):
        done = run_helper(*args)
        assert done.returncode == 2 and text in done.stderr and len(done.stderr.splitlines()) == 2, (args, done)
    assert run_helper("--help").stdout.startswith("banger-helper") and run_helper("--version").returncode == 0
    done = run_helper("--uid", "1000", user=1000, group=1000)
    assert done.returncode == 1 and "sudo banger-helper --uid 1000" in done.stderr, done


def test_a_second_helper_leaves_the_first_its_socket():
    with World() as world:
        done = subprocess.run([HELPER, "--uid", "1000", "--socket", world.path], capture_output=True, text=True, timeout=10)
        assert done.returncode == 1 and "somebody listens there" in done.stderr, done
        with world.client() as client:
            assert client.ask(c.DESCRIBE).code == c.NONE


def test_a_socket_of_systemd_takes_the_place_of_its_own():
    folder = Path(tempfile.mkdtemp(prefix="bgh-"))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(folder / "s"))
    listener.listen()
    script = f"exec 3<&{listener.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$; exec {HELPER} --uid 1000 --socket /none/s"
    with subprocess.Popen(["bash", "-c", script], pass_fds=[listener.fileno()]) as process:
        with Client(folder / "s") as client:
            assert client.ask(c.DESCRIBE).code == c.NONE
        process.terminate()
        assert process.wait(10) == 0
    assert (folder / "s").exists(), "it is systemd's"
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main(globals()))
