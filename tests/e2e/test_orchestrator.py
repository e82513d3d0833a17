"""examples/orchestrator against real daemons: each host in a network of its own at the end of a cable, served over TLS."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import images
from harness import BANGER, Sandbox, Skip, check, equal, is_alive, kill, limit, poll, read_bytes
from test_libbanger import install

BUILD = images.build_dir()
SOURCE = Path(__file__).resolve().parents[2] / "examples/orchestrator"
TTL, MARGIN = 9.0, 3.0  # seconds
BOOT = 45  # of two guests at once, emulated
BEAT = 0.05


def sh(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    equal(done.returncode, 0, command, done.stderr)


def inside(holder):
    return ("nsenter", "-t", str(holder.pid), "-n")


def network(box):
    """A process that holds a network with nothing but a loopback."""
    holder = subprocess.Popen(["unshare", "-n", "sleep", "600"])
    box.started.append(holder)
    mine = os.readlink("/proc/self/ns/net")
    poll("it has its network", lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != mine, 10)
    sh(*inside(holder), "ip", "link", "set", "lo", "up")
    return holder


class Host:
    """A machine as far as a daemon can tell: a world of its own at the end of a cable."""

    def __init__(self, name, number, box, hub, is_slow):
        self.name, self.box, self.hub, self.cable = name, box, hub, f"cable{number}"
        self.address = f"10.9.{number}.1"
        self.holder = network(box)
        if is_slow:
            self.lay_slow_cable()
        else:
            sh(*inside(hub), "ip", "link", "add", self.cable, "type", "veth", "peer", "name", "eth", "netns", str(self.holder.pid))
        for where, link, last in ((hub, self.cable, 2), (self.holder, "eth", 1)):
            sh(*inside(where), "ip", "addr", "add", f"10.9.{number}.{last}/24", "dev", link)
            sh(*inside(where), "ip", "link", "set", link, "up")

    def serve(self, certs):
        folder = self.box.home / ".config/banger"
        folder.mkdir(parents=True, mode=0o700)
        shutil.copytree(certs / self.name, folder / "tls")
        (folder / "config.toml").write_text(f'[daemon]\nlisten = "{self.address}:7443"\n')
        self.start()

    def start(self):
        done = subprocess.run([*inside(self.holder), BANGER, "daemon", "start"], env=self.box.environment({}), cwd="/",
                              capture_output=True, check=False)
        equal(done.returncode, 0, done.stderr)

    def kill_all(self):
        """The machine loses its power."""
        pids = self.box.processes("bangerd", "banger-tls", "banger-net", "qemu-system-x86_64")
        for pid in pids:
            kill(pid)
        poll("they end", lambda: not any(is_alive(x) for x in pids), 10)

    def lay_slow_cable(self):
        self.slow = subprocess.Popen([Path(__file__).with_name("slow_cable.py"), str(self.hub.pid), self.cable, str(self.holder.pid), "eth"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.box.started.append(self.slow)
        equal(self.slow.stdout.readline(), "ready\n")

    def hold_up(self, seconds):
        """Each packet, each way, from now on."""
        self.slow.stdin.write(f"{seconds}\n")
        self.slow.stdin.flush()

    def cut(self):
        sh(*inside(self.hub), "ip", "link", "set", self.cable, "down")

    def heal(self):
        sh(*inside(self.hub), "ip", "link", "set", self.cable, "up")


class Watch:
    """What really runs where, looked at all the time: the hypervisors among the processes."""

    def __init__(self, hosts):
        self.folders = {os.fsencode(x.box.dir) + b"/": x.name for x in hosts}
        self.seen, self.twice, self.is_over = {}, [], False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def look(self):
        """{name: hosts that run it}"""
        found = {}
        for entry in os.listdir("/proc"):
            name = read_bytes(f"/proc/{entry}/comm").strip() if entry.isdigit() else b""
            if not name.startswith(b"banger-web-"):
                continue
            line = read_bytes(f"/proc/{entry}/cmdline")
            host = next((x for folder, x in self.folders.items() if folder in line), None)
            if host and is_alive(entry):
                found.setdefault(name.decode()[len("banger-"):], set()).add(host)
        return found

    def run(self):
        while not self.is_over:
            found, now = self.look(), time.time()
            for name, hosts in found.items():
                self.twice += [(name, hosts)] if len(hosts) > 1 else []
                for host in hosts:
                    first, _ = self.seen.get((name, host), (now, now))
                    self.seen[name, host] = first, now
            time.sleep(BEAT)

    def last_seen_ms(self, name, host):
        return self.seen[name, host][1] * 1000

    def end(self):
        self.is_over = True
        self.thread.join()
        equal(self.twice, [], "a name ran twice")
        check(self.seen, "it saw nothing")


class Orchestrator:
    """The program as it runs, and what it says."""

    def __init__(self, fleet, *more, state="state.json", count=3, ttl=TTL):
        self.lines = []
        command = [*inside(fleet.hub), fleet.program, "--state", fleet.here.dir / state, "--count", str(count), "--ttl", f"{ttl:g}",
                   "--memory", "128", *more]
        for x in fleet.hosts:
            command += ["--host", x.name]
        self.process = subprocess.Popen(command, env=fleet.here.environment({}), cwd="/", text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        fleet.here.started.append(self.process)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def told(self, what, **more):
        return [x for x in list(self.lines) if x["what"] == what and all(x[k] == v for k, v in more.items())]

    def waits(self, what, seconds=BOOT, count=1, **more):
        def probe():
            check(self.process.poll() is None, "it ended", self.lines)
            return len(self.told(what, **more)) >= count

        try:
            poll(f"{count} of {what} {more}", probe, seconds)
        except AssertionError as why:
            raise AssertionError(f"{why}\n" + "\n".join(map(str, self.lines))) from None
        return self.told(what, **more)

    def moved(self):
        return [x for x in self.lines if x["what"].startswith("vm.")]

    def ends(self, status, seconds=40):
        equal(self.process.wait(seconds), status, self.lines)
        self.thread.join()
        return self.process.stderr.read()


class Fleet:
    """Three hosts, and one machine that sees to them."""

    def __init__(self, box, boxes, here, is_slow=False):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode != 0:
            raise Skip("only root can make networks of its own")
        self.here = here
        self.hub = network(here)
        if is_slow and not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            raise Skip("a cable that is slow needs /dev/net/tun")
        self.hosts = [Host(name, i, x, self.hub, is_slow) for i, (name, x) in enumerate(zip("abcde", (box, *boxes)), 1)]
        certs = here.home / ".config/banger/certs"
        here.ok("cert", "init")
        here.ok("cert", "issue", "me")
        for x in self.hosts:
            here.ok("cert", "issue", x.name, "--host", x.address)
            x.serve(certs)
        (certs.parent / "config.toml").write_text("[hosts]\n" + "".join(
            f'{x.name} = {{ url = "tls://{x.address}:7443", certs = "{certs}/me" }}\n' for x in self.hosts))
        here.env["PATH"] = f"{BUILD}:{here.env['PATH']}"
        self.program = compiled(here)
        self.watch = Watch(self.hosts)

    def host_of(self, name):
        return next(x for x in self.hosts if x.name == self.state()["places"][name])

    def state(self, name="state.json"):
        return json.loads((self.here.dir / name).read_text())

    def place_all(self, one):
        one.waits("vm.running", count=3)
        equal(sorted(x["host"] for x in one.told("vm.placed")), ["a", "b", "c"], "they are spread")


def compiled(here):
    to = install(here)
    config = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(to), "PKG_CONFIG_PATH": str(next(to.rglob("banger.pc")).parent)}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "banger"], env=config, capture_output=True, text=True, check=True)
    done = subprocess.run(["c++", "-std=c++20", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror",
                           *sorted(SOURCE.glob("*.cpp")), *flags.stdout.split(), "-pthread", "-o", here.dir / "orchestrator"],
                          capture_output=True, text=True, check=False)
    equal(done.returncode, 0, done.stderr[-3000:])
    here.env["LD_LIBRARY_PATH"] = str(next(to.rglob("libbanger.so.0")).parent)
    return here.dir / "orchestrator"


def on_three_hosts(box, test, is_slow=False):
    with Sandbox(with_image=False) as here, Sandbox() as second, Sandbox() as third:
        fleet = Fleet(box, (second, third), here, is_slow)
        try:
            test(fleet)
        finally:
            for x in here.started:
                kill(x.pid) if x.args[-1] != "600" and x.poll() is None else None
        fleet.watch.end()


def check_a_new_run(fleet, one):
    """Killed and started again it moves nothing, and nobody takes the old one's word any more."""
    one.process.kill()
    one.process.wait()
    before = fleet.watch.look()
    again = Orchestrator(fleet)
    again.waits("started", why="token 2")
    begun = boot_ms()
    poll("all hosts know the new token", lambda: all(x["sent_ms"] > begun for x in renewed(fleet)), 20)
    for host in fleet.hosts:
        host.box.fails(4, "owner", "renew", "fleet", "--token", "1", says="token 1 is older than 2")
    equal(fleet.watch.look(), before)
    equal(again.moved(), [])
    return again


