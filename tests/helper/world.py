"""What the tests of banger-helper share: a helper in a network namespace of the test's own, what it leaves, and the
runner. Only root can run them: skipped (status 77) for others."""

import ctypes
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from client import Client

class Skip(Exception):
    pass


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


TUNSETIFF, TUNSETPERSIST, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 0x400454CB, 0x2, 0x1000, 0x4000


def open_tap(name, tun=None):
    """Opens a tap by its name as Firecracker does. @param tun  /dev/net/tun, open: where there is no udev, root's alone"""
    tap = tun or os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    except OSError:
        os.close(tap)
        raise
    return tap


def as_user(uid, work):
    """Does `work` in a process of this user's. @returns 0, or the errno of the OSError that ended it."""
    pid = os.fork()
    if pid == 0:
        status = 255
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            work()
            status = 0
        except OSError as why:
            status = why.errno
        except BaseException:
            traceback.print_exc()
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


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


def main(tests):
    """Runs those of a module's test_* whose name has one of the words. @param tests  its globals()"""
    if os.geteuid() != 0:
        print("skipped: only root can run this")
        return SKIPPED
    words = sys.argv[1:]
    failed = 0
    for name, test in list(tests.items()):
        if not name.startswith("test_") or (words and not any(word in name for word in words)):
            continue
        since = time.monotonic()
        status = run_apart(test)
        failed += status not in (0, SKIPPED)
        print({0: "ok  ", SKIPPED: "skip"}.get(status, "FAIL"), name[5:], f"({time.monotonic() - since:.2f} s)", flush=True)
    return int(failed > 0)
