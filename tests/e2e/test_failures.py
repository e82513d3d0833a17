"""What breaks by itself: hypervisors, daemons, guests and builds that die."""

import signal
import time

from harness import check, equal, is_alive, kill, limit, poll, slow, takes_at_most
from image_builds import no_build_is_left, recipe


def test_a_hypervisor_that_dies(box):
    box.ok("vm", "run", "--name", "box", "--", "true")
    watcher = box.start("events", "-o", "json")
    running = box.start("vm", "exec", "box", "--", "sh", "-c", "echo ready; sleep 1000")
    equal(running.stdout.readline(), b"ready\n")
    kill(box.vm("box")["pid"])
    vm = poll("the VM is stopped", lambda: (x := box.vm("box"))["state"] == "stopped" and x, 2)
    error = (vm["last_error"] or "").lower()
    check("signal 9" in error or "kill" in error, "it says what ended it", vm["last_error"])
    equal((vm["pid"], vm["started_at_ms"]), (None, None))
    out, err = running.communicate(timeout=20)
    check(running.returncode == 1 and err.startswith(b"banger: ") and not out,
          "exec says that its guest is gone", running.returncode, err)
    poll("the helper processes end", lambda: not box.processes("banger-net"), 5)
    box.ok("vm", "start", "box")
    equal(box.sh("box", "hostname"), "box\n")
    equal(box.vm("box")["last_error"], None)
    # So does a network helper that dies: a guest that cannot be reached is of no use.
    helper = list(box.processes("banger-net"))
    if helper:
        kill(helper[0])
        poll("the VM is stopped", lambda: box.vm("box")["state"] == "stopped", 10)
        equal(box.processes("qemu-system-x86_64", "banger-net"), {})
    watcher.send_signal(signal.SIGINT)
    events = watcher.communicate(timeout=10)[0].decode()
    check('"vm.state"' in events and "stopped" in events, events)


def test_daemons_come_and_go_and_vms_stay(box):
    box.ok("vm", "run", "--name", "box", "--", "sh", "-c", "echo kept > /dev/shm/kept")
    box.ok("vm", "create", "--name", "idle")
    before = box.vm("box")
    for how in ("SIGKILL", "daemon stop", "SIGTERM"):
        daemon = box.daemon_pid()
        client = box.start("vm", "exec", "box", "--", "sh", "-c", "echo ready; sleep 1000")
        equal(client.stdout.readline(), b"ready\n")
        if how == "daemon stop":
            box.ok("daemon", "stop")
        else:
            kill(daemon, getattr(signal, how))
        poll(f"the daemon ends after {how}", lambda: not is_alive(daemon), 10)
        out, err = client.communicate(timeout=10)
        check(client.returncode in (1, 5) and err.startswith(b"banger: "), client.returncode, err)
        check(is_alive(before["pid"]), f"the VM outlives {how}")
        after = box.vm("box")
        check(box.daemon_pid() != daemon, "the command started another daemon")
        for field in ("id", "state", "pid", "address", "accelerator", "last_error"):
            equal(after[field], before[field], field, how)
        moved = abs(after["started_at_ms"] - before["started_at_ms"])
        check(moved < 1000, f"the start of the VM moved by {moved} ms")
        equal(box.vm("idle")["state"], "stopped")
        equal(box.sh("box", "cat /dev/shm/kept"), "kept\n")
    # A VM that ends while no daemon looks is found to have ended.
    box.ok("daemon", "stop")
    kill(before["pid"])
    poll("the hypervisor ends", lambda: not is_alive(before["pid"]), 10)
    vm = poll("the VM is stopped", lambda: (x := box.vm("box"))["state"] == "stopped" and x, 5)
    check(vm["last_error"], vm)
    equal(box.processes("banger-net"), {})
    box.ok("vm", "start", "box")
    equal(box.sh("box", "ls /dev/shm"), "")


def test_ephemeral_vms_go_with_a_daemon_that_dies(box):
    client = box.start("vm", "run", "--rm", "--", "sh", "-c", "echo ready; sleep 1000")
    equal(client.stdout.readline(), b"ready\n")
    kill(box.daemon_pid())
    _, err = client.communicate(timeout=10)
    check(client.returncode in (1, 5) and err.startswith(b"banger: "), client.returncode, err)
    poll("the next daemon deletes what was ephemeral", lambda: not box.vms(), 15)
    box.expect_empty()


@limit(150)
def test_a_guest_without_sshd_is_told_of(box):
    box.ok("vm", "run", "--name", "box", "--", "mv", "/usr/sbin/sshd", "/usr/sbin/sshd.away")
    since = time.monotonic()
    done = box.run("vm", "restart", "box", timeout=140)
    takes_at_most(100, since, "the wait for sshd is bounded", done)
    check(done.status in (1, 7) and not done.out, done)
    check(b"vm logs box" in done.err, "the hint is the console", done)
    vm = box.vm("box")
    check(vm["state"] in ("error", "stopped") and vm["last_error"], vm)
    equal(box.processes("qemu-system-x86_64", "banger-net"), {})
    check(box.ok("vm", "logs", "box").out, "the console log is kept")


@slow("waits for the whole limit of a boot, 3 minutes")
@limit(400)
def test_a_guest_that_does_not_boot_is_told_of(box):
    """Its init is replaced by one that sleeps, so it never says that it is ready."""
    box.ok("vm", "run", "--name", "box", "--", "sh", "-c",
           "printf '#!/bin/sh\\nexec sleep 100000\\n' > /new && chmod 755 /new && "
           "mv /new \"$(readlink -f /proc/1/exe)\" && sync")
    done = box.run("vm", "restart", "box", timeout=350)
    check(done.status in (1, 7) and b"vm logs box" in done.err, done)
    check(box.vm("box")["last_error"], "the reason is kept")


def build_has_begun(box):
    return poll("mmdebstrap runs", lambda: any("mmdebstrap" in line for line in
                                              box.processes().values()), 30)


def test_image_builds_that_do_not_end_well(box):
    box.ok("daemon", "start")
    check_killed_build(box)
    check_interrupted_build(box)
    check_build_of_a_dead_daemon(box)
    done = box.run("image", "build", "own", "--recipe", "/etc/hostname")
    check(done.status in (1, 2) and b"banger: " in done.err, done)
    equal(box.ok("image", "list", "-q").text, "debian\n")


def check_killed_build(box):
    process = box.start("image", "build", "half", "--recipe", recipe(box))
    build_has_begun(box)
    for pid in box.processes("banger-image"):
        kill(pid)
    _, err = process.communicate(timeout=30)
    equal(process.returncode, 1, err)
    equal(box.ok("image", "list", "-q").text, "debian\n")
    box.ok("daemon", "stop")  # what is left is removed by the next daemon at the latest
    no_build_is_left(box, 10)


def check_interrupted_build(box):
    process = box.start("image", "build", "half", "--recipe", recipe(box))
    build_has_begun(box)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    equal(process.returncode, 130, err)
    no_build_is_left(box, 10)


def check_build_of_a_dead_daemon(box):
    process = box.start("image", "build", "half", "--recipe", recipe(box))
    build_has_begun(box)
    kill(box.daemon_pid())
    process.communicate(timeout=30)
    check(process.returncode != 0)
    box.ok("daemon", "start")
    no_build_is_left(box, 30)
