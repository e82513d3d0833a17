"""A daemon that dies, or a step that fails, at each step of each verb: afterwards the next daemon tells
the truth, nothing is left over, and the verb can be repeated.

The steps are the names of host::fault_at() in actors/; build/bangerd-faults has them compiled in. Each
test prints a table: point, fault, what the VM was afterwards. Every point is hit by SIGKILL before its
effect, which is after that of the one before, the last one also after it; and it fails with one of EIO,
ENOSPC, ENOMEM and EMFILE in turn. With BANGER_E2E_SLOW=1 each is hit before and after its effect, and
fails with each of them."""

import os
import re

from harness import BUILD, check, equal, limit, poll, slow
from image_builds import no_build_is_left, recipe
from images import SOURCE_ROOT
from truth import check_again, check_truth

CREATE = ["create.image", "create.record", "create.files", "create.pin", "create.settled"]
START = ["start.image", "start.wanted", "start.slot", "start.boot_files", "start.launch",
         "start.handles", "start.ready", "start.connect", "start.settled"]
STOP = ["stop.wanted", "stop.end", "stop.handles", "stop.settled"]
DELETE = ["delete.wanted", "stop.end", "stop.handles", "delete.files", "delete.pins", "delete.record"]
SET = ["set.record", "set.disk"]  # set.nat needs a tap: test_tap.py
ERRORS = ["EIO", "ENOSPC", "ENOMEM", "EMFILE"]
MOMENTS = ["", ".done"]
SCALE = 5 if os.environ.get("BANGER_E2E_SLOW") else 1  # each error at each point


