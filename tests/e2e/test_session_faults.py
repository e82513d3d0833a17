"""A daemon that dies at each step of a session's life: the next one tells the truth, and nothing runs
twice. docs/sessions.md has the table. The steps are the names of host::fault_at() in actors/guest_session*.cpp."""

import re

from harness import check, equal, limit, poll
from images import SOURCE_ROOT
from test_crash_matrix import run_with_fault

START = {  # what the session is afterwards
    "session.record": None,
    "session.record.done": "failed",
    "session.ask": "failed",
    "session.ask.done": "running",
    "session.started": "running",
    "session.started.done": "running",
}
DELETE = {  # what is left of it
    "session.remove": "output",
    "session.remove.done": "row",
    "session.forget": "row",
    "session.forget.done": None,
}


def sessions(box):
    return {x["name"]: x for x in box.ok("session", "list", "box", "-o", "json").json["sessions"]}


def settled(box, name="s"):
    """What is known of it, once the guest has been asked."""
    poll("the guest is asked", lambda: sessions(box).get(name, {}).get("state") != "starting", 40, 0.1)
    return sessions(box).get(name)


def tell(point, fault, found):
    print(f"{point:24} {fault:6} -> {found['state'] if found else 'gone'}", flush=True)


def guest_is_clean(box):
    poll("nothing of it is in the guest", lambda: box.sh("box", "ls /var/lib/banger/sessions 2>/dev/null || :").strip() == "", 20, 0.2)


@limit(300)
def test_faults_at_every_step_of_a_start(box):
    box.ok("vm", "create", "--name", "box", "--disk", "256M")
    box.ok("vm", "start", "box")
    command = ["start", "box", "--name", "s", "--", "sh", "-c", "echo x >> /root/count; exec sleep 1000"]
    for point, wanted in START.items():
        run_with_fault(box, point, "kill", *command, group="session", may_work=point == "session.started.done")
        found = settled(box)
        tell(point, "kill", found)
        equal(found and found["state"], wanted, point)
        if wanted == "failed":
            equal(found["error_step"], "start")
        runs = 1 if wanted == "running" else 0
        count = "cat /root/count 2>/dev/null || true; pgrep -x sleep || true"
        equal(len(poll("the command", lambda: [box.sh("box", count).split()], 5)[0]), 2 * runs, point)
        if found:
            box.ok("session", "delete", "--force", "box/s")
        box.ok("session", *command)  # the name is free, and the guest as it was
        equal(len(box.sh("box", "cat /root/count").split()), runs + 1)
        box.ok("session", "delete", "--force", "box/s")
        box.sh("box", "rm /root/count")
        guest_is_clean(box)


@limit(300)
def test_faults_at_the_end_and_at_a_delete(box):
    box.ok("vm", "create", "--name", "box", "--disk", "256M")
    box.ok("vm", "start", "box")
    start = ["start", "box", "--name", "s", "--", "sh", "-c", "echo out; exit 3"]
    for point in ("session.save", "session.save.done"):
        run_with_fault(box, point, "kill", *start, group="session", may_work=True)
        equal(box.run("session", "wait", "box/s").status, 3)
        tell(point, "kill", sessions(box)["s"])
        box.ok("session", "delete", "box/s")
    for point, left in DELETE.items():
        box.ok("session", *start)
        box.run("session", "wait", "box/s")
        run_with_fault(box, point, "kill", "delete", "box/s", group="session")
        found = settled(box)
        tell(point, "kill", found)
        equal(found and found["exit_code"], 3 if left else None, point)
        if left == "output":
            equal(box.ok("session", "logs", "box/s").text, "out\n")
        if left:
            box.ok("session", "delete", "box/s")
        equal(sessions(box), {})
        guest_is_clean(box)


def test_steps_that_fail(box):
    """What the user is told, and that it can be repeated."""
    box.ok("vm", "create", "--name", "box", "--disk", "256M")
    box.ok("vm", "start", "box")
    for point, wanted in (("session.record", None), ("session.record.done", None), ("session.ask", "failed"),
                          ("session.started", "running"), ("session.started.done", "running")):
        run_with_fault(box, point, "ENOSPC", "start", "box", "--name", "s", "--", "sleep", "1000", group="session",
                       may_work=True)
        found = settled(box)
        tell(point, "ENOSPC", found)
        # A row whose writing failed after all is found by the next daemon.
        equal(found and found["state"], "failed" if point == "session.record.done" else wanted)
        if found:
            box.ok("session", "delete", "--force", "box/s")
        guest_is_clean(box)
    for point in ("session.remove", "session.forget"):
        box.ok("session", "start", "box", "--name", "s", "--", "true")
        box.ok("session", "wait", "box/s")
        check(run_with_fault(box, point, "ENOSPC", "delete", "box/s", group="session") == 1, point)
        box.ok("session", "delete", "box/s")
        guest_is_clean(box)


def test_every_named_step_of_a_session_is_in_a_table(box):
    names = set()
    for path in (SOURCE_ROOT / "actors").glob("guest_session*.[ch]pp"):
        text = re.sub(r"\s+", " ", path.read_text())
        names |= set(re.findall(r'(?:fault_at\(|ask_store\( ?self, |save\(self, |point = )"(session\.[a-z_]+)"', text))
    tried = {x.removesuffix(".done") for x in [*START, *DELETE]} | {"session.save"}
    equal(names, tried)
