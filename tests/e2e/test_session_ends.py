"""What becomes of sessions that are over: deleted by hand, and by commands that made them."""

import os
import pty
import signal

from harness import check, equal, poll


def names(box, *more):
    return box.ok("session", "list", "-q", *more).text.split()


def start(box, vm, name, *argv):
    box.ok("session", "start", vm, "--name", name, "--", *argv)


def test_prune(box):
    for vm in ("a", "b"):
        box.ok("vm", "create", "--name", vm, "--disk", "256M")
        box.ok("vm", "start", vm)
        for name in ("one", "two", "three"):
            start(box, vm, name, "true")
            box.ok("session", "wait", f"{vm}/{name}")
    start(box, "a", "runs", "sleep", "1000")
    everything = names(box)
    equal(len(everything), 7)
    check_refusals(box, everything)
    check_choices(box, everything)
    check_question(box)
    box.ok("vm", "stop", "b")
    equal(box.ok("session", "prune", "--yes", "b").text, "deleted b/two\ndeleted b/three\n")
    equal(names(box), ["a/runs"])
    equal(box.ok("session", "prune", "--yes").text, "")
    equal(box.ok("session", "prune", "--yes", "-o", "json").json, {"results": []})
    # What is gone is gone in the guest, too.
    poll("only the one that runs is left", lambda: len(box.sh("a", "ls /var/lib/banger/sessions").split()) == 1,
         20, 0.2)
    box.ok("session", "delete", "--force", "a/runs")


def check_refusals(box, everything):
    box.fails(2, "session", "prune", says="there is nobody to ask")
    box.fails(2, "session", "prune", "--yes", "--older-than", "soon", says="'soon' is not a time")
    box.fails(3, "session", "prune", "--yes", "a", "nobody", says="no VM 'nobody'")
    equal(names(box), everything)


def check_choices(box, everything):
    equal(box.ok("session", "prune", "--dry-run", "--keep", "1").text,
          "would delete a/one\nwould delete a/two\nwould delete b/one\nwould delete b/two\n")
    equal(box.ok("session", "prune", "--dry-run", "--older-than", "1h").text, "")
    shown = box.ok("session", "prune", "--dry-run", "--keep", "2", "-o", "json").json
    equal([(x["vm_name"], x["name"]) for x in shown["sessions"]], [("a", "one"), ("b", "one")])
    equal(names(box), everything)
    done = box.ok("session", "prune", "--yes", "--keep", "2", "a", "-o", "json").json
    equal([(x["ref"], x["ok"], x["error"]) for x in done["results"]], [("a/one", True, None)])
    equal(names(box), everything[1:])
    equal(box.ok("session", "prune", "-y", "--keep", "2").text, "deleted b/one\n")


def ask(box, answer, *more):
    """Prunes on a terminal; an answer that is None is Ctrl-C. Returns the exit status, and what the terminal showed."""
    main, side = pty.openpty()
    process = box.start("session", "prune", *more, stdin=side, stdout=side, stderr=side)
    os.close(side)
    seen = b""
    while b"[y/N] " not in seen:
        seen += os.read(main, 4096)
    if answer is None:
        process.send_signal(signal.SIGINT)
    else:
        os.write(main, answer)
    try:
        while piece := os.read(main, 4096):
            seen += piece
    except OSError:  # EIO: it has ended
        pass
    os.close(main)
    return process.wait(20), seen.replace(b"\r\n", b"\n")


def check_question(box):
    before = names(box)
    for answer in (b"\n", b"n\n", b"yellow\n", b"\x04"):
        status, seen = ask(box, answer, "a")
        equal(status, 1, seen)
        check(b"a/two\na/three\ndelete these 2 sessions and their output? [y/N] " in seen, seen)
        check(b"nothing was deleted" in seen, seen)
    equal(ask(box, None, "a")[0], -signal.SIGINT)
    equal(names(box), before)
    status, seen = ask(box, b"y\n", "a")
    equal(status, 0, seen)
    check(seen.endswith(b"deleted a/two\ndeleted a/three\n"), seen)
    equal(names(box), ["a/runs", "b/two", "b/three"])


def test_exec_that_cannot_start_leaves_no_session(box):
    box.ok("vm", "create", "--name", "box", "--disk", "256M")
    box.ok("vm", "start", "box")
    box.ok("session", "start", "box", "--name", "no-such-1", "--", "true")
    for how in ("-t", "--detach", "-td"):
        for status, command in ((127, ["--", "no-such"]), (126, ["--", "/etc/hostname"]), (126, ["--", "/etc"]),
                                (127, ["-w", "/no/folder", "--", "true"])):
            box.fails(status, "vm", "exec", how, "box", *command)
            equal(names(box), ["box/no-such-1"])
    box.fails(3, "vm", "exec", "-t", "nobody", "--", "true", says="no VM 'nobody'")
    equal(box.run("session", "start", "box", "--name", "kept", "--", "no-such").status, 1)
    equal(names(box), ["box/no-such-1", "box/kept"])  # that one is for looking at
    equal(box.ok("vm", "exec", "-d", "box", "--", "true").text, "box/true-1\n")
    made = [box.start("vm", "exec", "-d", "box", "--", "true") for _ in range(6)]
    seen = sorted(x.communicate()[0].decode() for x in made)
    equal((seen, {x.returncode for x in made}), ([f"box/true-{i}\n" for i in range(2, 8)], {0}))
    box.ok("vm", "stop", "box")
    box.fails(4, "vm", "exec", "-t", "box", "--", "true", says="is not running")
