"""VMs with a tap, and the real banger-helper, in a network of the test's own. Needs root; disks that are
snapshots need device-mapper too, which test_full_host.py has."""

import os
import socket
import subprocess
import time
from pathlib import Path

from harness import BUILD, Skip, check, enter_own_network, equal, kill, limit, poll


def tool(*command, status=0):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    check(status is None or done.returncode == status, command, done)
    return done.stdout


def our_links():
    names = {line.split()[0].partition("@")[0] for line in tool("ip", "-br", "link").splitlines()}
    return sorted(x for x in names if x.startswith("bgr-"))


def has_table():
    return "table inet banger" in tool("nft", "list", "tables")


def forwarding():
    return Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()


def nothing_left():
    return not our_links() and not has_table() and forwarding() == "0"


class Helper:
    """The real one, for root."""

    def __init__(self, box):
        if os.geteuid() != 0:
            raise Skip("only root can make a network of its own, and taps in it")
        enter_own_network()
        Path("/proc/sys/net/ipv4/ip_forward").write_text("0")
        self.socket = box.dir / "helper" / "s"
        box.env["BANGER_HELPER_SOCKET"] = str(self.socket)
        self.box = box
        self.start()

    def start(self):
        self.process = subprocess.Popen([BUILD / "banger-helper", "--uid", "0", "--socket", self.socket],
                                        stdin=subprocess.DEVNULL, env=self.box.env)
        self.box.started.append(self.process)
        poll("the helper listens", self.socket.exists, 10)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.socket.unlink()


def test_without_the_helper_a_tap_or_snapshot_is_refused_with_what_to_do(box):
    box.env["BANGER_HELPER_SOCKET"] = str(box.dir / "nobody")
    for option in (("--network", "tap"), ("--root-disk", "snapshot")):
        done = box.fails(1, "vm", "create", "--name", "box", *option, says=f"banger-helper --uid {os.geteuid()}")
        check("banger-helper@" in done.err.decode(), done)
        equal(box.vms(), {})
        equal(box.vm_folders(), [])


def ping(address):
    return subprocess.run(["ping", "-c", "1", "-W", "1", address], capture_output=True, check=False).returncode == 0


class Outside:
    """Another host at the end of a cable: 192.0.2.2, with a TCP port 5000 that says who connected."""

    def __init__(self, box):
        script = "import socket\ns = socket.create_server(('192.0.2.2', 5000))\n" \
                 "while True:\n  c, a = s.accept()\n  c.sendall(a[0].encode() + b'\\n')\n  c.close()\n"
        wait = "until ip addr show dev cable1 2>/dev/null | grep -q 192.0.2.2; do sleep 0.05; done; sleep 0.2"
        self.process = subprocess.Popen(["unshare", "-n", "sh", "-c", f'{wait}; exec python3 -c "$0"', script],
                                        env=box.env)
        box.started.append(self.process)
        mine = os.readlink("/proc/self/ns/net")
        poll("it has a network", lambda: os.readlink(f"/proc/{self.process.pid}/ns/net") != mine, 10)
        pid = str(self.process.pid)
        tool("ip", "link", "add", "cable0", "type", "veth", "peer", "name", "cable1", "netns", pid)
        tool("ip", "addr", "add", "192.0.2.1/24", "dev", "cable0")
        tool("ip", "link", "set", "cable0", "up")
        inside = ("nsenter", "-n", "-t", pid, "ip")
        tool(*inside, "link", "set", "cable1", "up")
        tool(*inside, "addr", "add", "192.0.2.2/24", "dev", "cable1")
        poll("it listens", self.answers, 20)

    def answers(self):
        try:
            with socket.create_connection(("192.0.2.2", 5000), timeout=1) as link:
                return link.recv(100) == b"192.0.2.1\n"
        except OSError:
            return False


CONNECT = "timeout 5 bash -c 'exec 3<>/dev/tcp/192.0.2.2/5000 && cat <&3'"


