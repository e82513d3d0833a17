"""libbanger as another program gets it: installed, found by pkg-config, and its examples on a real guest."""

import os
import signal
import subprocess
import time
from pathlib import Path

import images
from harness import Sandbox, check, equal, kill, limit, poll, takes_at_most
from test_hosts import Remote, config

BUILD = images.build_dir()
ROOT = Path(__file__).resolve().parents[2]

EXPORTED = ("banger::client::machine_client::", "banger::client::async_client::", "banger::to_string")
EXPORTED_ACTORS = ("banger::connect(", "banger::prepare(", "banger::embedded_host::", "banger::to_string", "banger::to_error(",
                   "banger::to_failure(", "banger::translated(")


def install(box):
    """What `meson install` gives, below the box's folder."""
    to = box.dir / "prefix"
    done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", to], capture_output=True, text=True)
    equal(done.returncode, 0, done.stdout[-2000:], done.stderr[-2000:])
    return to


def compiled(box, to, example, package="banger"):
    config = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(to),
              "PKG_CONFIG_PATH": str(next(to.rglob("banger.pc")).parent)}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", package], env=config, capture_output=True, text=True, check=True)
    program = box.dir / example
    done = subprocess.run(["c++", "-std=c++20", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror",
                           f"{ROOT}/examples/{example}.cpp", *flags.stdout.split(), "-o", program], capture_output=True, text=True)
    equal(done.returncode, 0, done.stderr[-3000:])
    return program


