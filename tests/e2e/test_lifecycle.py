"""A VM from its making to its end, and what outlives a stop."""

import subprocess
import time

from harness import check, equal, is_alive, limit, poll, takes_at_most

FIELDS = {"id": str, "name": str, "state": str, "image": str, "vcpu_count": int, "memory_mib": int,
          "disk_mib": int, "address": str, "ssh_port": int, "is_isolated": bool, "driver": str,
          "is_ephemeral": bool, "created_at_ms": int, "directory": str}


@limit(180)
def test_a_vm_lives_from_create_to_delete(box):
    check_create(box)
    check_first_start(box)
    check_what_survives(box)
    check_kill(box)
    check_refs(box)
    check_delete(box)


def check_create(box):
    equal(box.ok("vm", "create", "--name", "box", "--memory", "384M", "--disk", "1G").text,
          "created box\n")
    vm = box.vm("box")
    for field, kind in FIELDS.items():
        check(type(vm[field]) is kind, f"{field} is {vm[field]!r}, not a {kind.__name__}")
    equal((vm["name"], vm["state"], vm["image"], vm["vcpu_count"], vm["memory_mib"],
           vm["disk_mib"], vm["pid"]), ("box", "stopped", "debian", 1, 384, 1024, None))
    check(abs(vm["created_at_ms"] / 1000 - time.time()) < 60, vm["created_at_ms"])
    equal(box.vms(), {"box": vm})
    equal(box.ok("vm", "list", "-q").text, "box\n")
    table = box.ok("vm", "list").text.splitlines()
    check(table[0].startswith("NAME ") and table[1].startswith("box "), table)
    equal(box.vm(vm["id"]), vm)
    equal(box.ok("vm", "logs", "box").out, b"")


def check_first_start(box):
    equal(box.ok("vm", "start", "box").text, "started box\n")
    vm = box.vm("box")
    equal(vm["state"], "running")
    check(is_alive(vm["pid"]), "its process runs")
    equal(box.ok("vm", "start", "box").status, 0)  # it is what was asked for already
    equal(box.vm("box")["pid"], vm["pid"])
    equal(box.ok("vm", "wait", "box", "--timeout", "5").text, "box is running\n")
    equal(box.sh("box", "hostname; uname -n").split(), ["box", "box"])
    box.sh("box", "echo seen on the console > /dev/console")
    log = poll("the console's line is logged", lambda: (x := box.ok("vm", "logs", "box").out)
               and b"seen on the console" in x and x, 5)
    equal(box.ok("vm", "logs", "box", "--tail", "20").out, log[-20:])
    memory_kib = int(box.sh("box", "grep MemTotal /proc/meminfo").split()[1])
    check(256 << 10 < memory_kib <= 384 << 10, memory_kib)
    equal(int(box.sh("box", "nproc")), 1)


def check_what_survives(box):
    box.sh("box", "echo home > /root/kept; echo system > /etc/kept; echo gone > /tmp/gone; sync")
    keys = (box.state / "ssh/known_hosts").read_text()
    check("ssh-ed25519" in keys, keys)
    equal(box.ok("vm", "stop", "box").text, "stopped box\n")
    equal(box.vm("box")["state"], "stopped")
    equal(box.processes("qemu-system-x86_64", "banger-net"), {})
    equal(box.ok("vm", "stop", "box").status, 0)
    box.fails(4, "vm", "exec", "box", "--", "true", says="not running")
    waiting = box.start("vm", "wait", "box", "--for", "running", "--timeout", "60")
    box.ok("vm", "start", "box")
    equal(waiting.communicate(timeout=30)[0], b"box is running\n")
    equal(box.sh("box", "cat /root/kept /etc/kept"), "home\nsystem\n")
    equal((box.state / "ssh/known_hosts").read_text(), keys)
    # The guest can end itself.
    box.run("vm", "exec", "box", "--", "poweroff")
    box.ok("vm", "wait", "box", "--for", "stopped", "--timeout", "60")


def check_kill(box):
    equal(box.ok("vm", "restart", "box").text, "restarted box\n")
    before = box.vm("box")
    box.ok("vm", "restart", "box")
    after = box.vm("box")
    check(before["pid"] != after["pid"] and after["state"] == "running", before, after)
    equal(box.sh("box", "cat /root/kept"), "home\n")
    since = time.monotonic()
    equal(box.ok("vm", "kill", "box").text, "killed box\n")
    takes_at_most(3, since, "a kill does not wait for the guest")
    equal(box.vm("box")["state"], "stopped")
    check(not is_alive(after["pid"]), "its process is gone")
    box.ok("vm", "start", "box")
    equal(box.sh("box", "cat /root/kept"), "home\n")


def check_refs(box):
    box.ok("vm", "create", "--name", "other")
    done = box.run("vm", "show", "box", "no-such-vm", "other")
    equal(done.status, 3, done)
    check(b"no-such-vm" in done.err and b"other" in done.out and b"box" in done.out, done)
    results = box.run("vm", "show", "box", "no-such-vm", "-o", "json").json["results"]
    equal([(x["ref"], x["ok"]) for x in results], [("box", True), ("no-such-vm", False)])
    equal(results[1]["error"]["code"], "not_found")
    box.fails(3, "vm", "show", "othre", says="othre")
    check(b"did you mean 'other'?" in box.run("vm", "show", "othre").err)
    done = box.run("vm", "stop", "no-such-vm", "other")
    equal((done.status, done.out), (3, b"stopped other\n"), done)


def check_delete(box):
    pid, directory = box.vm("box")["pid"], box.vm("box")["directory"]
    waiting = box.start("vm", "wait", "box", "--for", "stopped", "--timeout", "60")
    done = box.run("vm", "delete", "box", "no-such-vm", "other")
    equal((done.status, done.out), (3, b"deleted box\ndeleted other\n"), done)
    check(not is_alive(pid), "its process is gone")
    waiting.communicate(timeout=30)
    check(subprocess.run(["test", "-e", directory]).returncode == 1, "its folder is gone")
    box.expect_empty()
    keys = (box.state / "ssh/known_hosts").read_text().splitlines()
    equal([x for x in keys if not x.startswith("#")], [], "its host key is forgotten")
    box.fails(3, "vm", "show", "box")
    # The name is free again, and the new VM has nothing of the old one.
    box.ok("vm", "create", "--name", "box")
    box.ok("vm", "delete", "box")
    poll("the list is empty", lambda: not box.vms(), 5)


def test_the_clock_of_a_guest_is_right(box):
    box.ok("vm", "run", "--name", "box", "--", "true")
    before, guest, after = time.time(), float(box.sh("box", "date +%s.%N")), time.time()
    check(before - 2 < guest < after + 2, "the guest's clock is off", before, guest, after)
