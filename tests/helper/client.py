"""banger-helper's protocol, written a second time: docs/helper.md is what both go by."""

import os
import socket
import struct

(HELLO, ATTACH_TAP, RELEASE_TAP, SET_NAT, ATTACH_DISK, DISK_STATUS, RELEASE_DISK, DESCRIBE, LEND_TAP,
 LEND_DISK) = range(1, 11)
NONE, FAILED, BAD_REQUEST, NOT_FOUND, ALREADY_EXISTS = range(5)
BUSY, VERSION_MISMATCH, MISSING_PROGRAM, NO_SPACE = 6, 10, 13, 14
VERSION = 1
REPLY = struct.Struct("<4sHBBIIQQIII32s48s128s68s")


class Reply:
    def __init__(self, data, fds):
        (magic, self.version, self.op, flags, self.number, self.code, self.used, self.total, self.taps, self.with_nat,
         self.disks, name, what, why, hint) = REPLY.unpack(data)
        assert magic == b"BGRH", data
        self.name, self.what, self.why, self.hint = (x.rstrip(b"\0").decode() for x in (name, what, why, hint))
        self.is_invalid, self.has_bridge, self.is_forwarding = (bool(flags & x) for x in (1, 2, 4))
        self.fds = fds

    def __repr__(self):
        return f"code {self.code}: {self.what}: {self.why} ({self.hint})"

    @property
    def fd(self):
        assert len(self.fds) == 1, (self, self.fds)
        return self.fds[0]


def request(op, number=0, address=0, nat=False, vm="", version=VERSION):
    return struct.pack("<4sHBBII12s4x", b"BGRH", version, op, nat, number, address, vm.encode())


class Client:
    """One connection to a helper."""

    def __init__(self, path, greets=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.number = 0
        if greets:
            assert self.ask(HELLO).code == NONE

    def send(self, data, fds=()):
        socket.send_fds(self.socket, [data], fds)

    def receive(self):
        """The next answer; None at the end of the connection."""
        data, fds, _, _ = socket.recv_fds(self.socket, 1024, 4)
        return Reply(data, fds) if data else None

    def ask(self, op, fds=(), **values):
        self.number += 1
        self.send(request(op, self.number, **values), fds)
        reply = self.receive()
        assert reply is None or (reply.op, reply.number) == (op, self.number), reply
        return reply

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def close_all(fds):
    for fd in fds:
        os.close(fd)