def check_library(library, exported):
    names = subprocess.run(["nm", "-DC", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    strangers = [x for x in names.splitlines() if not any(y in x for y in exported)]
    equal(strangers, [])
    soname = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    check(f"[{library.name}]" in soname, soname)


def test_the_examples_build_and_run_as_installed(box):
    to = install(box)
    library = next(to.rglob("libbanger.so.0"))
    check_library(library, EXPORTED)
    headers = [x for x in to.rglob("*.hpp") if "include/banger/" not in str(x)]
    equal(headers, [], "headers are below include/banger alone")
    env = {"LD_LIBRARY_PATH": str(library.parent), "BANGER_DAEMON": f"{BUILD}/bangerd"}
    box.ok("daemon", "start")
    sandbox = compiled(box, to, "sandbox")
    done = box.run_program(sandbox, "sh", "-c", "echo out; echo err >&2; exit 6", env=env)
    equal((done.status, done.out, done.err), (6, b"out\n", b"err\n"))
    equal(box.vms(), {})
    done = box.run_program(sandbox, "/no/such", env=env)
    equal((done.status, done.out), (127, b""), done)
    equal(box.vms(), {})
    box.ok("vm", "run", "--name", "box", "--", "true")
    done = box.run_program(compiled(box, to, "watch"), "box", "sh", "-c",
                           "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done; exit 4", env=env)
    equal((done.status, done.out), (4, b"1\n2\n3\n4\n5\n"), done)
    check(b"session.state running" in done.err and b"session.state exited" in done.err, done)
    equal(box.ok("session", "list", "-o", "json").json["sessions"], [])
    check_everywhere(box, compiled(box, to, "everywhere"), env)
    done = box.run_program(Path(sandbox), "true", env={**env, "XDG_RUNTIME_DIR": "/nowhere", "BANGER_DAEMON": "/nowhere"})
    equal((done.status, done.out), (1, b""))
    check(done.err.startswith(b"sandbox: "), done)


def check_everywhere(box, program, env):
    """One command in two VMs, and in one that is not there; an interrupt reaches them all."""
    box.ok("vm", "run", "--name", "other", "--", "true")
    done = box.run_program(program, "box", "other", "--", "sh", "-c", "hostname; echo err >&2; printf end; test $(hostname) = box", env=env)
    equal((done.status, sorted(done.out.decode().splitlines())), (1, ["box: box", "box: end", "other: end", "other: other"]), done)
    equal(sorted(done.err.decode().splitlines()), ["box: err", "other: err"])
    done = box.run_program(program, "box", "nobody", "--", "true", env=env)
    equal((done.status, done.out), (125, b""))
    check(done.err.startswith(b"nobody: "), done)
    running = subprocess.Popen([program, "box", "other", "--", "sh", "-c", "echo up; exec sleep 1000"], env=box.environment(env), cwd="/",
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    box.started.append(running)
    equal(sorted([running.stdout.readline(), running.stdout.readline()]), ["box: up\n", "other: up\n"])
    running.send_signal(signal.SIGINT)
    equal((running.wait(20), running.stderr.read()), (130, ""))
    box.ok("vm", "delete", "other")


class Actors:
    """examples/actors.cpp, built against the installed library."""

    def __init__(self, box):
        self.box, to = box, install(box)
        library = next(to.rglob("libbanger-actors.so.0"))
        check_library(library, EXPORTED_ACTORS)
        self.program = compiled(box, to, "actors", "banger-actors")
        self.env = {"LD_LIBRARY_PATH": str(library.parent), "BANGER_DAEMON": f"{BUILD}/bangerd"}

    @classmethod
    def on(cls, box, other):
        """The same program, of another user."""
        made = cls.__new__(cls)
        made.box, made.program, made.env = box, other.program, other.env
        return made

    def run(self, *arguments):
        return self.box.run_program(self.program, *arguments, env=self.env)

    def start(self, *arguments):
        process = subprocess.Popen([self.program, *arguments], env=self.box.environment(self.env), cwd="/", text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.box.started.append(process)
        return process


def check_a_killed_daemon(box, actors, host):
    running = actors.start("--host", host, "sh", "-c", "echo up; sleep 1000")
    equal(running.stdout.readline(), "up\n")
    kill(box.daemon_pid())
    since = time.monotonic()
    equal(running.wait(30), 1)
    takes_at_most(5, since, running.stderr.read())
    poll("its VM went with it", lambda: box.vms() == {}, 20)


def check_a_daemon(box, actors):
    """The handle of a daemon, which is started where none runs; its end is told at once."""
    done = actors.run("--host", "", "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo err >&2; exit 6")
    equal((done.status, done.out), (6, b"x" * 3_000_000), done.err)
    told = [x.split()[0] + " " + x.split()[-1] for x in done.err.decode().splitlines() if x.startswith("vm.state")]
    equal(told, [f"vm.state {x}" for x in ("stopped", "starting", "running", "deleting")])
    check(b"err\n" in done.err, done.err)
    equal(box.vms(), {})
    equal((actors.run("--host", "", "/no/such").status, box.vms()), (127, {}))
    done = actors.run("--host", "nowhere", "true")
    equal((done.status, done.err.decode().splitlines()[0][:25]), (1, "actors: no host 'nowhere'"), done.err)
    check_a_killed_daemon(box, actors, "")


def check_another_host(box, actors):
    """The same through ssh: whoever carries the connection goes with it, and says why there is none."""
    remote = Remote(box)
    try:
        with Sandbox(with_image=False) as here:
            remote.introduce(here)
            config(here, f'[hosts]\nlab = {{ url = "ssh://lab", program = "{BUILD}/banger" }}\n')
            there = Actors.on(here, actors)
            done = there.run("--host", "lab", "sh", "-c", "echo there; exit 4")
            equal((done.status, done.out), (4, b"there\n"), done.err)
            check_a_killed_daemon(box, there, "lab")
            (here.dir / "known").write_text("")
            done = there.run("--host", "lab", "true")
            equal(done.status, 1)
            check(b"Host key verification failed" in done.err, done.err)
            equal(here.processes("ssh", "actors"), {})
    finally:
        remote.end()


def check_an_embedded_host(box, actors):
    """A host that is a part of the program, beside this user's daemon; `banger` finds it too."""
    folder = box.dir / "own"
    for x in (folder, folder / "data", folder / "data/banger"):
        x.mkdir(mode=0o700)
    subprocess.run(["cp", "-al", box.images, folder / "data/banger/images"], check=True)
    done = actors.run("--embed", str(folder), "sh", "-c", "echo out; exit 5")
    equal((done.status, done.out), (5, b"out\n"), done.err)
    running = actors.start("--embed", str(folder), "sh", "-c", "echo up; sleep 1000")
    equal(running.stdout.readline(), "up\n")
    there = {"BANGER_SOCKET": str(folder / "run/banger/bangerd.sock")}
    equal([x["state"] for x in box.ok("vm", "list", "-o", "json", env=there).json["vms"]], ["running"])
    equal(box.ok("daemon", "status", "-o", "json", env=there).json["pid"], running.pid)
    box.fails(4, "daemon", "stop", env=there, says="it is a part of another program")
    done = actors.run("--embed", str(folder), "true")
    equal(done.status, 1)
    check(b"holds it" in done.err, done.err)
    kill(running.pid)
    running.wait()
    done = actors.run("--embed", str(folder), "true")  # what the killed one left is brought to rest
    equal((done.status, done.out), (0, b""), done.err)
    equal([x for x in (folder / "state/banger/vms").iterdir() if x.name != "lost"], [])
    equal(box.processes("qemu-system-x86_64", "banger-net"), {})


@limit(240)
def test_actors_of_a_host_and_a_host_of_actors(box):
    actors = Actors(box)
    check_a_daemon(box, actors)
    check_another_host(box, actors)
    check_an_embedded_host(box, actors)
    for line in ((), ("--host",), ("--other", "x", "true")):
        equal(actors.run(*line).status, 2)
