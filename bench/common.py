"""What bench/run, bench/sessions and bench/copy share: a sandbox, and runs in pairs."""
import atexit
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BANGER = str(ROOT / "build" / "banger")


class Sandbox:
    """A clean HOME with a daemon of its own and the image of the real HOME."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bb"))
        self.is_closed = False
        atexit.register(self.close)
        (self.dir / "run").mkdir(mode=0o700)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.dir), "XDG_RUNTIME_DIR": str(self.dir / "run")}
        data = pathlib.Path(os.environ.get("XDG_DATA_HOME", os.path.expanduser("~/.local/share"))) / "banger" / "images"
        source = pathlib.Path(os.environ.get("BANGER_TEST_IMAGES", data))
        images = self.dir / ".local/share/banger/images"
        images.parent.mkdir(parents=True, mode=0o700)
        for path in (self.dir / ".local", self.dir / ".local/share", images.parent):
            path.chmod(0o700)
        images.mkdir(mode=0o700)
        if (source / "debian").exists():
            (images / "debian").mkdir()
            current = (source / "debian" / "current").resolve()
            (images / "debian" / current.name).symlink_to(current)
            (images / "debian" / "current").symlink_to(current.name)

    def run(self, *args, **more):
        return subprocess.run([BANGER, *args], env=self.env, capture_output=True, check=True, **more)

    def pid(self):
        return json.loads(self.run("daemon", "status", "-o", "json").stdout)["pid"]

    def close(self, deletes=True):
        if self.is_closed:
            return
        self.is_closed = True
        names = self.run("vm", "list", "-q").stdout.decode().split()
        if names and deletes:
            self.run("vm", "delete", *names)
        self.run("daemon", "stop")
        shutil.rmtree(self.dir)


def ssh_command(box, *how):
    """The ssh that logs in to the guest, without the command."""
    vm = json.loads(box.run("vm", "show", "box", "-o", "json").stdout)
    key = next((box.dir / ".local").rglob("id_ed25519"))
    return ["ssh", "-F", "/dev/null", "-i", str(key), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "-p", str(vm["ssh_port"]), *how, f"root@{vm['address']}"]


def timed(command, env=None, stdout=subprocess.DEVNULL):
    since = time.perf_counter()
    ended = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)
    took = time.perf_counter() - since
    if ended.returncode != 0:
        raise RuntimeError(f"status {ended.returncode} of {command}: {ended.stderr.decode(errors='replace')}")
    return took


def pairs(rounds, ours, theirs):
    """Runs both in turn. Returns their medians and the median of the ratios of each round."""
    mine, peer = [], []
    for i in range(rounds):
        order = [(ours, mine), (theirs, peer)]
        for run, into in order if i % 2 == 0 else reversed(order):
            into.append(run())
    ratio = statistics.median(a / b for a, b in zip(mine, peer))
    return statistics.median(mine), statistics.median(peer), ratio


def show(what, ours, theirs, ratio, bar, unit="s"):
    print(f"{what:58} banger {ours:8.4f} {unit}   peer {theirs:8.4f} {unit}   ratio {ratio:5.2f}   (bar {bar})", flush=True)


def built(name):
    """Builds a program of this folder. Returns its path."""
    subprocess.run(["ninja", "-C", str(ROOT / "build"), f"bench/{name}"], stdout=subprocess.DEVNULL, check=True)
    return str(ROOT / "build" / "bench" / name)
