#!/usr/bin/python3
"""A guest's network without a guest: a network namespace, of an ordinary user's too, whose card is the other end of a tap.
The host's kernel answers there for the guest; on port 22 there is what BANGER_STAND_IN_SSHD says.

Usage: guest_network.py TAP ALIVE MAC ADDRESS/PREFIX GATEWAY     TAP, ALIVE: descriptors; it ends when ALIVE does"""

import ctypes
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

from devices import open_tap

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
FRAME = 1 << 17
CARD = "eth0"


def enter_own_network():
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWNET if user == 0 else CLONE_NEWNET | CLONE_NEWUSER
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "make a network of its own")
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def make_card(mac, address, gateway):
    card = open_tap(CARD)
    for words in (f"link set {CARD} address {mac}", f"addr add {address} dev {CARD}", "link set lo up",
                  f"link set {CARD} up", f"route add default via {gateway}"):
        subprocess.run(["ip", *words.split()], check=True)
    return card


def carry(source, target):
    """A frame, with virtio's header as it is: what one end left to be done, the other does."""
    try:
        os.write(target, os.read(source, FRAME))
    except OSError:
        pass  # one of them is down


def main():
    tap, alive = int(sys.argv[1]), int(sys.argv[2])
    # Another's descriptor would keep the tap from its end.
    for fd in (tap, alive):
        os.set_inheritable(fd, False)
    enter_own_network()
    card = make_card(*sys.argv[3:])
    listener = socket.create_server(("", 22))
    sshd = json.loads(os.environ.get("BANGER_STAND_IN_SSHD", "null"))
    print("ready", flush=True)
    children = []
    while True:
        ready = select.select([tap, card, alive, listener], [], [])[0]
        if alive in ready:
            return
        if tap in ready:
            carry(tap, card)
        if card in ready:
            carry(card, tap)
        if listener in ready:
            with listener.accept()[0] as client:
                if sshd:
                    children.append(subprocess.Popen(sshd, stdin=client, stdout=client))
        children = [x for x in children if x.poll() is None]


if __name__ == "__main__":
    main()