def boot_ms():
    return time.clock_gettime(time.CLOCK_BOOTTIME) * 1000


def renewed(fleet):
    return fleet.state()["hosts"].values()


def check_a_dead_host(fleet, one):
    """Its VM runs elsewhere after the lease's time and not before; the host comes back empty."""
    dead = fleet.host_of("web-2")
    dead.kill_all()
    lost = one.waits("host.lost", TTL + MARGIN + 8, host=dead.name)[0]
    record = fleet.state()["hosts"][dead.name]
    took = (record["lost_ms"] - record["ends_ms"]) / 1000 + TTL
    check(TTL + MARGIN < took < TTL + MARGIN + 3, f"lost {took} s after its last answer")
    placed = one.waits("vm.placed", name="web-2")[-1]
    check(placed["host"] != dead.name and placed["at_ms"] >= lost["at_ms"], one.lines)
    one.waits("vm.running", name="web-2", host=placed["host"])
    print(f"lost after {took:.1f} s, runs elsewhere {(one.lines[-1]['at_ms'] - lost['at_ms']) / 1000:.1f} s later")
    dead.start()
    one.waits("host.up", host=dead.name)
    equal(dead.box.vms(), {})
    equal([x["what"] for x in one.lines if x["host"] == dead.name][-2:], ["vm.deleted", "host.up"])


