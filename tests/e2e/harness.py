"""One sandbox per test: an own home, an own daemon, real guests. Nothing of it may be left over."""

import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import images

BUILD = images.build_dir()
BANGER = BUILD / "banger"
COMMAND_SECONDS = 90
PATIENCE = float(os.environ.get("BANGER_E2E_PATIENCE", "1"))  # for slow hosts: scales all limits


class Skip(Exception):
    """The test can't run here; its text says why."""


def slow(reason):
    """Marks a test that runs only where BANGER_E2E_SLOW is set."""

    def mark(test):
        test.slow_reason = reason
        return test

    return mark


def alone(test):
    """Marks a test that keeps both processors of a small machine busy, and starves beside others."""
    test.is_alone = True
    return test


def limit(seconds):
    """Gives a test another time limit than the usual one."""

    def mark(test):
        test.limit_seconds = seconds
        return test

    return mark


class Result:
    """What a command did: exit status (negative: killed by that signal), stdout and stderr."""

    def __init__(self, args, status, out, err, seconds):
        self.args, self.status, self.out, self.err, self.seconds = args, status, out, err, seconds

    @property
    def text(self):
        return self.out.decode()

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self):
        line = " ".join(os.fsdecode(x) for x in self.args)[:300]
        return (f"banger {line}: status {self.status} after {self.seconds:.1f} s\n"
                f"  stdout: {self.out[-1500:]!r}\n  stderr: {self.err[-1500:]!r}")


def check(is_true, *what):
    """Like assert, but never compiled away, and with all that helps to find the cause."""
    if not is_true:
        raise AssertionError("\n".join(str(x) for x in what))


def equal(got, wanted, *what):
    check(got == wanted, f"got    {short(got)}\nwanted {short(wanted)}", *what)


def short(value):
    text = repr(value)
    return text if len(text) < 2000 else f"{text[:1000]} ... {text[-900:]}"


def poll(what, probe, seconds, pause=0.05):
    """Asks `probe` until it gives something true, which is returned; else the test fails."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = probe()
        if value:
            return value
        check(time.monotonic() < deadline, f"waited {seconds * PATIENCE:.0f} s in vain: {what}")
        time.sleep(pause)


def takes_at_most(seconds, since, *what):
    """Checks how long something took. @param since of time.monotonic()."""
    took = time.monotonic() - since
    check(took < seconds * PATIENCE, f"took {took:.1f} s, {seconds} s is the most", *what)


def read_bytes(path):
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def is_alive(pid):
    """False for a zombie too: it holds nothing any more."""
    fields = read_bytes(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return bool(fields) and fields[0] not in (b"Z", b"X")


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def guest_listeners():
    """(address, port, inode) of each listening TCP socket on the loopback addresses of guests."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        address, port = fields[1].split(":")
        dotted = socket.inet_ntoa(bytes.fromhex(address)[::-1])
        if fields[3] == "0A" and dotted.startswith("127.77."):
            found.append((dotted, int(port, 16), fields[9]))
    return found


def socket_inodes(pid):
    inodes = set()
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    except OSError:
        pass
    return inodes


def enter_own_network():
    """Moves this process, and so all that it starts, to a network with nothing but a loopback."""
    clone_newnet = 0x40000000
    if ctypes.CDLL(None, use_errno=True).unshare(clone_newnet) != 0:
        raise OSError(ctypes.get_errno(), "unshare the network")
    set_flags, up_and_running = 0x8914, 0x41  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING: netdevice(7)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up_and_running))


