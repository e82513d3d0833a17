"""What VMs take of their host, and a change of what they may have."""

import json
import signal
import time
from pathlib import Path

from harness import check, equal, limit, poll

MIB = 1 << 20


def stats(box, *refs):
    return {x["name"]: x for x in box.ok("vm", "stats", *refs, "-o", "json").json["stats"]}


def cpu_ms(pid):
    """Of all threads, as the kernel says: fields 14 and 15 of proc(5)'s stat, in ticks of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 10 * (int(fields[11]) + int(fields[12]))


@limit(240)
def test_stats_tell_what_the_kernel_tells(box):
    box.ok("vm", "create", "--name", "off", "--disk", "1G")
    box.ok("vm", "run", "--name", "box", "--", "true")
    check_processes(box)
    check_network(box)
    check_disks(box)
    check_text(box)
    check_follow(box)
    box.ok("vm", "stop", "box")
    equal(stats(box, "box")["box"]["cpu_ms"], None)


def check_processes(box):
    poll("a look that sees it take processor time", lambda: stats(box)["box"]["cpu_percent"] > 0, 20)
    off, on = stats(box)["off"], stats(box)["box"]
    equal(off["cpu_percent"], None)
    for field in ("uptime_ms", "cpu_ms", "resident_bytes", "received_bytes", "sent_bytes",
                  "guest_memory_bytes", "guest_memory_used_bytes"):
        equal(off[field], None, field)
        check(on[field] > 0, field, on)
    equal((off["state"], off["process_count"], on["process_count"]), ("stopped", 0, 2))
    check(on["proportional_bytes"] <= on["resident_bytes"], on)
    pids = list(box.processes("qemu-system-x86_64", "banger-net"))
    before = sum(map(cpu_ms, pids))
    told = stats(box, "box")["box"]["cpu_ms"]
    check(before <= told <= sum(map(cpu_ms, pids)) + 20, before, told)
    total, available = (int(x) << 10 for x in box.sh(
        "box", "awk '/^(MemTotal|MemAvailable)/ {print $2}' /proc/meminfo").split())
    equal(on["guest_memory_bytes"], total)
    check(abs(on["guest_memory_used_bytes"] - (total - available)) < 100 * MIB, on, total, available)
    # A guest that is busy takes a processor of the host, or what the host has left of it.
    since = time.monotonic()
    box.run("vm", "exec", "box", "--", "timeout", "3", "sh", "-c", "while :; do :; done")
    busy, took = stats(box, "box")["box"], 1000 * (time.monotonic() - since)
    check(0.2 * took < busy["interval_cpu_ms"] <= 2.5 * took, busy, took)
    check(abs(busy["cpu_percent"] - 100 * busy["interval_cpu_ms"] / busy["interval_ms"]) < 0.1, busy)
    check(abs(busy["interval_ms"] - took) < 1000, busy, took)


def check_network(box):
    before = stats(box, "box")["box"]
    size = 2_000_000
    equal(len(box.ok("vm", "ssh", "box", "--", f"head -c {size} /dev/urandom").out), size)
    middle = stats(box, "box")["box"]
    sent = middle["sent_bytes"] - before["sent_bytes"]
    check(size < sent < 1.3 * size, sent)
    box.ok("vm", "ssh", "box", "--", "cat > /dev/null", stdin=b"x" * size)
    received = stats(box, "box")["box"]["received_bytes"] - middle["received_bytes"]
    check(size < received < 1.3 * size, received)


def check_disks(box):
    before = stats(box, "box")["box"]
    equal(before["disk_virtual_bytes"] >> 30 >= 8, True, before)
    box.sh("box", "head -c 30000000 /dev/urandom > /root/noise; sync /root/noise")
    after = stats(box, "box")["box"]
    grown = after["disk_allocated_bytes"] - before["disk_allocated_bytes"]
    check(28 * MIB < grown < 45 * MIB, grown)
    folder = Path(box.vm("box")["directory"])
    truth = sum((folder / name).stat().st_blocks * 512 for name in ("root.qcow2", "work.ext4"))
    check(abs(truth - stats(box, "box")["box"]["disk_allocated_bytes"]) < 4 * MIB, truth)


def check_text(box):
    lines = box.ok("vm", "stats").text.splitlines()
    equal(lines[0].split()[:3], ["NAME", "STATE", "CPU"])
    equal([x.split()[0] for x in lines[1:]], ["box", "off"])
    check("%" in lines[1] and "%" not in lines[2] and " - " in lines[2], lines)
    done = box.run("vm", "stats", "no-such-vm", "box")
    equal(done.status, 3, done)
    check(b"no-such-vm" in done.err and b"box " in done.out, done)


def check_follow(box):
    watching = box.start("vm", "stats", "-f", "-o", "json", "box")
    looks = [json.loads(watching.stdout.readline())["stats"][0] for _ in range(3)]
    stats(box, "box")  # of somebody else
    looks.append(json.loads(watching.stdout.readline())["stats"][0])
    watching.send_signal(signal.SIGINT)
    equal(watching.wait(10), 130)
    for look in looks[1:]:
        check(900 < look["interval_ms"] < 3000, look)


def work_disk(box):
    return (Path(box.vm("box")["directory"]) / "work.ext4").stat().st_size // MIB


def home_mib(box):
    return int(box.sh("box", "df --output=size -BM /root | tail -1").strip().rstrip("M"))


@limit(240)
def test_a_vm_is_given_more(box):
    box.ok("vm", "create", "--name", "box", "--memory", "384M", "--disk", "1G")
    equal(box.ok("vm", "set", "box", "--vcpu", "2", "--memory", "448M").text, "set box\n")
    box.ok("vm", "start", "box")
    equal(int(box.sh("box", "nproc")), 2)
    check(384 << 10 < memory_kib(box) <= 448 << 10, memory_kib(box))
    box.sh("box", "echo kept > /root/kept; sync")
    check_set_while_running(box)
    check_refusals(box)
    box.ok("vm", "stop", "box")
    equal(box.ok("vm", "set", "box", "--disk", "4G").text, "set box\n")
    equal((work_disk(box), box.vm("box")["disk_mib"]), (4096, 4096))
    causes = [x["cause"] for x in box.ok("vm", "why", "box", "-o", "json").json["transitions"]
              if x["operation"] == "set"]
    equal(causes, ["vcpu 1 -> 2, memory 384 MiB -> 448 MiB", "memory 448 MiB -> 512 MiB, disk 1 GiB -> 3 GiB",
                   "disk 3 GiB -> 4 GiB"])
    box.ok("vm", "start", "box")
    check(3600 < home_mib(box) <= 4096, home_mib(box))
    equal(box.sh("box", "cat /root/kept"), "kept\n")


def memory_kib(box):
    return int(box.sh("box", "grep MemTotal /proc/meminfo").split()[1])


def check_set_while_running(box):
    done = box.ok("vm", "set", "box", "--memory", "512M", "--disk", "3G")
    equal(done.text, "set box; it has this from its next start on: banger vm restart box\n")
    vm = box.vm("box")
    wanted = {"memory_mib": 512, "disk_mib": 3072, "running_memory_mib": 448, "running_disk_mib": 1024,
              "vcpu_count": 2, "running_vcpu_count": 2, "state": "running"}
    equal({name: vm[name] for name in wanted}, wanted)
    check("512 MiB (until its next start: 448 MiB)" in box.ok("vm", "show", "box").text)
    equal(work_disk(box), 1024)
    box.ok("daemon", "stop")
    equal({name: box.vm("box")[name] for name in wanted}, wanted, "the next daemon knows it too")
    box.ok("vm", "restart", "box")
    equal(work_disk(box), 3072)
    check(448 << 10 < memory_kib(box) <= 512 << 10, memory_kib(box))
    check(2700 < home_mib(box) <= 3072, home_mib(box))
    equal(box.sh("box", "cat /root/kept"), "kept\n")
    equal(box.vm("box")["running_memory_mib"], 512)


def check_refusals(box):
    box.fails(2, "vm", "set", "box", "--disk", "2G", says="cannot become smaller")
    box.fails(2, "vm", "set", "box", says="what to change is missing")
    box.fails(2, "vm", "set", "box", "--vcpu", "65", says="--vcpu")
    box.fails(2, "vm", "set", "box", "--memory", "9T", says="--memory")
    box.fails(3, "vm", "set", "no-such-vm", "--vcpu", "1", says="no-such-vm")
    equal(box.vm("box")["disk_mib"], 3072)
    done = box.run("vm", "set", "box", "no-such-vm", "--vcpu", "2")
    equal((done.status, done.out), (3, b"set box\n"), done)


def test_a_set_of_many_at_once(box):
    names = [f"vm{i}" for i in range(6)]
    for name in names:
        box.ok("vm", "create", "--name", name, "--disk", "64M")
    both = [box.start("vm", "set", *names, "--disk", "128M") for _ in range(2)]
    box.ok("vm", "set", *names, "--memory", "1G")
    for process in both:
        equal(process.wait(30), 0)
    poll("all are set", lambda: all((x["disk_mib"], x["memory_mib"]) == (128, 1024)
                                    for x in box.vms().values()), 10)