@limit(300)
def test_vms_outlive_the_program_and_their_host(box):
    def test(fleet):
        one = Orchestrator(fleet)
        fleet.place_all(one)
        one = check_a_new_run(fleet, one)
        check_a_dead_host(fleet, one)
        one.process.send_signal(signal.SIGTERM)
        one.ends(0)
        equal(len(fleet.watch.look()), 3, "its VMs stay")

    on_three_hosts(box, test)


def check_a_cut_host(fleet, one):
    """Its own daemon ends its VM before another host gets it; when the cable is whole again nothing of it is left."""
    cut = fleet.host_of("web-1")
    cut.cut()
    since = time.time()
    placed = one.waits("vm.placed", TTL + MARGIN + 20, name="web-1", count=2)[-1]
    check("web-1" not in fleet.watch.look() or cut.name not in fleet.watch.look()["web-1"])
    ended_ms = fleet.watch.last_seen_ms("web-1", cut.name)
    check(ended_ms < placed["at_ms"], "it was ended there before", ended_ms, placed)
    print(f"ended there {ended_ms / 1000 - since:.1f} s after the cut, placed elsewhere after {placed['at_ms'] / 1000 - since:.1f} s")
    one.waits("vm.running", name="web-1", host=placed["host"])
    cut.heal()
    one.waits("host.up", host=cut.name)
    equal(cut.box.vms(), {})
    log = cut.box.ok("events", "--last", "1000", "-o", "jsonl").text
    check('"owner.lost"' in log, log)


