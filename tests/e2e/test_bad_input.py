"""What a user may get wrong: one line says it, the status says its kind, and nothing is left."""

import os
import shutil
import signal
import socket
import subprocess
import sys

from harness import BANGER, BUILD, PATIENCE, Skip, check, equal, poll

BAD_NAMES = ["Upper", "under_score", "-dash", "dash-", "a.b", "two words", "a/b", "x" * 64,
             "caf\u00e9", "a\nb", b"\xff\xfe"]
BAD_SIZES = [("--memory", "0"), ("--memory", "-1G"), ("--memory", "1G2"), ("--memory", "lots"),
             ("--memory", "64M"), ("--memory", "99999999999999999999G"), ("--memory", "9T"),
             ("--disk", "0"), ("--disk", "-5"), ("--disk", "1K"), ("--disk", "17T"),
             ("--disk", "1e3"), ("--disk", "0x10"), ("--disk", " 1G"),
             ("--vcpu", "0"), ("--vcpu", "-1"), ("--vcpu", "65"), ("--vcpu", "1.5"),
             ("--vcpu", "99999999999999999999"), ("--vcpu", "two")]
BAD_LINES = [[], ["vm"], ["frobnicate"], ["vm", "frobnicate"], ["vm", "create", "--frob"],
             ["vm", "start"], ["vm", "show"], ["vm", "exec"], ["vm", "exec", "x"],
             ["vm", "exec", "x", "--"], ["vm", "exec", "--", "true"], ["vm", "run", "--"],
             ["vm", "list", "--", "x"], ["vm", "create", "--", "x"], ["vm", "create", "x"],
             ["vm", "list", "x"], ["vm", "exec", "a", "b", "--", "true"],
             ["vm", "exec", "-e", "NOVALUE", "x", "--", "true"],
             ["vm", "exec", "-e", "=x", "x", "--", "true"], ["-o", "xml", "vm", "list"],
             ["vm", "wait", "x", "--for", "eternity"], ["vm", "wait", "x", "--timeout", "-1"],
             ["vm", "stop", "x", "--grace", "soon"], ["vm", "logs", "x", "--tail", "0"],
             ["image", "build", "a", "b"], ["image", "build", "--recipe", "/no/such/file"],
             ["daemon", "frob"]]


def test_command_lines_that_make_no_sense(box):
    for line in BAD_LINES:
        box.fails(2, *line)
    for wrong, meant in (("creat", "create"), ("lst", "list"), ("exce", "exec")):
        box.fails(2, "vm", wrong, says=f"did you mean '{meant}'?")
    box.fails(2, "vm", "create", "--memroy", "1G", says="did you mean '--memory'?")
    check(not box.state.exists(), "a line that makes no sense starts no daemon")
    for line in (["--help"], ["vm", "--help"], ["vm", "run", "--help"], ["--version"]):
        done = box.ok(*line)
        check(done.out and not done.err, done)


def test_values_that_are_not_possible(box):
    for name in BAD_NAMES:
        done = box.run("vm", "create", "--name", name)
        equal(done.status, 2, done)
        check(done.err.count(b"\n") <= 2 and not done.out, "one line of error", done)
    box.fails(2, "vm", "create", "--name", "Upper", says="Upper")
    check(b"try 'upper'" in box.run("vm", "create", "--name", "Upper").err)
    for option, value in BAD_SIZES:
        box.fails(2, "vm", "create", f"{option}={value}", says=option)
    box.fails(3, "vm", "create", "--image", "no-such-image", says="no-such-image")
    box.fails(3, "vm", "run", "--rm", "--image", "no-such-image", "--", "true")
    for name in ("../debian", "/etc", ".hidden"):
        done = box.run("vm", "create", f"--image={name}", "--name", "odd")
        check(done.status in (2, 3), done)
    box.ok("vm", "create", "--name", "taken")
    box.fails(4, "vm", "create", "--name", "taken", says="taken")
    box.fails(4, "vm", "run", "--rm", "--name", "taken", "--", "true", says="taken")
    equal(list(box.vms()), ["taken"])  # --rm must not remove what it did not make
    box.fails(3, "image", "show", "debain", says="debain")
    box.fails(4, "image", "delete", "debian")  # a VM is on it
    box.fails(3, "vm", "exec", "no-such-vm", "--", "true", says="no-such-vm")
    equal(len(box.vm_folders()), 1)
    box.ok("vm", "delete", "taken")
    box.expect_empty()


