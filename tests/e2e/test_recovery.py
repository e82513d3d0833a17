"""What a daemon finds that another one left: lost and damaged files, moved and copied folders, a database
that is not as it should be, parts of the daemon that fail."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time

from harness import BUILD, Skip, check, equal, is_alive, kill, limit, poll, read_bytes
from truth import check_again, check_truth


def handles(box, name):
    return box.state / "vms" / box.vm(name)["id"] / "handles.json"


def stop_daemon(box):
    box.ok("daemon", "stop")


DAMAGES = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_text(""),
    "truncated": lambda path: path.write_text(path.read_text()[:100]),
    "foreign": lambda path: path.write_text('{"somebody": "else"}'),
    "of another VM": lambda path: change(path, vm_id="0" * 12),
    "from the future": lambda path: change(path, format=99),
    "a folder": lambda path: (path.unlink(), path.mkdir(), (path / "x").write_text("")),
    "of another boot": lambda path: change(path, boot_id="another"),
}


def change(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@limit(300)
def test_handles_that_are_lost_or_damaged(box):
    """A VM that runs is found again by its process; one that does not is not made to."""
    box.ok("vm", "run", "--name", "box", "--", "sh", "-c", "echo kept > /dev/shm/kept")
    pid = box.vm("box")["pid"]
    for what, damage in DAMAGES.items():
        path = handles(box, "box")
        stop_daemon(box)
        damage(path)
        vm = box.vm("box")
        equal((vm["state"], vm["pid"]), ("running", pid), what)
        check(abs(vm["started_at_ms"] / 1000 - os.stat(f"/proc/{pid}").st_ctime) < 5, what, vm)
        equal(box.sh("box", "cat /dev/shm/kept"), "kept\n")
        check_again(box)
    # The process of the handles is another one by now: it is left alone.
    other = subprocess.Popen(["sleep", "1000"])
    path = handles(box, "box")
    stop_daemon(box)
    kill(pid)
    poll("the VM's process ends", lambda: not is_alive(pid), 5)
    text = json.loads(path.read_text())
    text["qemu"]["pid"] = other.pid
    path.write_text(json.dumps(text))
    vm = box.vm("box")
    equal(vm["state"], "stopped")
    check("while the daemon was away" in vm["last_error"], vm)
    check(other.poll() is None, "another process was ended")
    other.kill()
    other.wait()
    for what, damage in DAMAGES.items():
        stop_daemon(box)
        path.write_text(json.dumps(text))
        damage(path)
        equal(box.vm("box")["state"], "stopped", what)
        check_again(box)
    box.ok("vm", "start", "box")


@limit(240)
def test_a_state_folder_that_is_moved_or_copied(box):
    box.ok("vm", "run", "--name", "box", "--disk", "64M", "--", "true")  # small: it is copied
    box.ok("vm", "create", "--name", "idle", "--disk", "64M")
    pid = box.vm("box")["pid"]
    stop_daemon(box)
    # A copy: the original's process is not ours to touch.
    other = {"XDG_STATE_HOME": str(box.dir / "copy"), "XDG_RUNTIME_DIR": str(box.dir / "copy-run")}
    (box.dir / "copy-run").mkdir(mode=0o700)
    shutil.copytree(box.state, box.dir / "copy/banger", symlinks=True,
                    ignore=lambda _, names: [x for x in names if x.endswith((".sock", ".lock"))])
    listed = box.ok("vm", "list", "-o", "json", env=other).json["vms"]
    equal({x["name"]: x["state"] for x in listed}, {"box": "stopped", "idle": "stopped"})
    check(all(x["directory"].startswith(str(box.dir / "copy")) for x in listed), listed)
    check("copy" in listed[0]["last_error"], listed[0])
    check(is_alive(pid), "the original goes on")
    box.ok("vm", "delete", "box", "idle", env=other)
    box.ok("daemon", "stop", env=other)
    equal(box.vm("box")["pid"], pid)
    stop_daemon(box)
    # A move: its process works on files that are elsewhere now, so it is ended.
    moved = {"XDG_STATE_HOME": str(box.dir / "moved")}
    (box.dir / "moved").mkdir(mode=0o700)
    box.state.rename(box.dir / "moved/banger")
    listed = {x["name"]: x for x in box.ok("vm", "list", "-o", "json", env=moved).json["vms"]}
    equal(listed["box"]["state"], "stopped")
    check("moved" in listed["box"]["last_error"], listed["box"])
    poll("the process that worked on the old folder ends", lambda: not is_alive(pid), 5)
    box.ok("vm", "start", "box", env=moved)
    equal(box.ok("vm", "exec", "box", "--", "hostname", env=moved).text, "box\n")
    box.ok("vm", "delete", "box", "idle", env=moved)
    box.ok("daemon", "stop", env=moved)


@limit(240)
def test_a_database_that_is_not_as_it_should_be(box):
    box.ok("vm", "create", "--name", "box", "--disk", "64M")
    database = box.state / "banger.db"
    check_migrations(box, 0, "up to date")
    # Removed while the daemon runs: put back with the next change.
    for suffix in ("", "-wal", "-shm"):
        (box.state / f"banger.db{suffix}").unlink(missing_ok=True)
    box.ok("vm", "create", "--name", "other", "--disk", "64M")
    check_again(box)
    equal(sorted(box.vms()), ["box", "other"])
    # Locked by somebody: an error in time, and nothing half done.
    lock = sqlite3.connect(database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    box.fails(1, "vm", "create", "--name", "third", "--disk", "64M", says="locked")
    lock.execute("ROLLBACK")
    lock.close()
    check_again(box)
    # A damaged row is a VM in error that can be deleted, or left alone where it is no VM at all.
    stop_daemon(box)
    with sqlite3.connect(database) as db:
        db.execute("UPDATE vms SET memory_mib = -5, wanted = 77 WHERE name = 'box'")
        db.execute("UPDATE vms SET id = '../../../etc' WHERE name = 'other'")
    db.close()
    equal({name: x["state"] for name, x in box.vms().items()}, {"box": "error"})
    check("damaged" in box.vm("box")["last_error"], box.vm("box"))
    box.fails(1, "vm", "start", "box", says="damaged")
    box.ok("vm", "delete", "box")
    check((box.state / "lost").is_dir(), "the disks of the row that is no VM are kept")
    box.ok("vm", "create", "--name", "other", "--disk", "64M")  # its name is free again
    box.ok("vm", "delete", "other")
    with sqlite3.connect(database) as db:
        equal(db.execute("SELECT name FROM lost_vms").fetchall(), [("other",)])
    db.close()
    stop_daemon(box)  # the next one knows which pins are nobody's
    check_again(box)
    # A damaged page: refused, with what to do, and the file stays as it is.
    box.ok("vm", "create", "--name", "box", "--disk", "64M")
    folder = box.vm("box")["directory"]
    stop_daemon(box)
    whole = database.read_bytes()
    torn = whole[:4096] + b"\xff" * 4096 + whole[8192:]
    database.write_bytes(torn)
    box.fails(5, "vm", "list", says="restore a copy")
    equal(database.read_bytes(), torn)
    check(os.path.isdir(folder), "no disk was touched")
    database.write_bytes(whole)
    # From the future: refused untouched.
    with sqlite3.connect(database) as db:
        db.execute("INSERT INTO schema_migrations (number) VALUES (999)")
    db.close()
    newer = database.read_bytes()
    box.fails(5, "vm", "list", says="999")
    check_migrations(box, 1, "999")
    equal(database.read_bytes(), newer)
    with sqlite3.connect(database) as db:
        db.execute("DELETE FROM schema_migrations WHERE number = 999")
    db.close()
    equal(sorted(box.vms()), ["box"])


def check_migrations(box, status, says):
    done = box.run_program(BUILD / "bangerd", "--check-migrations")
    equal(done.status, status, done)
    check(says in (done.out + done.err).decode(), done)


@limit(240)
def test_parts_of_the_daemon_that_fail(box):
    """A part that throws is started anew; what it held is still there; too much of it ends one VM or the
    daemon, and the next one knows all."""
    faults = {"BANGER_DAEMON": str(BUILD / "bangerd-faults")}
    box.ok("vm", "run", "--name", "box", "--", "sh", "-c", "echo kept > /dev/shm/kept")
    box.ok("vm", "create", "--name", "other", "--disk", "64M")
    pid = box.vm("box")["pid"]
    for point, operation in (("machine.end", "machine"), ("stop.wanted", "vm")):
        stop_daemon(box)
        env = {**faults, "BANGER_FAULT": f"{point}=throw*1"}
        box.fails(1, "vm", "stop", "box", "--grace", "1s", says="planned", env=env)
        vm = poll("its actor is started anew", lambda: rested(box, "box"), 10)
        # What was wanted is on disk before a machine is asked: the next actor carries it out.
        equal(vm["state"], "stopped" if operation == "machine" else "running")
        check(vm["pid"] in (pid, None), vm)
        found = box.ok("daemon", "tree", "-o", "json").json["actors"]
        restarts = {x["name"]: x["restarts"] for x in found}
        equal((restarts["vm box"], restarts["vm other"]), (1, 0), found)
        box.ok("vm", "start", "box", env=env)
        pid = box.vm("box")["pid"]
    # One that fails again and again is given up, alone, and another daemon finds it anew.
    stop_daemon(box)
    box.fails(1, "vm", "stop", "box", says="planned", env={**faults, "BANGER_FAULT": "machine.end=throw"})
    vm = poll("it is given up", lambda: "not started anew" in (box.vm_in_list("box")["last_error"] or "") and
              box.vm_in_list("box"), 10)
    equal(vm["state"], "error")
    box.fails(4, "vm", "stop", "box", says="has failed")
    box.ok("vm", "delete", "other")
    box.ok("vm", "create", "--name", "other", "--disk", "64M")
    check("given up" in box.ok("daemon", "tree").text)
    stop_daemon(box)
    equal(box.vm("box")["state"], "stopped")
    box.ok("vm", "start", "box")
    # A service that fails for good takes the daemon along, and nothing else.
    stop_daemon(box)
    env = {**faults, "BANGER_FAULT": "store.commit=throw"}
    daemon = subprocess.Popen([BUILD / "bangerd-faults"], env={**box.env, **env}, stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
    box.started.append(daemon)
    poll("it serves", lambda: box.run("daemon", "status").status == 0, 10)
    for i in range(6):
        box.run("vm", "create", "--name", f"third-{i}", "--disk", "64M", env=env)
        if daemon.poll() is not None:
            break
    words = daemon.communicate(timeout=10)[1]
    equal(daemon.returncode, 70, words)
    check(b"store failed" in words + (box.state / "bangerd.log").read_bytes(), words)
    vms = check_again(box)
    equal(sorted(vms), ["box", "other"])
    equal(box.sh("box", "echo here"), "here\n")


def rested(box, name):
    vm = box.vm_in_list(name)
    return not vm["operation"] and vm["state"] in ("running", "stopped") and vm


@limit(180)
def test_why_and_tree_tell_what_was(box):
    box.ok("vm", "run", "--name", "box", "--", "true")
    kill(box.daemon_pid())
    listed = box.ok("vm", "why", "box", "-o", "json").json
    equal(listed["vm"]["name"], "box")
    steps = [(x["from"], x["to"], x["operation"]) for x in listed["transitions"]]
    equal(steps, [("creating", "stopped", "create"), ("stopped", "starting", "start"),
                  ("starting", "running", "start"), ("running", "running", "recover")])
    kill(box.vm("box")["pid"])
    poll("the VM is stopped", lambda: box.vm("box")["state"] == "stopped", 5)
    last = box.ok("vm", "why", "box", "-o", "json").json["transitions"][-1]
    equal((last["to"], last["operation"]), ("stopped", None))
    check("signal 9" in last["cause"] or "ended" in last["cause"], last)
    text = box.ok("vm", "why", "box").text
    check(text.startswith("box is stopped for ") and "adopted process" in text, text)
    box.fails(3, "vm", "why", "nobody", says="nobody")
    tree = box.ok("daemon", "tree", "-o", "json").json["actors"]
    names = {x["name"] for x in tree}
    check({"store", "supervisor", "vm box", "gateway", "known_hosts", "client_session"} <= names, tree)
    check(all(x["state"] not in ("no answer", "given up") for x in tree), tree)
    check("vm box" in box.ok("daemon", "tree").text)
    status = box.ok("daemon", "status", "-o", "json").json["reconciled"]
    equal((status["adopted"], status["pending"]), (1, 0))
    events = box.start("events", "--last", "100", "-f", "-o", "json")
    seen = []
    while not any(x["kind"] == "vm.recovered" for x in seen):
        seen.append(json.loads(events.stdout.readline()))
    events.send_signal(signal.SIGINT)


def processor_seconds(pid):
    fields = read_bytes(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return sum(int(x) for x in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def test_a_guest_rests_while_no_daemon_runs(box):
    """The guest's end of a port that nobody holds must wait, not ask again and again."""
    box.ok("vm", "run", "--name", "box", "--", "true")
    pid = box.vm("box")["pid"]
    daemon = box.daemon_pid()
    kill(daemon)
    poll("the daemon ends", lambda: not is_alive(daemon), 10)
    since = processor_seconds(pid)
    time.sleep(3)
    used = processor_seconds(pid) - since
    check(used < 1.5, f"{used:.2f} s of processor in 3 s without a daemon")
    equal(check_again(box)["box"]["state"], "running")


def test_a_daemon_told_twice_to_end(box):
    box.ok("vm", "run", "--name", "box", "--", "true")
    daemon = box.daemon_pid()
    client = box.start("vm", "exec", "box", "--", "sh", "-c", "echo ready; sleep 1000")
    equal(client.stdout.readline(), b"ready\n")
    for _ in range(2):
        kill(daemon, signal.SIGTERM)
    poll("the daemon ends", lambda: not is_alive(daemon), 10)
    client.communicate(timeout=10)
    equal(check_again(box)["box"]["state"], "running")
