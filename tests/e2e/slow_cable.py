#!/usr/bin/env python3
"""A cable between two networks that holds up every packet for as long as it is told to, both ways and in order.

slow_cable.py PID NAME PID NAME: the ends, each an interface of that name in the network of that process. Says "ready";
then reads seconds, a number a line. Ends with its standard input.

The kernel's own (tc netem) is a module that not every one has; these are two tun devices with a queue between them."""

import collections
import ctypes
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000
LARGEST = 65536


def end_in(pid, name):
    network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(network, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(network)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def take(tun, queue, due):
    try:
        while True:
            queue.append((max(due, queue[-1][0]) if queue else due, os.read(tun, LARGEST)))
    except OSError:  # all there was, or an end that is down
        pass


def give(queue, tun):
    while queue and queue[0][0] <= time.monotonic():
        try:
            os.write(tun, queue.popleft()[1])
        except OSError:  # down: lost
            pass


def main():
    one, other = (end_in(pid, name) for pid, name in (sys.argv[1:3], sys.argv[3:5]))
    ways = {one: (other, collections.deque()), other: (one, collections.deque())}
    print("ready", flush=True)
    delay = 0.0
    while True:
        waits = [queue[0][0] - time.monotonic() for _, queue in ways.values() if queue]
        ready, _, _ = select.select([0, one, other], [], [], max(0, min(waits)) if waits else None)
        if 0 in ready:
            line = os.read(0, 64)
            if not line:
                return
            delay = float(line.split()[-1])
        for tun, (to, queue) in ways.items():
            if tun in ready:
                take(tun, queue, time.monotonic() + delay)
            give(queue, to)


main()