@limit(300)
def test_a_vm_with_a_tap_from_create_to_delete(box):
    helper = Helper(box)
    Outside(box)
    box.ok("vm", "create", "--name", "box", "--network", "tap", "--disk", "64M")
    equal(our_links(), [], "nothing is there before it is needed")
    box.ok("vm", "start", "box")
    vm = box.vm("box")
    equal((vm["network"], vm["has_nat"], vm["ssh_port"]), ("tap", True, 22))
    check(vm["address"].startswith("10.77."), vm)
    equal(len(our_links()), 2, our_links())
    equal(box.processes("banger-net"), {}, "a tap has no process beside QEMU")
    check(ping(vm["address"]), "the guest answers on the bridge")
    check(vm["address"] in tool("nft", "list", "set", "inet", "banger", "nat"))
    equal(box.sh("box", CONNECT), "192.0.2.1\n", "the host's address, not the guest's")
    equal(box.ok("vm", "ssh", "box", "--", "hostname").text, "box\n")
    check_nat_switched(box)
    check_survival(box, helper, vm)
    box.ok("vm", "stop", "box")
    poll("tap, bridge, rules and forwarding are gone", nothing_left, 5)
    box.ok("vm", "delete", "box")
    equal(forwarding(), "0")


def check_nat_switched(box):
    """At once, for the guest that runs; a switch that fails is undone."""
    box.ok("vm", "set", "box", "--nat", "off")
    check(box.run("vm", "exec", "box", "--", "sh", "-c", CONNECT).status != 0, "no way out")
    equal((box.vm("box")["has_nat"], forwarding()), (False, "0"))
    box.ok("vm", "set", "box", "--nat", "on")
    equal(box.sh("box", CONNECT), "192.0.2.1\n")
    fault = {"BANGER_DAEMON": str(BUILD / "bangerd-faults"), "BANGER_FAULT": "set.nat=EIO"}
    box.ok("daemon", "stop")
    box.fails(1, "vm", "set", "box", "--nat", "off", env=fault, says="set.nat")
    equal(box.vm("box")["has_nat"], True)
    box.ok("daemon", "stop")
    equal(box.sh("box", CONNECT), "192.0.2.1\n")


def check_survival(box, helper, vm):
    """Neither the daemon's death nor the helper's costs the guest its network."""
    kill(box.daemon_pid())
    equal(box.sh("box", "hostname"), "box\n")
    equal(box.vm("box")["pid"], vm["pid"])
    helper.kill()
    check(ping(vm["address"]))
    helper.start()
    check(vm["address"] in tool("nft", "list", "set", "inet", "banger", "nat"))
    equal(box.sh("box", CONNECT), "192.0.2.1\n")


@limit(300)
def test_two_vms_reach_each_other_and_only_one_the_outside(box):
    Helper(box)
    Outside(box)
    for name, more in (("with", []), ("without", ["--no-nat"])):
        box.ok("vm", "create", "--name", name, "--network", "tap", "--disk", "64M", *more)
    box.ok("vm", "start", "with", "without")
    equal(box.vm("without")["has_nat"], False)
    equal(box.sh("with", CONNECT), "192.0.2.1\n")
    check(box.run("vm", "exec", "without", "--", "sh", "-c", CONNECT).status != 0)
    box.sh("without", f"ping -c 1 -W 5 {box.vm('with')['address']}")
    kill(box.vm("with")["pid"])  # its hypervisor: nobody cleans up but the kernel and the helper
    poll("it is seen to be stopped", lambda: box.vm("with")["state"] == "stopped", 20)
    poll("its tap and its NAT are gone", lambda: len(our_links()) == 2 and forwarding() == "0", 5)
    box.ok("vm", "delete", "with", "without")
    poll("all is gone", nothing_left, 5)


@limit(300)
def test_a_start_that_fails_leaves_no_tap(box):
    helper = Helper(box)
    box.ok("vm", "create", "--name", "box", "--network", "tap", "--disk", "64M")
    env = {"BANGER_DAEMON": str(BUILD / "bangerd-faults"), "BANGER_FAULT": "machine.resources.done=EIO"}
    box.ok("daemon", "stop")
    check(box.run("vm", "start", "box", env=env).status == 1)
    poll("nothing is left", nothing_left, 5)
    box.ok("daemon", "stop", env=env)
    helper.kill()
    box.fails(1, "vm", "start", "box", says="banger-helper --uid 0")
    helper.start()
    for fault in ("machine.resources.done=kill", "start.handles=kill", "start.handles.done=kill"):
        box.ok("daemon", "stop")
        box.run("vm", "start", "box", env={**env, "BANGER_FAULT": fault})
        poll("the daemon dies", lambda: not box.processes("bangerd-faults"), 10)
        box.ok("daemon", "start")
        poll(f"nothing is left after {fault}", nothing_left, 10)
    since = time.monotonic()
    box.ok("vm", "start", "box")
    print(f"a start with a tap: {time.monotonic() - since:.1f} s")
    equal(box.sh("box", "hostname"), "box\n")
