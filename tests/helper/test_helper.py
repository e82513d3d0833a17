#!/usr/bin/env python3
"""The real banger-helper, in a network namespace of the test's own; disks where the kernel has device-mapper. Only root
can run this: skipped (status 77) for others.

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
import time
import traceback
from pathlib import Path

import client as c
from client import Client

HELPER = os.environ.get("BANGER_HELPER_BIN", "build/banger-helper")
SKIPPED = 77
CLONE_NEWNET = 0x40000000
SECTOR = 512


def sh(*command, status=0):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert status is None or done.returncode == status, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout


def poll(what, probe, seconds=5):
    deadline = time.monotonic() + seconds
    while not (value := probe()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)
    return value


def links():
    return {line.split()[0].partition("@")[0] for line in sh("ip", "-br", "link").splitlines()}


def forwarding():
    return Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()


def set_forwarding(text):
    Path("/proc/sys/net/ipv4/ip_forward").write_text(text)


def tables():
    return sorted(sh("nft", "list", "tables").splitlines())


def nat_set():
    text = sh("nft", "list", "set", "inet", "banger", "nat")
    return sorted(x.strip(", \n") for x in text.partition("elements = {")[2].partition("}")[0].split(",") if x.strip())


def nothing_left():
    return not {x for x in links() if x.startswith("bgr-")} and "table inet banger" not in tables()


class World:
    """A helper for user `owner`, and what it left."""

    def __init__(self, owner=1000):
        self.dir = Path(tempfile.mkdtemp(prefix="bgh-"))
        self.path = self.dir / "run" / "helper.sock"
        self.owner = owner
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([HELPER, "--uid", str(self.owner), "--socket", self.path],
                                        stdin=subprocess.DEVNULL, stderr=open(self.dir / "log", "a"))
        poll("the helper listens", self.listens)

    def listens(self):
        assert self.process.poll() is None, (self.dir / "log").read_text()
        try:
            Client(self.path).close()
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        status = self.process.wait(10)
        assert status == (0 if number == signal.SIGTERM else -number), status

    def client(self, **how):
        return Client(self.path, **how)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end()
        shutil.rmtree(self.dir)


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


# -- disks


def has_device_mapper():
    try:
        open("/dev/mapper/control", "rb").close()
        return True
    except OSError:
        return False


class Skip(Exception):
    pass


def our_loops():
    return sorted(x.parent.parent.name for x in Path("/sys/block").glob("loop*/loop/backing_file")
                  if "bgh-" in x.read_text())


class Files:
    """An image, and files of changes."""

    def __init__(self, world, mib=8):
        self.image = world.dir / "image"
        self.image.write_bytes(b"I" * (mib << 20))
        self.world = world

    def changes(self, name, size=None):
        path = self.world.dir / name
        if not path.exists():
            with open(path, "wb") as file:
                file.truncate(size or self.image.stat().st_size * 2)
        return path

    def attach(self, client, vm, size=None):
        image = os.open(self.image, os.O_RDONLY)
        changes = os.open(self.changes(vm, size), os.O_RDWR)
        reply = client.ask(c.ATTACH_DISK, fds=[image, changes], vm=vm)
        c.close_all([image, changes])
        return reply


def test_without_device_mapper_it_is_said_and_no_loop_is_left():
    if has_device_mapper():
        raise Skip("this kernel has it")
    with World() as world, world.client() as client:
        reply = Files(world).attach(client, "0123456789ab")
        assert reply.code == c.MISSING_PROGRAM and "modprobe dm-snapshot" in reply.hint and not reply.fds, reply
        assert client.ask(c.RELEASE_DISK, vm="0123456789ab").code == c.NONE
        assert client.ask(c.DESCRIBE).disks == 0
        assert our_loops() == []


def test_files_of_other_kinds_are_refused():
    with World() as world, world.client() as client:
        files = Files(world)
        odd = world.dir / "odd"
        odd.write_bytes(b"x" * 700)
        null = os.open("/dev/null", os.O_RDWR)
        image, writable = os.open(files.image, os.O_RDONLY), os.open(files.image, os.O_RDWR)
        part = os.open(odd, os.O_RDONLY)
        for pair in ((null, writable), (writable, writable), (image, image), (image, null), (part, writable)):
            reply = client.ask(c.ATTACH_DISK, fds=pair, vm="0123456789ab")
            assert reply.code == c.BAD_REQUEST and not reply.fds, reply
        c.close_all([null, image, writable, part])
        assert our_loops() == []


def needs_device_mapper():
    if not has_device_mapper():
        raise Skip("no device-mapper in this kernel")


def disk_names():
    return sorted(x.split()[0] for x in sh("dmsetup", "ls").splitlines() if x.startswith("bgr-"))


def test_vms_share_an_image_and_each_keeps_its_own_changes():
    needs_device_mapper()
    with World() as world, world.client() as client:
        files = Files(world)
        one, two = (files.attach(client, vm) for vm in ("0" * 12, "1" * 12))
        assert (one.code, one.name) == (c.NONE, "bgr-1000-" + "0" * 12), one
        assert len(our_loops()) == 3, our_loops()
        assert disk_names() == ["bgr-1000-" + "0" * 12, "bgr-1000-" + "1" * 12]
        os.pwrite(one.fd, b"W" * 4096, 4096)
        os.fsync(one.fd)
        assert os.pread(one.fd, 4096, 4096) == b"W" * 4096
        assert os.pread(two.fd, 4096, 4096) == b"I" * 4096
        assert files.image.read_bytes() == b"I" * (8 << 20), "nothing is written to the image"
        state = client.ask(c.DISK_STATUS, vm="0" * 12)
        assert 0 < state.used < state.total and not state.is_invalid, vars(state)
        assert client.ask(c.RELEASE_DISK, vm="0" * 12).code == c.BUSY
        c.close_all([one.fd, two.fd])
        poll("disks and loops are gone", lambda: not disk_names() and not our_loops())
        again = files.attach(client, "0" * 12)
        assert os.pread(again.fd, 4096, 4096) == b"W" * 4096, "changes are there after a stop"
        os.close(again.fd)
        poll("they are gone again", lambda: not disk_names() and not our_loops())
        assert client.ask(c.DISK_STATUS, vm="0" * 12).code == c.NOT_FOUND


def test_a_disk_that_is_there_is_not_made_twice():
    needs_device_mapper()
    with World() as world, world.client() as client:
        files = Files(world)
        one = files.attach(client, "0" * 12)
        twice = files.attach(client, "0" * 12)
        assert twice.code == c.ALREADY_EXISTS and not twice.fds, twice
        os.close(one.fd)
        poll("all is gone", lambda: not disk_names() and not our_loops())


def test_a_full_file_of_changes_is_told_and_the_image_is_whole():
    needs_device_mapper()
    with World() as world, world.client() as client:
        files = Files(world)
        disk = files.attach(client, "0" * 12, size=1 << 20)
        failed = False
        try:
            for at in range(0, 4 << 20, 1 << 16):
                os.pwrite(disk.fd, b"W" * (1 << 16), at)
            os.fsync(disk.fd)
        except OSError:
            failed = True
        assert failed, "it is an error for whoever writes"
        assert poll("it says so", lambda: client.ask(c.DISK_STATUS, vm="0" * 12).is_invalid)
        assert files.image.read_bytes() == b"I" * (8 << 20)
        os.close(disk.fd)
        poll("all is gone", lambda: not disk_names() and not our_loops())


def test_a_killed_helper_leaves_disks_as_they_are():
    needs_device_mapper()
    with World() as world:
        files = Files(world)
        with world.client() as client:
            disk = files.attach(client, "0" * 12)
        world.end(signal.SIGKILL)
        os.pwrite(disk.fd, b"W" * 4096, 0)
        world.start()
        with world.client() as client:
            assert client.ask(c.DESCRIBE).disks == 1
        os.close(disk.fd)
        poll("all is gone", lambda: not disk_names() and not our_loops())


def test_a_disk_that_was_half_made_goes_with_the_next_start():
    needs_device_mapper()
    sh("dmsetup", "create", "--noudevsync", "bgr-1000-" + "a" * 12, "--table", "0 16 zero")
    sh("dmsetup", "create", "--noudevsync", "bgr-1001-" + "a" * 12, "--table", "0 16 zero")
    with World():
        assert disk_names() == ["bgr-1001-" + "a" * 12], "another user's is left alone"
    sh("dmsetup", "remove", "--noudevsync", "bgr-1001-" + "a" * 12)


# -- many


def test_a_hundred_rounds_leave_nothing():
    with World() as world, world.client() as client:
        files = Files(world)
        before = len(os.listdir(f"/proc/{world.process.pid}/fd"))
        for n in range(100):
            os.close(client.ask(c.ATTACH_TAP, address=n, nat=n % 2 == 0).fd)
            if has_device_mapper():
                os.close(files.attach(client, f"{n:012x}").fd)
        poll("all of it is gone", lambda: nothing_left() and not our_loops())
        assert not has_device_mapper() or not disk_names()
        assert len(os.listdir(f"/proc/{world.process.pid}/fd")) == before


def run_apart(test):
    """In a process and a network of its own. Returns what went wrong; a text for a skip."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0, "unshare the network"
            sh("ip", "link", "set", "lo", "up")
            test()
            status = 0
        except Skip as why:
            print(f"  {why}")
            status = SKIPPED
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main():
    if os.geteuid() != 0:
        print("skipped: only root can run this")
        return SKIPPED
    words = sys.argv[1:]
    failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_") or (words and not any(word in name for word in words)):
            continue
        since = time.monotonic()
        status = run_apart(test)
        failed += status not in (0, SKIPPED)
        print({0: "ok  ", SKIPPED: "skip"}.get(status, "FAIL"), name[5:], f"({time.monotonic() - since:.2f} s)", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
