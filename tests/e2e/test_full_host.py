"""A host in a guest: device-mapper, loop devices, taps, a bridge and nftables, with the real bangerd as an ordinary
user and the real banger-helper as root. The guest's guest runs on KVM in an emulated processor (kvm_amd finds SVM in
`-cpu max`): slow, but all of it is real."""

import json
import os
import shlex
import shutil

from harness import BUILD, alone, check, equal, limit, poll
from images import SOURCE_ROOT, find_host_image, find_images, link_image

MODULES = "dm-snapshot loop tun bridge nf_tables nft_masq nft_chain_nat nft_ct veth kvm_amd"
HOME = "/home/ann"
DIR = "/srv/banger"
LONG = 400  # seconds a command of the guest's guest may take


def stage(box):
    """All that goes into the guest, as one folder."""
    folder = box.dir / "stage"
    folder.mkdir()
    for name in ("banger", "bangerd", "bangerd-faults", "banger-net", "banger-helper"):
        shutil.copy2(BUILD / name, folder / name)
    (folder / "guest").mkdir()
    for path in (BUILD / "guest").iterdir():
        if path.is_file() and os.access(path, os.X_OK):
            shutil.copy2(path, folder / "guest" / path.name)
    shutil.copytree(SOURCE_ROOT / "tests/helper", folder / "helper")
    shutil.copytree(SOURCE_ROOT / "tests/firecracker", folder / "tests/firecracker")
    (folder / "tests/data").mkdir()
    shutil.copy2(SOURCE_ROOT / "tests/data/firecracker.yaml", folder / "tests/data")
    images = folder / "images"
    images.mkdir()
    link_image(find_images(), images)
    return folder


class Host:
    """The guest that is a host."""

    def __init__(self, box):
        self.box = box
        link_image(find_host_image(), box.images, "debian-host")
        box.ok("vm", "create", "--name", "host", "--image", "debian-host", "--vcpu", "2", "--memory", "1536M")
        box.ok("vm", "start", "host")
        box.ok("vm", "cp", str(stage(box)), f"host:{DIR}", timeout=300)
        self.root(f"""
            for module in {MODULES}; do modprobe $module; done
            mkdir -p {HOME}/.local/share/banger /run/user/1000
            chmod 700 {HOME}/.local/share/banger {DIR}/images
            mv {DIR}/images {HOME}/.local/share/banger/images
            chown -R ann:ann {HOME} /run/user/1000
            chmod 700 /run/user/1000
            [ ! -e /dev/kvm ] || chmod 666 /dev/kvm
            chmod 666 /dev/net/tun  # as udev does
            echo 0 > /proc/sys/net/ipv4/ip_forward
            echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
            mkdir -p {HOME}/.config/banger
            printf '[dns]\\nlisten = "127.77.0.1:53"\\n' > {HOME}/.config/banger/config.toml
            chown -R ann:ann {HOME}/.config
            echo nameserver 127.77.0.1 > /etc/resolv.conf""")

    def root(self, script, timeout=120):
        return self.box.sh("host", script, timeout=timeout)

    def run(self, *args, timeout=LONG, env=()):
        """A banger command, as the user. @param env  NAME=value, or a command to run it with"""
        return self.box.run("vm", "exec", "host", "--", "setpriv", "--reuid", "1000", "--regid", "1000", "--init-groups",
                            "env", "-i", f"HOME={HOME}", "XDG_RUNTIME_DIR=/run/user/1000", "PATH=/usr/bin:/bin",
                            *env, f"{DIR}/banger", *args, timeout=timeout)

    def ok(self, *args, **how):
        done = self.run(*args, **how)
        check(done.status == 0, "expected success in the guest", done, self.log())
        return done

    def log(self):
        return self.root(f"tail -n 20 {HOME}/.local/state/banger/bangerd.log; tail -n 5 /tmp/helper.log;"
                         f" tail -n 5 {HOME}/.local/state/banger/vms/*/console.log || true")

    def vm(self, name):
        return json.loads(self.ok("vm", "show", name, "-o", "json").out)

    def start_helper(self):
        self.root(f"rm -f /run/banger-helper/1000.sock; setsid {DIR}/banger-helper --uid 1000 </dev/null >/tmp/helper.log 2>&1 & "
                  "until [ -S /run/banger-helper/1000.sock ]; do sleep 0.1; done")

    def left(self):
        """What of the kernel's is banger's."""
        return self.root("dmsetup ls | grep ^bgr- || true; losetup -nO NAME,BACK-FILE; ip -br link | grep ^bgr- || true;"
                         "nft list tables | grep banger || true; grep -v 0 /proc/sys/net/ipv4/ip_forward || true")


