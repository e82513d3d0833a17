"""A daemon that dies, or a step that fails, at each step of each verb: afterwards the next daemon tells
the truth, nothing is left over, and the verb can be repeated.

The steps are the names of host::fault_at() in actors/; build/bangerd-faults has them compiled in. Each
test prints a table: point, fault, what the VM was afterwards. Every point is hit by SIGKILL before and
after its effect; with BANGER_E2E_SLOW=1 each also fails with EIO, ENOSPC, ENOMEM and EMFILE."""

import json
import os
import re

from harness import BUILD, check, equal, limit, poll

CREATE = ["create.image", "create.record", "create.files", "create.pin", "create.settled"]
START = ["start.image", "start.wanted", "start.slot", "start.boot_files", "start.launch",
         "start.handles", "start.ready", "start.connect", "start.settled"]
STOP = ["stop.wanted", "stop.end", "stop.handles", "stop.settled"]
DELETE = ["delete.wanted", "stop.end", "stop.handles", "delete.files", "delete.pins", "delete.record"]
ERRORS = ["EIO", "ENOSPC", "ENOMEM", "EMFILE"] if os.environ.get("BANGER_E2E_SLOW") else []
MOMENTS = ["", ".done"]


def plans(points):
    for point in points:
        for moment in MOMENTS:
            for fault in ["kill", *ERRORS]:
                yield point + moment, fault


@limit(600)
def test_faults_at_every_step_of_create(box):
    for point, fault in plans(CREATE):
        status = run_with_fault(box, point, fault, "create", "--name", "box", "--disk", "64M")
        found = check_truth(box)
        tell(point, fault, status, found)
        check("box" not in found or found["box"]["state"] == "stopped", found)
        if "box" not in found:
            box.ok("vm", "create", "--name", "box", "--disk", "64M")
        box.ok("vm", "delete", "box")
        check_again(box)


@limit(900)
def test_faults_at_every_step_of_start(box):
    box.ok("vm", "create", "--name", "box")
    for point, fault in plans(START):
        status = run_with_fault(box, point, fault, "start", "box")
        found = check_truth(box)
        tell(point, fault, status, found)
        box.ok("vm", "start", "box")
        equal(box.sh("box", "echo here"), "here\n")
        check_again(box)
        box.ok("vm", "kill", "box")


@limit(600)
def test_faults_at_every_step_of_stop_and_kill(box):
    box.ok("vm", "create", "--name", "box")
    for verb in ("stop", "kill"):
        for point, fault in plans(STOP):
            box.ok("vm", "start", "box")
            status = run_with_fault(box, point, fault, verb, "box")
            found = check_truth(box)
            tell(f"{verb}: {point}", fault, status, found)
            box.ok("vm", verb, "box")
            equal(check_again(box)["box"]["state"], "stopped")


@limit(600)
def test_faults_at_every_step_of_delete(box):
    for point, fault in plans(DELETE):
        if "box" not in box.vms():
            box.ok("vm", "create", "--name", "box")
        box.ok("vm", "start", "box")
        status = run_with_fault(box, point, fault, "delete", "box")
        found = check_truth(box)
        tell(point, fault, status, found)
        if "box" in found:
            box.ok("vm", "delete", "box")
        check("box" not in check_again(box))
        check("box.vm" not in (box.state / "ssh" / "known_hosts").read_text())


def test_every_named_step_is_in_a_table(box):
    """A step that somebody adds must be tried too. Those of clean-ups run inside the others."""
    names = set()
    for path in (BUILD.parent / "actors").glob("vm*.cpp"):
        names |= set(re.findall(r'"((?:create|start|stop|delete)\.[a-z_]+)"', path.read_text()))
    tried = set(CREATE + START + STOP + DELETE)
    equal(names - tried - {"stop.failed", "delete.failed"}, set())
    equal(tried - names, set())


def tell(point, fault, status, found):
    state = found["box"]["state"] if "box" in found else "gone"
    print(f"{point:28} {fault:8} -> exit {status}, then {state}", flush=True)


def run_with_fault(box, point, fault, *verb):
    """Runs a verb with a daemon that is to break. Returns the client's exit status."""
    box.ok("daemon", "stop")
    env = {"BANGER_DAEMON": str(BUILD / "bangerd-faults"), "BANGER_FAULT": f"{point}={fault}"}
    done = box.run("vm", *verb, env=env)
    if fault == "kill":
        check(done.status != 0, f"{point} was never reached", done)
        poll("the daemon dies", lambda: not box.processes("bangerd-faults"), 10)
    else:
        box.ok("daemon", "stop", env=env)
    return done.status


def check_truth(box):
    """What a new daemon says is so, and nothing is there that it does not say. Returns the VMs."""
    vms = poll("the VMs come to rest", lambda: (x := box.vms()) is not None and
               all(not vm["operation"] and vm["state"] in ("running", "stopped", "error")
                   for vm in x.values()) and (x or {"": None}), 30, 0.1)
    vms = {name: vm for name, vm in vms.items() if vm}
    running = {vm["pid"] for vm in vms.values() if vm["state"] == "running"}
    equal(set(box.processes("qemu-system-x86_64")), running)
    equal(len(box.processes("banger-net")), len(running))
    equal(box.vm_folders(), sorted(vm["id"] for vm in vms.values()))
    for vm in vms.values():
        folder = box.state / "vms" / vm["id"]
        if vm["state"] != "running":
            equal([x.name for x in folder.iterdir() if x.name.endswith((".sock", ".tmp"))], [])
            check(not (folder / "handles.json").exists(), "handles of a VM that does not run")
    pinned = {x["vm_name"] for x in box.ok("hostkey", "list", "-o", "json").json["keys"]}
    equal(pinned - set(vms), set())
    return vms


def check_again(box):
    """Another daemon changes nothing."""
    before = check_truth(box)
    box.ok("daemon", "stop")
    after = check_truth(box)
    for vm in (*before.values(), *after.values()):
        vm["started_at_ms"] = 0  # told by handles to the millisecond, by the launch to less
    equal(json.dumps(after, sort_keys=True), json.dumps(before, sort_keys=True))
    return after
