"""libbanger as another program gets it: installed, found by pkg-config, and its examples on a real guest."""

import os
import subprocess
from pathlib import Path

import images
from harness import check, equal

BUILD = images.build_dir()
ROOT = Path(__file__).resolve().parents[2]

EXPORTED = ("banger::client::machine_client::", "banger::to_string")


def install(box):
    """What `meson install` gives, below the box's folder."""
    to = box.dir / "prefix"
    done = subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", to], capture_output=True, text=True)
    equal(done.returncode, 0, done.stdout[-2000:], done.stderr[-2000:])
    return to


def compiled(box, to, example):
    config = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(to),
              "PKG_CONFIG_PATH": str(next(to.rglob("banger.pc")).parent)}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "banger"], env=config, capture_output=True, text=True, check=True)
    program = box.dir / example
    done = subprocess.run(["c++", "-std=c++20", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror",
                           f"{ROOT}/examples/{example}.cpp", *flags.stdout.split(), "-o", program], capture_output=True, text=True)
    equal(done.returncode, 0, done.stderr[-3000:])
    return program


def test_the_examples_build_and_run_as_installed(box):
    to = install(box)
    library = next(to.rglob("libbanger.so.0"))
    names = subprocess.run(["nm", "-DC", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    strangers = [x for x in names.splitlines() if not any(y in x for y in EXPORTED)]
    equal(strangers, [])
    soname = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    check("[libbanger.so.0]" in soname, soname)
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
    done = box.run_program(Path(sandbox), "true", env={**env, "XDG_RUNTIME_DIR": "/nowhere", "BANGER_DAEMON": "/nowhere"})
    equal((done.status, done.out), (1, b""))
    check(done.err.startswith(b"sandbox: "), done)