@alone
@limit(900)
def test_a_full_host(box):
    host = Host(box)
    # Those of taps run in a network namespace of the host.
    for tests in ("test_disks.py", "test_lent.py disk capabilities killed_helper"):
        print(host.root(f"cd {DIR}/helper && BANGER_HELPER_BIN={DIR}/banger-helper python3 -B {tests}", timeout=600))
    check_without_helper(host)
    host.start_helper()
    host.ok("vm", "create", "--name", "box", "--network", "tap", "--root-disk", "snapshot", "--memory", "256M",
            "--disk", "64M")
    equal(host.left(), "")
    host.ok("vm", "start", "box")
    check_running(host)
    check_daemon_killed(host)
    check_resources_counted(host)
    host.ok("vm", "stop", "box")
    poll("nothing is left after the stop", lambda: host.left() == "", 10, pause=0.5)
    check_changes_kept_and_image_whole(host)
    check_crashes_leave_nothing(host)
    check_full_disk_is_told(host)
    host.ok("vm", "delete", "box")
    poll("nothing is left after the delete", lambda: host.left() == "", 10, pause=0.5)
    check_firecracker(host)
    host.ok("daemon", "stop")


def check_without_helper(host):
    done = host.run("vm", "create", "--name", "box", "--network", "tap")
    check(done.status == 1 and b"sudo banger-helper --uid 1000" in done.err, done)


def check_running(host):
    vm = host.vm("box")
    equal(vm["accelerator"], "kvm")
    equal((vm["network"], vm["root_disk"]), ("tap", "snapshot"))
    left = host.left()
    check(f"bgr-1000-{vm['id']}" in left and left.count("/dev/loop") == 2, left)
    check("bgr-br0" in left and "bgr-t" in left and "table inet banger" in left, left)
    host.root("ping -c 1 -W 20 box.vm")
    check(vm["address"] in host.root("nft list set inet banger nat"))
    equal(host.ok("vm", "exec", "box", "--", "hostname").text, "box\n")
    equal(host.ok("vm", "ssh", "box", "--", "hostname").text, "box\n")
    host.ok("vm", "exec", "box", "--", "sh", "-c", "echo kept > /var/lib/kept && sync")


def check_daemon_killed(host):
    host.root("pkill -9 -x bangerd")
    equal(host.ok("vm", "exec", "box", "--", "cat", "/var/lib/kept").text, "kept\n")


def check_resources_counted(host):
    used = json.loads(host.ok("vm", "stats", "box", "-o", "json").out)["stats"][0]
    check(used["sent_bytes"] > 0 and used["received_bytes"] > 0, "of the tap", used)
    check(used["disk_allocated_bytes"] > 0, used)


FAULTS = ("machine.resources.done=kill", "machine.resources.done=EIO", "start.handles=kill", "start.handles.done=kill",
          "stop.handles=kill")


def check_crashes_leave_nothing(host, faults=FAULTS):
    """The daemon ends, or fails, where a tap and a snapshot are held."""
    for fault in faults:
        host.ok("daemon", "stop")
        env = (f"BANGER_DAEMON={DIR}/bangerd-faults", f"BANGER_FAULT={fault}")
        done = host.run("vm", "start", "box", env=env)
        if done.status == 0:  # a fault of the end
            done = host.run("vm", "kill", "box", env=env)
        check(done.status != 0, fault, done)
        host.run("daemon", "stop")
        host.ok("daemon", "start")
        poll(f"nothing is left after {fault}", lambda: host.left() == "", 20, pause=0.5)
        print("nothing is left after", fault)


def check_changes_kept_and_image_whole(host):
    digest = f"sha256sum {HOME}/.local/share/banger/images/debian/current/vmlinux"
    before = host.root(digest)
    host.ok("vm", "start", "box")
    equal(host.ok("vm", "exec", "box", "--", "cat", "/var/lib/kept").text, "kept\n")
    equal(host.root(digest), before)
    host.root(f"kill -9 {host.vm('box')['pid']}")  # nobody cleans up but the kernel
    poll("it is seen to be stopped", lambda: host.vm("box")["state"] == "stopped", 30, pause=0.5)
    poll("nothing is left after its hypervisor's death", lambda: host.left() == "", 10, pause=0.5)


def check_full_disk_is_told(host):
    """A file of changes that is too small, which banger itself never makes."""
    host.ok("vm", "create", "--name", "small", "--root-disk", "snapshot", "--memory", "256M", "--disk", "64M")
    folder = host.vm("small")["directory"]
    host.root(f"truncate -s 24M {folder}/root.cow")
    host.ok("vm", "start", "small")
    host.run("vm", "exec", "small", "--", "sh", "-c", "dd if=/dev/urandom of=/var/full bs=1M count=64; sync")
    poll("it is told", lambda: "root disk is lost" in (host.vm("small")["last_error"] or ""), 90, pause=2)
    events = host.run("events", "--last", "50", "-f", env=("timeout", "-s", "INT", "5"))
    check(b"vm.disk" in events.out, events)
    host.ok("vm", "kill", "small")
    host.ok("vm", "delete", "small")


# -- the same for Firecracker, which takes no descriptors: the stand-in for it, as the user, opens tap and disk by their names.