def plans(points):
    for number, point in enumerate(points):
        is_last = number == len(points) - 1
        for moment in MOMENTS if os.environ.get("BANGER_E2E_SLOW") or is_last else MOMENTS[:1]:
            yield point + moment, "kill"
            if os.environ.get("BANGER_E2E_SLOW"):
                yield from ((point + moment, error) for error in ERRORS)
        if not os.environ.get("BANGER_E2E_SLOW"):
            yield point + MOMENTS[number // 4 % 2], ERRORS[number % 4]


@limit(600 * SCALE)
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


@limit(900 * SCALE)
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


@limit(600 * SCALE)
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


@limit(600 * SCALE)
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


@limit(600 * SCALE)
def test_faults_at_every_step_of_set(box):
    box.ok("vm", "create", "--name", "box", "--disk", "64M")
    size = 64
    for point, fault in plans(SET):
        size += 64
        status = run_with_fault(box, point, fault, "set", "box", "--disk", f"{size}M", "--vcpu", "2", may_work=True)
        found = check_truth(box)  # the record and the disk agree
        tell(point, fault, status, found)
        check(found["box"]["disk_mib"] in (size - 64, size), found)
        check(status != 0 or found["box"]["disk_mib"] == size, "it was said to be done", found)
        box.ok("vm", "set", "box", "--disk", f"{size}M")
        equal(check_again(box)["box"]["disk_mib"], size)
    box.ok("vm", "start", "box")
    blocks = int(box.sh("box", "df --output=size -BM /root | tail -1").strip().rstrip("M"))
    check(size * 0.8 < blocks <= size, blocks)


RECOVERY = {  # how the first daemon ends, and where the next one does while it puts that right
    "start.handles.done": ["stop.wanted", "stop.end", "stop.end.done", "stop.handles", "stop.settled"],
    "start.launch.done": ["stop.handles", "recover.settled", "recover.settled.done"],
    "start.settled.done": ["recover.adopted", "recover.adopted.done"],
    "delete.wanted.done": ["stop.end", "delete.files", "delete.pins.done", "delete.record"],
}


@limit(600)
def test_a_recovery_that_is_killed_is_done_by_the_next(box):
    for first, points in RECOVERY.items():
        for point in points:
            if "box" not in box.vms():
                box.ok("vm", "create", "--name", "box")
            if first.startswith("delete"):
                box.ok("vm", "start", "box")
            run_with_fault(box, first, "kill", first.split(".")[0], "box")
            env = {"BANGER_DAEMON": str(BUILD / "bangerd-faults"), "BANGER_FAULT": f"{point}=kill"}
            done = box.run("daemon", "start", env=env)
            poll("the next daemon dies", lambda: not box.processes("bangerd-faults"), 10)
            found = check_truth(box)
            tell(f"{first}, then {point}", "kill", done.status, found)
            if "box" in found:
                box.ok("vm", "start", "box")
                check_again(box)
                box.ok("vm", "kill", "box")


IMAGE = ["image.packages", "image.unpacking", "image.kernel", "image.initramfs", "image.root_disk",
         "image.finishing", "image.publish.done", "image.current"]


@limit(300)
def test_faults_at_the_begin_of_an_image_build(box):
    for point in ("image.launch", "image.launch.done"):
        for fault in ("kill", "EMFILE"):
            box.ok("daemon", "stop")
            env = {"BANGER_DAEMON": str(BUILD / "bangerd-faults"), "BANGER_FAULT": f"{point}={fault}"}
            done = box.run("image", "build", "half", "--recipe", recipe(box), env=env)
            check(done.status != 0, done)
            box.ok("daemon", "start")
            no_build_is_left(box, 30)
            tell(point, fault, done.status, {})


@slow("each step is reached by a whole build of an image")
@limit(1800)
def test_faults_at_every_step_of_an_image_build(box):
    """In the builder itself, which is a process of its own."""
    for point in IMAGE:
        for fault in ("kill", "ENOSPC"):
            command = ["build", "--name", "half", "--recipe", recipe(box), "--images-dir", str(box.images),
                       "--guest-dir", str(BUILD / "guest")]
            done = box.run_program(BUILD / "banger-image-faults", *command, timeout=300,
                                   env={"BANGER_FAULT": f"{point}={fault}"})
            check(done.status != 0, f"{point} was never reached", done)
            box.ok("daemon", "stop")
            box.ok("daemon", "start")
            no_build_is_left(box, 30)
            tell(point, fault, done.status, {})
    box.ok("image", "build", "half", "--recipe", recipe(box), timeout=300)
    box.ok("vm", "run", "--rm", "--image", "half", "--", "true")
    box.ok("image", "delete", "half")


def test_every_named_step_is_in_a_table(box):
    """A step that somebody adds must be tried too. Those of clean-ups run inside the others."""
    names = set()
    for path in (SOURCE_ROOT / "actors").glob("vm*.cpp"):
        names |= set(re.findall(r'"((?:create|start|stop|delete|set)\.[a-z_]+)"', path.read_text()))
    names |= set(re.findall(r'"(image\.[a-z_]+)"', (SOURCE_ROOT / "images/build.cpp").read_text()))
    tried = set(CREATE + START + STOP + DELETE + SET) | {x.removesuffix(".done") for x in IMAGE}
    names |= set(re.findall(r'"(recover\.[a-z_]+)"', (SOURCE_ROOT / "actors/vm_recover.cpp").read_text()))
    tried |= {x.removesuffix(".done") for points in RECOVERY.values() for x in points}
    equal(names - tried - {"stop.failed", "delete.failed", "set.nat"}, set())
    equal(tried - names, set())


def tell(point, fault, status, found):
    state = found["box"]["state"] if "box" in found else "gone"
    print(f"{point:28} {fault:8} -> exit {status}, then {state}", flush=True)


def run_with_fault(box, point, fault, *verb, group="vm", may_work=False):
    """Runs a verb with a daemon that is to break. Returns the client's exit status.
    @param may_work  the client may have got its answer before"""
    box.ok("daemon", "stop")
    mark = box.dir / "reached"
    mark.unlink(missing_ok=True)
    env = {"BANGER_DAEMON": str(BUILD / "bangerd-faults"), "BANGER_FAULT": f"{point}={fault}",
           "BANGER_FAULT_MARK": str(mark)}
    done = box.run(group, *verb, env=env)
    poll(f"{point} is reached by: {done}", mark.exists, 10 if may_work else 0)
    if fault == "kill":
        check(may_work or done.status != 0, done)
        poll("the daemon dies", lambda: not box.processes("bangerd-faults"), 10)
    else:
        box.ok("daemon", "stop", env=env)
    return done.status
