#!/usr/bin/env python3
"""The real banger-helper: disks, where the kernel has device-mapper.

Usage: test_disks.py [WORD...]     only tests whose name has one of the words"""

import os
import signal
import sys
from pathlib import Path

import client as c
from world import Skip, World, main, nothing_left, poll, sh


def has_device_mapper():
    try:
        open("/dev/mapper/control", "rb").close()
        return True
    except OSError:
        return False


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

    def attach(self, client, vm, size=None, op=c.ATTACH_DISK):
        image = os.open(self.image, os.O_RDONLY)
        changes = os.open(self.changes(vm, size), os.O_RDWR)
        reply = client.ask(op, fds=[image, changes], vm=vm)
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


def fds(world):
    folder = Path(f"/proc/{world.process.pid}/fd")
    return sorted(os.readlink(x) for x in folder.iterdir())


def test_a_hundred_rounds_leave_nothing():
    with World() as world, world.client() as client:
        files = Files(world)
        before = len(fds(world))
        for n in range(100):
            os.close(client.ask(c.ATTACH_TAP, address=n, nat=n % 2 == 0).fd)
            if has_device_mapper():
                os.close(files.attach(client, f"{n:012x}").fd)
        poll("all of it is gone", lambda: nothing_left() and not our_loops())
        assert not has_device_mapper() or not disk_names()
        after = fds(world)
        assert len(after) <= before, after  # one of its clients may have just left before


if __name__ == "__main__":
    sys.exit(main(globals()))