def give_firecracker(host):
    """The stand-in, with an sshd of root's behind its guests' addresses."""
    parts = f"{DIR}/tests/firecracker"
    sshd = json.dumps(["/usr/bin/python3", f"{parts}/sshd_at.py", "join", f"{DIR}/sshd.sock"])
    program = f"#!/bin/sh\nexport BANGER_STAND_IN_SSHD='{sshd}'\nexec {parts}/firecracker \"$@\"\n"
    host.root(f"echo {shlex.quote(program)} > /usr/bin/firecracker; chmod 755 /usr/bin/firecracker; mkdir -p /run/sshd")


def give_guest_an_sshd(host, vm):
    state = f"{HOME}/.local/state/banger"
    options = [f"HostKey={vm['directory']}/ssh_host_ed25519_key", "StrictModes=no", "UsePAM=no", "PidFile=none",
               f"AuthorizedKeysFile={state}/ssh/id_ed25519.pub"]
    words = " ".join(f"-o {x}" for x in options)
    host.root(f"setsid python3 {DIR}/tests/firecracker/sshd_at.py serve {DIR}/sshd.sock /usr/sbin/sshd -i -e -f /dev/null"
              f" {words} </dev/null >/tmp/sshd.log 2>&1 & until [ -S {DIR}/sshd.sock ]; do sleep 0.1; done")


IMAGE = f"{HOME}/.local/share/banger/images/debian/current/root.ext4"
END_OF_IMAGE = f"stat -c %Y {IMAGE}; tail -c 4096 {IMAGE} | sha256sum"


def check_firecracker(host):
    give_firecracker(host)
    image = host.root(END_OF_IMAGE)
    host.ok("vm", "create", "--name", "box", "--driver", "firecracker", "--network", "tap", "--root-disk", "snapshot",
            "--memory", "256M", "--disk", "64M")
    give_guest_an_sshd(host, host.vm("box"))
    equal(host.left(), "")
    host.ok("vm", "start", "box")
    check_lent(host)
    check_adopted_and_stopped(host)
    check_killed_with_all(host)
    # Where it differs from QEMU, of which the others are: between the loan and the boot call's answer.
    check_crashes_leave_nothing(host, ("start.handles.done=kill", "start.ready=kill", "start.ready.done=kill"))
    host.ok("vm", "start", "box")
    host.ok("vm", "delete", "box")
    equal(host.left(), "", "the end of the VM is the end of what it was lent")
    equal(host.root(END_OF_IMAGE), image, "nothing is written to the image")


def boots(host):
    """How often the guest has found its disk as it left it."""
    return [x.split()[2] for x in host.ok("vm", "logs", "box").text.splitlines() if "of this root disk" in x]


def check_lent(host):
    vm = host.vm("box")
    equal((vm["driver"], vm["network"], vm["root_disk"], vm["is_isolated"]), ("firecracker", "tap", "snapshot", False))
    left = host.left()
    check(f"bgr-1000-{vm['id']}" in left and left.count("/dev/loop") == 2, left)
    fds = host.root(f"stat -c %u /proc/{vm['pid']}; readlink /proc/{vm['pid']}/fd/*")
    check(fds.startswith("1000\n") and "/dev/net/tun" in fds and "/dev/dm-0" in fds, "as the user, it has both open", fds)
    equal(host.root("stat -c %u:%a /dev/dm-0"), "1000:600\n")
    equal(host.root("ls -l /proc/$(pgrep -x bangerd)/fd | grep -c /dev/dm- || true"), "0\n", "the daemon has let go")
    tap = host.root("ip -d link show $(ip -br link | grep -o '^bgr-t[0-9a-f]*')")
    check("LOWER_UP" in tap and "persist on" in tap and ("user ann" in tap or "user 1000" in tap), tap)
    host.root("ping -c 1 -W 20 box.vm")
    check(vm["address"] in host.root("nft list set inet banger nat"))
    equal(host.ok("vm", "ssh", "box", "--", "echo reached").text, "reached\n")
    equal(boots(host), ["1"])
    check_resources_counted(host)


def check_adopted_and_stopped(host):
    pid = host.vm("box")["pid"]
    host.root("pkill -9 -x bangerd")
    equal(host.vm("box")["pid"], pid)
    host.root("ping -c 1 -W 20 box.vm")
    host.ok("vm", "stop", "box")
    equal(host.left(), "", "nothing is left when the stop has come back")
    host.ok("vm", "start", "box")
    equal(boots(host), ["1", "2"], "what was written is there again")


def check_killed_with_all(host):
    """With the daemon, what was lent goes without it; with the helper too, when there is a helper again."""
    host.root(f"kill -9 {host.vm('box')['pid']} $(pgrep -x bangerd)")
    poll("nothing is left, without a daemon", lambda: host.left() == "", 10, pause=0.5)
    equal(host.vm("box")["state"], "stopped")
    host.ok("vm", "start", "box")
    host.root(f"kill -9 $(pgrep -x banger-helper) $(pgrep -x bangerd) {host.vm('box')['pid']}")
    poll("the disk is gone, and the tap is not",
         lambda: "bgr-t" in (left := host.left()) and "bgr-1000" not in left and "loop" not in left, 10, pause=0.5)
    host.start_helper()
    poll("the tap is gone too", lambda: host.left() == "", 10, pause=0.5)
    equal(host.vm("box")["state"], "stopped")
