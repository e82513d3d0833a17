"""Many at once, and people who change their minds."""

import signal
import subprocess
import time

from harness import Sandbox, check, equal, limit, poll, takes_at_most


def test_of_racing_creates_one_wins(box):
    racers = [box.start("vm", "create", "--name", "same") for _ in range(20)]
    outcomes = [(x.communicate(timeout=60), x.returncode) for x in racers]
    statuses = sorted(status for _, status in outcomes)
    equal(statuses, [0] + [4] * 19, *[out for out, _ in outcomes])
    equal(list(box.vms()), ["same"])
    equal(len(box.vm_folders()), 1)
    # Names that are chosen differ, and so do addresses.
    racers = [box.start("vm", "create", "-o", "json") for _ in range(10)]
    equal([x.wait(60) for x in racers], [0] * 10)
    vms = box.vms().values()
    equal((len(vms), len({x["address"] for x in vms})), (11, 11))


def test_of_racing_clients_one_starts_the_daemon(box):
    for _ in range(3):
        racers = [box.start("vm", "list", "-q") for _ in range(20)]
        outcomes = [(x.communicate(timeout=60), x.returncode) for x in racers]
        equal(outcomes, [((b"", b""), 0)] * 20)
        equal(len(box.processes("bangerd")), 1)
        box.ok("daemon", "stop")
    # Some start it while others end it: nobody is left without an answer.
    racers = [box.start(*(("daemon", "stop") if i % 4 == 0 else ("vm", "list"))) for i in range(20)]
    outcomes = [(x.communicate(timeout=60), x.returncode) for x in racers]
    check(all(status in (0, 5) for _, status in outcomes), *outcomes)
    box.ok("vm", "list")


@limit(180)
def test_three_vms_start_at_once(box):
    for name in "abc":
        box.ok("vm", "create", "--name", name, "--memory", "256M")
    equal(box.ok("vm", "start", "a", "b", "c").text, "started a\nstarted b\nstarted c\n")
    equal([x["state"] for x in box.vms().values()], ["running"] * 3)
    equal([box.sh(name, "hostname").strip() for name in "abc"], list("abc"))
    racers = [box.start("vm", "stop", name) for name in "abc"]
    equal([x.wait(60) for x in racers], [0] * 3)
    equal(box.processes("qemu-system-x86_64", "banger-net"), {})


def test_two_users_of_one_host_do_not_meet(box):
    with Sandbox() as other:
        first = box.start("vm", "run", "--name", "box", "--", "true")
        done = other.run("vm", "run", "--name", "box", "--", "true")
        equal((first.wait(60), done.status), (0, 0), done, first.stderr.read())
        check(box.vm("box")["address"] != other.vm("box")["address"], "one address for two VMs")
        equal(len(other.vms()), 1)


@limit(180)
def test_interrupts_end_what_they_should(box):
    check_interrupt_in_boot(box)
    check_killed_client(box)
    check_signal_in_a_shell(box)
    check_stop_in_boot(box)


def boot_has_begun(box):
    return poll("the hypervisor starts", lambda: box.processes("qemu-system-x86_64"), 20, 0.02)


def check_interrupt_in_boot(box):
    process = box.start("vm", "run", "--rm", "--", "true")
    boot_has_begun(box)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    equal((process.returncode, out), (130, b""), err)
    box.expect_empty()
    process = box.start("vm", "run", "--name", "kept", "--", "true")
    boot_has_begun(box)
    process.send_signal(signal.SIGINT)
    equal(process.wait(20), 130)
    vm = box.vm("kept")
    check(vm["state"] in ("stopped", "error"), vm)
    equal(box.processes("qemu-system-x86_64", "banger-net"), {})
    box.ok("vm", "delete", "kept")


def check_killed_client(box):
    """Nobody is there to delete an ephemeral VM any more, so the daemon does it."""
    for in_boot in (True, False):
        process = box.start("vm", "run", "--rm", "--name", "brief", "--", "sh", "-c",
                            "echo ready; sleep 1000")
        if in_boot:
            boot_has_begun(box)
        else:
            line = process.stdout.readline()
            equal(line, b"ready\n", line or process.stderr.read())
        process.kill()
        process.communicate()
        poll("the daemon deletes the VM", lambda: not box.vms(), 10)
        box.expect_empty()


def check_signal_in_a_shell(box):
    """SIGTERM ends also the ssh that runs for us, and the VM goes with it."""
    process = box.start("vm", "run", "--rm", "--name", "brief", stdin=subprocess.PIPE)
    process.stdin.write(b"echo ready; sleep 1000\n")
    process.stdin.flush()
    equal(process.stdout.readline(), b"ready\n")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    check(process.returncode != 0)
    equal(box.processes("ssh"), {})
    box.expect_empty()


def check_stop_in_boot(box):
    box.ok("vm", "create", "--name", "box")
    starting = box.start("vm", "start", "box")
    boot_has_begun(box)
    since = time.monotonic()
    equal(box.ok("vm", "stop", "box").text, "stopped box\n")
    takes_at_most(10, since, "a stop does not wait for the boot")
    out, err = starting.communicate(timeout=20)
    check(starting.returncode not in (0, None) and not out and err.startswith(b"banger: "), err)
    equal(box.vm("box")["state"], "stopped")
    equal(box.processes("qemu-system-x86_64", "banger-net"), {})
    # A delete in the midst of a boot too.
    starting = box.start("vm", "start", "box")
    boot_has_begun(box)
    box.ok("vm", "delete", "box")
    check(starting.wait(20) != 0)
    box.expect_empty()
