#!/usr/bin/env python3
"""The real banger-helper: taps and disks that a program of the user's opens by their names, as Firecracker does.

Usage: test_lent.py [WORD...]     only tests whose name has one of the words"""

import errno
import fcntl
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import client as c
from test_disks import Files, disk_names, needs_device_mapper, our_loops
from world import HELPER, TUNSETPERSIST, World, as_user, forwarding, links, main, nat_set, nothing_left, open_tap, poll, sh

USER, STRANGER = 1000, 1001
NAME = "bgr-t0000"


def lend(client, address=0, **how):
    reply = client.ask(c.LEND_TAP, address=address, **how)
    assert (reply.code, reply.name, reply.fds) == (c.NONE, f"bgr-t{address:04x}", []), reply
    return reply.name


def owner(name):
    """Of one that the kernel keeps."""
    words = sh("ip", "-d", "link", "show", name).split()
    assert words[words.index("persist") + 1] == "on", words
    user = words[words.index("user") + 1]
    return int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid


def open_as(uid, name=NAME):
    """@returns 0, or the errno that it comes to"""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    why = as_user(uid, lambda: open_tap(name, tun))
    os.close(tun)
    return why


class Holder:
    """A process of the user's that has a tap open until it is killed."""

    def __init__(self, name=NAME):
        ready, told = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
                os.setresuid(USER, USER, USER)
                open_tap(name, tun)
                os.write(told, b"x")
                time.sleep(60)
            finally:
                os._exit(1)
        os.close(told)
        assert os.read(ready, 1) == b"x", "it could not be opened"
        os.close(ready)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


# -- taps


def test_a_lent_tap_is_its_users_to_open_and_goes_when_it_was_closed():
    with World() as world:
        with world.client() as client:
            lend(client, nat=True)
            assert owner(NAME) == USER and "master bgr-br0" in sh("ip", "link", "show", NAME)
            assert nat_set() == ["10.77.0.2"] and client.ask(c.DESCRIBE).taps == 1
            holder = Holder()
        assert open_as(USER) == errno.EBUSY, "it is one program's at a time"
        time.sleep(1.5)  # longer than the kernel waits before it tells of a carrier
        assert NAME in links(), "it is held"
        holder.kill()
        poll("all of it is gone", lambda: nothing_left() and forwarding() == "0")


def test_nobody_else_can_open_it():
    with World() as world, world.client() as client:
        lend(client)
        assert open_as(STRANGER) == errno.EPERM
        assert open_as(USER) == 0


def test_one_that_nobody_opens_stays_while_its_asker_does_and_no_longer():
    with World() as world:
        with world.client() as client, world.client() as other:
            lend(client)
            lend(client, address=1)
            os.close(other.ask(c.ATTACH_TAP, address=2).fd)  # what has the helper look at all taps
            other.close()
            time.sleep(1.5)
            assert {NAME, "bgr-t0001"} <= links()
            assert client.ask(c.LEND_TAP, address=0).code == c.ALREADY_EXISTS
        poll("all of it is gone", nothing_left)


def test_it_can_be_lent_again_at_once():
    """A daemon that died with it, and the next one."""
    with World() as world:
        for _ in range(20):
            with world.client() as client:
                lend(client, nat=True)


def test_a_release_removes_it_held_or_not():
    with World() as world, world.client() as client:
        for is_held in (True, False):
            lend(client)
            holder = Holder() if is_held else None
            assert client.ask(c.RELEASE_TAP, address=0).code == c.NONE
            assert nothing_left()
            if holder:
                holder.kill()
            assert client.ask(c.RELEASE_TAP, address=0).code == c.NONE  # again: fine


def test_another_user_can_neither_release_nor_keep_it():
    with World() as world, world.client() as client, World(owner=STRANGER) as another, another.client() as stranger:
        lend(client)
        assert stranger.ask(c.RELEASE_TAP, address=0).code == c.BAD_REQUEST
        assert stranger.ask(c.LEND_TAP, address=0).code == c.ALREADY_EXISTS
        lend(stranger, address=1)
        assert (owner(NAME), owner("bgr-t0001")) == (USER, STRANGER)
        stranger.close()
        poll("only its own is gone", lambda: "bgr-t0001" not in links())
        assert NAME in links()


def test_what_a_killed_helper_lent_stays_where_it_is_held_and_goes_with_the_next_one_where_not():
    with World() as world:
        with world.client() as client:
            lend(client, nat=True)
            lend(client, address=1, nat=True)
            holder = Holder()
            world.end(signal.SIGKILL)
        assert {NAME, "bgr-t0001"} <= links(), "the kernel keeps both"
        world.start()
        assert nat_set() == ["10.77.0.2"] and NAME in links() and "bgr-t0001" not in links()
        holder.kill()
        poll("all of it is gone", nothing_left)