@limit(300)
def test_a_host_that_is_cut_off_never_runs_what_runs_elsewhere(box):
    def test(fleet):
        one = Orchestrator(fleet)
        fleet.place_all(one)
        before = one.moved()
        flapping = fleet.host_of("web-3")
        for change in (flapping.cut, flapping.heal) * 4:
            change()
            time.sleep(1)  # what is tested is a link that does this
        equal(one.moved(), before, "nothing moves for a link that flaps")
        check_a_cut_host(fleet, one)

    on_three_hosts(box, test)


def check_a_cable_that_holds_up(fleet, one):
    """Longer than a lease lasts: what was sent comes late, and renews nothing. Its VM ends before another host gets it."""
    slow = fleet.host_of("web-1")
    since = time.time()
    slow.hold_up(TTL * 0.8)
    placed = one.waits("vm.placed", TTL + MARGIN + 10, name="web-1", count=2)[-1]
    ended_ms = fleet.watch.last_seen_ms("web-1", slow.name)
    check(ended_ms < placed["at_ms"], "it was ended there before", ended_ms, placed)
    print(f"ended there {ended_ms / 1000 - since:.1f} s after the cable was slow, placed elsewhere after {placed['at_ms'] / 1000 - since:.1f} s")
    one.waits("vm.running", name="web-1", host=placed["host"])
    slow.hold_up(0)
    one.waits("host.up", host=slow.name)
    equal(slow.box.vms(), {})


@limit(300)
def test_cables_that_hold_up_what_is_sent(box):
    def test(fleet):
        for x in fleet.hosts:
            x.hold_up(0.25)
        one = Orchestrator(fleet)
        fleet.place_all(one)
        before = one.moved()
        for x in fleet.hosts:
            x.hold_up(1)
        time.sleep(TTL + MARGIN + 3)  # what is tested is that nothing happens
        equal(one.moved(), before, "nothing moves for a link that is slow")
        check_a_cable_that_holds_up(fleet, one)

    on_three_hosts(box, test, is_slow=True)


@limit(300)
def test_a_drained_host_and_another_orchestrator(box):
    def test(fleet):
        one = Orchestrator(fleet, count=2)
        one.waits("vm.running", count=2)
        one.process.send_signal(signal.SIGTERM)
        one.ends(0)
        left = fleet.host_of("web-1")
        one = Orchestrator(fleet, "--drain", left.name, count=2)
        one.waits("vm.running", name="web-1")
        equal([x["what"] for x in one.moved()], ["vm.moving", "vm.deleted", "vm.placed", "vm.created", "vm.running"], one.lines)
        equal(left.box.vms(), {})
        busy = Orchestrator(fleet, count=2)
        check("is in use by another orchestrator" in busy.ends(1))
        shutil.copy(fleet.here.dir / "state.json", fleet.here.dir / "copy.json")
        other = Orchestrator(fleet, state="copy.json", count=2)
        said = one.ends(3)
        check("token 2 is older than 3" in said and "another one has taken over" in said, said)
        equal(other.moved(), [])
        equal(Orchestrator(fleet, state="copy.json", count=2).ends(1).count("\n"), 1)
        other.process.kill()
        other.process.wait()
        fewer = Orchestrator(fleet, "--once", state="copy.json", count=1)
        fewer.ends(0)
        equal([x["name"] for x in fewer.told("vm.deleted")], ["web-2"])

    on_three_hosts(box, test)