def test_surroundings_that_are_not_right(box):
    check_homes_and_sockets(box)
    check_runtime_folders(box)
    check(not box.state.exists(), "no daemon ran")


def check_homes_and_sockets(box):
    box.fails(2, "vm", "list", env={"HOME": None}, says="HOME")
    box.fails(2, "vm", "list", env={"HOME": "relative"}, says="HOME")
    box.fails(2, "vm", "list", env={"BANGER_SOCKET": "relative.sock"}, says="BANGER_SOCKET")
    box.fails(2, "vm", "list", env={"BANGER_SOCKET": f"{box.runtime}/{'x' * 120}"},
              says="107 is the most")
    box.fails(5, "daemon", "status", says="no daemon runs")
    equal(box.ok("daemon", "stop").text, "no daemon runs\n")
    check(box.ok("version").text.endswith("bangerd not running\n"))


def check_runtime_folders(box):
    folder = box.runtime / "banger"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    fails_to_start(box, "others may enter it")
    folder.rmdir()
    elsewhere = box.dir / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder.symlink_to(elsewhere)
    fails_to_start(box, "symbolic link")
    equal(list(elsewhere.iterdir()), [])
    folder.unlink()
    folder.write_text("a file")
    fails_to_start(box, "not a folder")
    folder.unlink()
    if os.geteuid() == 0:
        folder.mkdir(mode=0o700)
        os.chown(folder, 12345, 12345)
        fails_to_start(box, "12345")
        folder.rmdir()
    elsewhere.rmdir()


def fails_to_start(box, says):
    done = box.run("vm", "list")
    check(done.status != 0 and says in done.err.decode(), f"expected the text {says!r}", done)
    errors = [x for x in done.err.splitlines() if not x.startswith(b"hint: ")]
    equal((len(errors), done.out), (1, b""), done)
    poll("the daemon ends", lambda: not box.processes("bangerd"), 10, 0.1)


def test_standard_streams_that_are_closed(box):
    def in_shell(redirections, *args):
        line = f'"$0" "$@" {redirections}'
        return subprocess.run(["sh", "-c", line, BANGER, *args], env=box.environment({}),
                              capture_output=True, timeout=20 * PATIENCE, cwd="/")

    box.ok("vm", "run", "--name", "box", "--", "true")
    for line in (["vm", "list"], ["vm", "show", "box"], ["vm", "--help"]):
        done = in_shell("| head -c 10", *line)
        equal((len(done.stdout), done.stderr), (10, b""))
    done = in_shell("<&-", "vm", "exec", "box", "--", "sh", "-c", "cat; echo done")
    equal((done.returncode, done.stdout, done.stderr), (0, b"done\n", b""))
    done = in_shell(">&-", "vm", "exec", "box", "--", "sh", "-c", "echo err >&2")
    equal((done.returncode, done.stderr), (0, b"err\n"))
    done = in_shell("<&- >&- 2>&-", "vm", "exec", "box", "--", "sh", "-c", "exit 7")
    equal(done.returncode, 7)
    done = in_shell("<&- >&- 2>&-", "vm", "list")
    check(done.returncode in (0, 1), "no crash", done)
    done = in_shell(">/dev/full", "vm", "list")
    check(done.returncode > 0, "output that could not be written is a failure", done)


def test_programs_that_are_missing(box):
    def path_without(*missing):
        folder = box.dir / ("path-without-" + missing[0])
        folder.mkdir()
        for place in reversed(box.env["PATH"].split(":")):
            for name in os.listdir(place) if os.path.isdir(place) else ():
                link = folder / name
                if name not in missing and not link.is_symlink():
                    link.symlink_to(os.path.join(place, name))
        return {"PATH": str(folder)}

    env = path_without("qemu-system-x86_64")
    done = box.run("vm", "run", "--rm", "--", "true", env=env)
    equal((done.status, done.out), (1, b""), done)
    check(b"qemu-system-x86_64" in done.err and b"apt-get install qemu-system-x86" in done.err,
          "the error names the program and its package", done)
    box.expect_empty()
    done = box.run("vm", "run", "--name", "kept", "--", "true")
    equal(done.status, 1, done)  # the daemon that runs has the PATH it was started with
    vm = box.vm("kept")
    check(vm["state"] in ("error", "stopped") and "qemu" in vm["last_error"], vm)
    box.ok("daemon", "stop")
    box.ok("vm", "start", "kept")  # the new one has qemu
    env = path_without("ssh")
    box.fails(1, "vm", "ssh", "kept", env=env, says="ssh")
    box.ok("vm", "delete", "kept")