def test_what_ended_while_no_helper_ran_goes_with_the_next_one():
    with World() as world:
        with world.client() as client:
            lend(client, nat=True)
            holder = Holder()
        world.end(signal.SIGKILL)
        holder.kill()
        assert NAME in links(), "the kernel keeps it"
        world.start()
        assert nothing_left() and forwarding() == "0"


def test_a_tap_that_a_user_makes_persistent_goes_all_the_same():
    with World() as world, world.client() as client:
        tap = client.ask(c.ATTACH_TAP, address=0).fd
        fcntl.ioctl(tap, TUNSETPERSIST, 1)
        os.close(tap)
        poll("all of it is gone", nothing_left)


def test_lent_taps_count_as_others_do():
    most = 512
    with World() as world, world.client() as client:
        for address in range(most):
            lend(client, address)
        refused = client.ask(c.LEND_TAP, address=most)
        assert refused.code == c.NO_SPACE and "512" in refused.why, refused
        client.close()
        poll("nothing is left", nothing_left, 60)


def test_the_units_capabilities_are_enough():
    """What the systemd unit leaves it."""
    unit = Path(HELPER).resolve().parent / "helper" / "banger-helper@.service"
    if not unit.exists():
        unit = Path(__file__).resolve().parents[2] / "helper" / "banger-helper@.service.in"
    bounds = next((x.partition("=")[2].split() for x in (unit.read_text() if unit.exists() else "").splitlines()
                   if x.startswith("CapabilityBoundingSet=")), ["CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_CHOWN"])
    caps = ",".join("+" + x[4:].lower() for x in bounds)
    with World() as world:
        world.end()
        world.process = subprocess.Popen(["setpriv", "--bounding-set", f"-all,{caps}", HELPER, "--uid", str(USER), "--socket",
                                          world.path], stdin=subprocess.DEVNULL)
        poll("the helper listens", world.listens)
        with world.client() as client:
            lend(client, nat=True)
            Holder().kill()
            if Path("/dev/mapper/control").exists():
                reply = Files(world).attach(client, "0" * 12, op=c.LEND_DISK)
                assert reply.code in (c.NONE, c.MISSING_PROGRAM), reply
                c.close_all(reply.fds)
            assert client.ask(c.RELEASE_TAP, address=0).code == c.NONE
        poll("nothing is left", lambda: nothing_left() and not our_loops())


# -- disks


def node_of(fd):
    return Path(f"/dev/dm-{os.minor(os.fstat(fd).st_rdev)}")


def test_a_lent_disks_node_is_its_users_to_open_and_nobody_elses():
    needs_device_mapper()
    with World() as world, world.client() as client:
        files = Files(world)
        disk = files.attach(client, "0" * 12, op=c.LEND_DISK)
        assert (disk.code, disk.name) == (c.NONE, "bgr-1000-" + "0" * 12), disk
        node = node_of(disk.fd)
        found = node.stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (USER, 0o600), found
        assert as_user(STRANGER, lambda: os.open(node, os.O_RDWR)) == errno.EACCES
        pid = os.fork()
        if pid == 0:
            os.setresuid(USER, USER, USER)
            own = os.open(node, os.O_RDWR)
            os.pwrite(own, b"W" * 4096, 4096)
            os.fsync(own)
            time.sleep(60)
        poll("it is written", lambda: os.pread(disk.fd, 1, 4096) == b"W")
        os.close(disk.fd)
        assert disk_names() == [disk.name], "it is held by who opened it"
        assert client.ask(c.RELEASE_DISK, vm="0" * 12).code == c.BUSY
        assert files.image.read_bytes() == b"I" * (8 << 20), "nothing is written to the image"
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        poll("disk, node and loops are gone", lambda: not disk_names() and not our_loops() and not node.exists())


def test_a_lent_disk_that_nobody_opens_goes_with_its_descriptor():
    needs_device_mapper()
    with World() as world, world.client() as client:
        files = Files(world)
        disk = files.attach(client, "0" * 12, op=c.LEND_DISK)
        node = node_of(disk.fd)
        os.close(disk.fd)
        poll("it is gone", lambda: not disk_names() and not our_loops())
        attached = files.attach(client, "0" * 12)  # the same number again, most likely
        assert node_of(attached.fd).stat().st_uid == 0, "the next device's node is root's again"
        os.close(attached.fd)
        poll("it is gone again", lambda: not disk_names() and not our_loops() and not node.exists())


if __name__ == "__main__":
    sys.exit(main(globals()))