class Sandbox:
    """A clean world for one user of banger. Use as a context manager: its end checks for leaks."""

    def __init__(self, with_image=True):
        built = images.find_images() if with_image else None  # may fail: nothing is made yet
        base = os.environ.get("TMPDIR", "/tmp")
        base = base if len(base) < 40 else "/tmp"  # a socket's path is short
        self.dir = Path(tempfile.mkdtemp(prefix="bgt-", dir=base))
        self.home, self.runtime = self.dir / "h", self.dir / "r"
        self.temporary = self.dir / "t"
        for path in (self.home, self.runtime, self.temporary):
            path.mkdir(mode=0o700)
        self.temporary.chmod(0o1777)  # builders become other users
        self.dir.chmod(0o755)
        self.state = self.home / ".local/state/banger"
        self.data = self.home / ".local/share/banger"
        self.images = self.data / "images"
        self.socket = self.runtime / "banger/bangerd.sock"
        self.env = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
                    "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.runtime),
                    "TMPDIR": str(self.temporary), "LANG": "C.UTF-8"}
        self.started = []
        if built:
            self.images.mkdir(parents=True, mode=0o700)
            for path in (self.data, self.images):
                path.chmod(0o700)
            images.link_image(built, self.images)

    # -- commands

    def environment(self, changes):
        merged = {**self.env, **(changes or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def start(self, *args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
              stderr=subprocess.PIPE, env=None, **more):
        """Starts a command and returns it; it is ended with the sandbox at the latest."""
        process = subprocess.Popen([BANGER, *args], stdin=stdin, stdout=stdout, stderr=stderr,
                                   env=self.environment(env), cwd="/", **more)
        self.started.append(process)
        return process

    def run(self, *args, stdin=b"", timeout=COMMAND_SECONDS, env=None):
        """Runs a command to its end."""
        since = time.monotonic()
        process = self.start(*args, stdin=subprocess.PIPE, env=env)
        out, err = process.communicate(stdin, timeout=timeout * PATIENCE)
        return Result(args, process.returncode, out, err, time.monotonic() - since)

    def run_program(self, program, *args, timeout=COMMAND_SECONDS, env=None):
        """Runs another program than banger to its end, in the same world."""
        since = time.monotonic()
        done = subprocess.run([program, *args], env=self.environment(env), cwd="/", timeout=timeout * PATIENCE,
                              stdin=subprocess.DEVNULL, capture_output=True)
        return Result((program, *args), done.returncode, done.stdout, done.stderr, time.monotonic() - since)

    def ok(self, *args, **how):
        """Runs a command that must succeed."""
        result = self.run(*args, **how)
        check(result.status == 0, "expected success", result)
        return result

    def fails(self, status, *args, says="", **how):
        """Runs a command that must fail with this status, one line of error and no output."""
        result = self.run(*args, **how)
        equal(result.status, status, result)
        lines = result.err.decode(errors="replace").splitlines()
        errors = [x for x in lines if not x.startswith("hint: ")]
        check(len(errors) == 1, "expected one line of error", result)
        check(errors[0].startswith("banger: "), "an error starts with the program's name", result)
        check(len(lines) <= 2, "expected one hint at most", result)
        check(says in result.err.decode(errors="replace"), f"expected the text {says!r}", result)
        equal(result.out, b"", result)
        return result

    def sh(self, vm, script, **how):
        """Runs a shell script in a guest; it must succeed. Returns its output as text."""
        return self.ok("vm", "exec", vm, "--", "sh", "-ec", script, **how).text

    def vm(self, ref):
        return self.ok("vm", "show", ref, "-o", "json").json

    def vms(self):
        return {x["name"]: x for x in self.ok("vm", "list", "-o", "json").json["vms"]}

    def vm_in_list(self, name):
        """As the supervisor knows it, also where the VM itself does not answer."""
        return self.vms()[name]

    def daemon_pid(self):
        return self.ok("daemon", "status", "-o", "json").json["pid"]

    # -- what there is

    def processes(self, *names):
        """{pid: command line} of the processes that belong here, perhaps only of some programs."""
        mark, found = os.fsencode(self.dir) + b"/", {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            line = read_bytes(f"/proc/{entry}/cmdline")
            if mark not in line and mark not in read_bytes(f"/proc/{entry}/environ"):
                continue
            program = os.path.basename(line.split(b"\0")[0].decode(errors="replace"))
            if is_alive(entry) and (not names or program in names):
                found[int(entry)] = line.replace(b"\0", b" ").decode(errors="replace")[:160]
        return found

    def vm_folders(self):
        vms = self.state / "vms"
        return sorted(x.name for x in vms.iterdir()) if vms.is_dir() else []

    def expect_empty(self):
        """No VM in the list, no disk of one, no hypervisor."""
        equal(self.vms(), {})
        equal(self.vm_folders(), [])
        equal(self.processes("qemu-system-x86_64", "banger-net", "virtiofsd"), {})

    # -- the end

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if value is not None and not isinstance(value, Skip):
            self.print_logs()
        try:
            leaks = self.close()
        finally:
            self.remove()
        if leaks and value is not None:
            raise AssertionError("after the failure above, leaks too: " + "\n".join(leaks))
        check(not leaks, "left over after the test:", *leaks)

    def print_logs(self):
        """For whoever looks for the cause of a failure."""
        for path in [self.state / "bangerd.log", *sorted(self.state.glob("vms/*/console*"))]:
            tail = read_bytes(path)[-3000:].decode(errors="replace").splitlines()[-30:]
            print(f"the end of {path.relative_to(self.state)}:", *tail, sep="\n  | ")

    def close(self):
        """Ends all in order, and tells what did not go."""
        leaks = []
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        sockets = {pid: socket_inodes(pid) for pid in self.processes()}
        if self.state.is_dir():
            leaks += self.end_daemon()
        leaks += self.wait_processes()
        ours = set().union(*sockets.values())
        leaks += [f"listens: {x[0]}:{x[1]}" for x in guest_listeners() if x[2] in ours]
        for path in self.runtime.rglob("*"):
            if stat.S_ISSOCK(path.lstat().st_mode) or path.name.endswith((".lock", ".tmp")):
                leaks.append(f"runtime file: {path}")
        leaks += [f"vm folder: {x}" for x in self.vm_folders()]
        leaks += [f"temporary file: {x.name}" for x in self.temporary.iterdir()]
        if self.images.is_dir():
            leaks += [f"image: {x.name}" for x in self.images.iterdir() if x.name[0] == "."]
        return leaks

    def end_daemon(self):
        """A problem here is a finding of its own, but must not hide the others."""
        names = self.run("vm", "list", "-q")
        if names.status != 0:
            return [f"at the end: {names}"]
        problems = []
        if names.text.split():
            self.run("vm", "delete", *names.text.split())  # ephemeral ones may be going already
            try:
                poll("all VMs are deleted", lambda: not self.vms(), 20)
            except AssertionError as why:
                problems.append(f"at the end: {why}")
        done = self.run("daemon", "stop")
        if done.status != 0:
            problems.append(f"at the end: {done}")
        return problems

    def wait_processes(self):
        """What still runs is ended, and told of."""
        deadline = time.monotonic() + 3 * PATIENCE
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        left = self.processes()
        for pid in left:
            kill(pid)
        return [f"process: {pid} {line}" for pid, line in left.items()]

    def remove(self):
        keep = os.environ.get("BANGER_E2E_KEEP")
        if keep:
            print(f"kept {self.dir}")
            return
        shutil.rmtree(self.dir, ignore_errors=True)