def test_a_second_daemon_is_refused(box):
    box.ok("daemon", "start")
    pid = box.daemon_pid()
    done = subprocess.run([BUILD / "bangerd"], env=box.environment({}), capture_output=True,
                          timeout=30, cwd="/")
    equal(done.returncode, 1, done.stderr)
    check(str(pid).encode() in done.stderr, "it says who holds the lock", done.stderr)
    equal(subprocess.run([BUILD / "bangerd", "--detach"], env=box.environment({}), timeout=30,
                         cwd="/").returncode, 0)
    equal(box.daemon_pid(), pid)
    equal(list(box.processes("bangerd")), [pid])
    # A daemon without its folder cannot be found, but ends when told to, and leaves nothing.
    os.kill(pid, signal.SIGTERM)
    poll("the daemon ends", lambda: not box.processes("bangerd"), 10)
    equal([x.name for x in (box.runtime / "banger").iterdir()], [])


FOREIGN_DAEMON = """
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(8)
print("ready", flush=True)
while True:
    try:
        link = listener.accept()[0]
        link.sendall(bytes.fromhex(sys.argv[2]))
        link.recv(1)
    except OSError:
        pass  # a client that only looked
"""


def test_a_daemon_of_another_version_can_be_ended(box):
    box.ok("daemon", "start")
    path = str(box.runtime / "banger" / "bangerd.sock")
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        greeting = link.recv(4096)
    check(b"banger-1" in greeting, greeting)
    box.ok("daemon", "stop")
    foreign = greeting.replace(b"banger-1", b"banger-X").hex()
    daemon = subprocess.Popen([sys.executable, "-c", FOREIGN_DAEMON, path, foreign],
                              stdout=subprocess.PIPE, env=box.environment({}))
    try:
        equal(daemon.stdout.readline(), b"ready\n")
        box.fails(5, "vm", "list", says="banger-X")
        known = box.ok("version", "-o", "json").json
        equal((known["daemon"], known["error"]["code"]), (None, "version_mismatch"))
        check("not running" not in box.ok("version").text)
        equal(box.ok("daemon", "stop", "-o", "json").json, {"was_running": True})
        equal(daemon.wait(10), -signal.SIGTERM)
        equal(box.ok("daemon", "stop", "-o", "json").json, {"was_running": False})
        box.ok("vm", "list")  # the socket it left is no hindrance
    finally:
        daemon.kill()
        daemon.communicate()


def test_a_full_disk_leaves_nothing(box):
    if os.geteuid() != 0:
        raise Skip("only root can mount a small file system")
    mount = box.dir / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", mount],
                      capture_output=True).returncode != 0:
        raise Skip("mounting a tmpfs is not allowed here")
    try:
        check_full_disk(box, mount)
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


def check_full_disk(box, mount):
    box.env["XDG_STATE_HOME"] = str(mount)
    box.state = mount / "banger"
    box.ok("daemon", "start")
    filler = mount / "filler"
    with open(filler, "wb") as file:
        try:
            while True:
                file.write(b"x" * 65536)
                file.flush()
        except OSError:
            pass
    done = box.run("vm", "create", "--name", "box")
    equal((done.status, done.out), (1, b""), done)
    check(b"o space" in done.err or b"full" in done.err, "it says what the matter is", done)
    failed = box.run("vm", "create", "--name", "box", "-o", "json")
    check(b'"no_space"' in failed.err, failed)
    filler.unlink()
    box.expect_empty()
    box.ok("vm", "create", "--name", "box")  # and it goes on once there is space
    box.ok("vm", "delete", "box")
    box.expect_empty()
    box.ok("daemon", "stop")
    shutil.rmtree(box.state)
