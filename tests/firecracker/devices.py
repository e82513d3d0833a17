"""What the stand-in does with devices of the host: what Firecracker does with them, as who it runs as. It opens a tap by
its name and a drive by its path, has both until it ends, and refuses a request whose device it cannot have."""

import fcntl
import os
import re
import stat
import struct
import subprocess
from pathlib import Path

TUNSETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ = 0x400454CA, 0x400454D0, 0x400454D8
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x2, 0x1000, 0x4000
OFFLOADS = 0x1 | 0x2 | 0x4  # TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6
VNET_HEADER = 12
BLOCK = 4096


def open_tap(name):
    """As Firecracker: one queue, and virtio's header before each frame."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        fcntl.ioctl(tap, TUNSETOFFLOAD, OFFLOADS)
        fcntl.ioctl(tap, TUNSETVNETHDRSZ, struct.pack("i", VNET_HEADER))
    except OSError:
        os.close(tap)
        raise
    return tap


def rust(error):
    """An OSError as Firecracker's texts have it."""
    return f"{os.strerror(error.errno)} (os error {error.errno})"


class Devices:
    def __init__(self):
        self.taps, self.drives = {}, {}
        self.network = self.lifeline = None

    def take(self, path, body):
        """Opens what a valid request names. @returns Firecracker's fault_message, or None."""
        if path.startswith("/network-interfaces/"):
            return self.take_tap(body["iface_id"], body["host_dev_name"])
        if path.startswith("/drives/"):
            return self.take_drive(body["drive_id"], body["path_on_host"], body.get("is_read_only", False))
        return None

    def take_tap(self, key, name):
        try:
            self.replace(self.taps, key, lambda: open_tap(name))
        except OSError as error:
            return (f"Could not create the network device: Open tap device failed: Error while creating ifreq structure: "
                    f"{rust(error)}. Invalid TUN/TAP Backend provided by {name}. Check our documentation on setting up "
                    "the network devices.")
        return None

    def take_drive(self, key, path, is_read_only):
        flags = os.O_RDONLY if is_read_only else os.O_RDWR
        try:
            self.replace(self.drives, key, lambda: os.open(path, flags | os.O_CLOEXEC))
        except OSError as error:
            return (f"Unable to create the virtio block device: Virtio backend error: Error manipulating the backing file: "
                    f"{rust(error)} {path}")
        return None

    @staticmethod
    def replace(held, key, opener):
        if key in held:
            os.close(held.pop(key))
        held[key] = opener()

    # -- where a guest would be

    def count_boot(self):
        """A guest that writes to its root disk: how often it booted, in the last block. Only of a device, for the files of
        other tests are no disks. @returns the count, or None."""
        disk = self.drives.get("root")
        if disk is None or not stat.S_ISBLK(os.fstat(disk).st_mode):
            return None
        at = os.lseek(disk, 0, os.SEEK_END) - BLOCK
        found = re.match(rb"boots: (\d+)\n", os.pread(disk, BLOCK, at))
        count = int(found[1]) + 1 if found else 1
        os.pwrite(disk, (b"boots: %d\n" % count).ljust(BLOCK, b"\0"), at)
        os.fsync(disk)
        return count

    def start_network(self, mac, initrd):
        """A guest with the address that its configuration in the initrd says, at the other end of the tap. It ends when we
        do. @returns once it can be reached"""
        said = dict(re.findall(rb"^(address|gateway)=(\S+)$", Path(initrd).read_bytes(), re.MULTILINE))
        alive, ours = os.pipe()
        tap = self.taps["eth0"]
        command = ["/usr/bin/python3", str(Path(__file__).with_name("guest_network.py")), str(tap), str(alive), mac,
                   said[b"address"].decode(), said[b"gateway"].decode()]
        self.network = subprocess.Popen(command, pass_fds=[tap, alive], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        os.close(alive)
        self.lifeline = ours
        return self.network.stdout.readline() == b"ready\n"
