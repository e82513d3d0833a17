"""VMs in Firecracker, with a stand-in for it: tests/firecracker/stand_in.py, which boots nothing. Where a guest would say
READY it does, and behind its virtual socket there is an sshd of the host with the VM's own host key."""

import json
import os
import shutil
import sys
from pathlib import Path

from harness import BUILD, Skip, check, equal, kill, limit, poll
from test_tap import CONNECT, Helper, Outside, forwarding, nothing_left, our_links, ping, tool

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "firecracker"))
from devices import open_tap

STAND_IN = Path(__file__).resolve().parents[1] / "firecracker" / "firecracker"


def firecracker(box, **behaviour):
    """What a daemon needs to be told for a stand-in that behaves so."""
    programs, sshd = box.dir / "bin", box.dir / "sshd.sh"
    if not programs.is_dir():
        programs.mkdir()
        (programs / "firecracker").symlink_to(STAND_IN)
        make_image(box)
    return {"BANGER_DAEMON": str(BUILD / "bangerd-faults"), "BANGER_TEST_NO_KVM": "1",
            "PATH": f"{programs}:{box.env['PATH']}", "BANGER_STAND_IN": json.dumps(behaviour),
            "BANGER_STAND_IN_SSHD": json.dumps([str(sshd)])}


def make_image(box):
    """An image that nobody will ever boot: it has the files that one has."""
    build = box.images / "tiny" / "1-a"
    build.mkdir(parents=True, mode=0o700)
    for name in ("vmlinux", "initrd.cpio", "firecracker.cpio"):
        (build / name).write_bytes(name.encode())
    with open(build / "root.ext4", "wb") as disk:
        disk.truncate(16 << 20)
    manifest = {"format": 1, "name": "tiny", "suite": "bookworm", "init": "banger", "kernel_version": "6.1",
                "root": {"file": "root.ext4", "format": "raw", "virtual_size": 16 << 20}, "created_at": 1}
    (build / "manifest.json").write_text(json.dumps(manifest))
    (box.images / "tiny" / "current").symlink_to("1-a")


def give_guest_an_sshd(box, vm):
    """@pre the VM was created: it has its host key then."""
    if os.geteuid() != 0:
        raise Skip("an sshd for the user root is root's to start")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    options = [f"HostKey={vm['directory']}/ssh_host_ed25519_key", "StrictModes=no", "UsePAM=no", "PidFile=none",
               f"AuthorizedKeysFile={box.state}/ssh/id_ed25519.pub"]
    words = " ".join(f"-o '{x}'" for x in options)
    script = box.dir / "sshd.sh"
    script.write_text(f"#!/bin/sh\nexec /usr/sbin/sshd -i -e -f /dev/null {words} 2>/dev/null\n")
    script.chmod(0o755)


def create(box, env, *more):
    vm = box.ok("vm", "create", "--name", "box", "--image", "tiny", "--disk", "64M", "--driver", "firecracker", *more,
                "-o", "json", env=env).json
    equal((vm["driver"], vm["is_isolated"], vm["state"]), ("firecracker", "tap" not in more, "stopped"))
    return vm


def ours(box):
    return box.processes("firecracker", "banger-net", "qemu-system-x86_64")


def test_a_vm_in_firecracker_from_create_to_delete(box):
    env = firecracker(box)
    vm = create(box, env)
    folder = Path(vm["directory"])
    equal((folder / "root.raw").stat().st_size, 16 << 20)
    check(not (folder / "root.qcow2").exists(), "its root disk is a whole one")
    give_guest_an_sshd(box, vm)
    box.ok("vm", "start", "box", env=env)
    vm = box.vm("box")
    equal((vm["state"], vm["accelerator"], vm["last_error"]), ("running", "kvm", None))
    equal(sorted(x.split()[0].rpartition("/")[2] for x in ours(box).values()), ["banger-net", "firecracker"])
    initrd = (folder / "initrd.cpio").read_bytes()
    check(initrd.startswith(b"initrd.cpiofirecracker.cpio070701"), "it has the modules", initrd[:60])
    check("the guest boots" in box.ok("vm", "logs", "box").text, "its serial console is in the log")

    # A daemon that dies leaves it alone, and the next one takes it over.
    kill(box.daemon_pid())
    after = box.ok("vm", "show", "box", "-o", "json", env=env).json
    equal((after["state"], after["pid"], after["driver"]), ("running", vm["pid"], "firecracker"))
    box.ok("vm", "stop", "box")
    equal((box.vm("box")["state"], ours(box)), ("stopped", {}))
    equal([x.name for x in folder.glob("*.sock*")], [])
    check(not (folder / "handles.json").exists(), "no handles are left")

    box.ok("vm", "start", "box")
    kill(box.vm("box")["pid"])
    vm = poll("the VM is stopped", lambda: (x := box.vm("box"))["state"] == "stopped" and x, 5)
    check("signal 9" in vm["last_error"], vm["last_error"])
    poll("its helper ends", lambda: not ours(box), 5)
    box.ok("vm", "delete", "box")
    equal(box.vm_folders(), [])


@limit(240)
def test_a_firecracker_that_does_not_do_as_it_should(box):
    cases = [({"at": {"PUT /boot-source": "refuse"}}, 1, "The stand-in was told to refuse this."),
             ({"at": {"PUT /actions": "drop"}}, 1, "it ended the connection half-way"),
             ({"at": {"PUT /actions": "slow"}}, 7, "it did not answer within"),
             ({"at": {"PUT /machine-config": "garbage"}}, 1, "what it answered is no HTTP"),
             ({"at": {"PUT /vsock": "die"}}, 1, "signal 9"),
             ({"version": "1.7.0"}, 1, "1.8.0 is the oldest"),
             ({"start": "die"}, 1, "the stand-in was told to die"),
             ({"guest": "panic"}, 1, "the guest shut down or rebooted")]
    create(box, firecracker(box))
    for behaviour, status, words in cases:
        box.ok("daemon", "stop")
        result = box.fails(status, "vm", "start", "box", says=words, env=firecracker(box, **behaviour))
        vm = box.vm("box")
        check(vm["state"] == "error" and words in vm["last_error"], behaviour, vm["last_error"], result)
        equal(ours(box), {}, behaviour)
        equal([x.name for x in Path(vm["directory"]).glob("*.sock*")], [], behaviour)
    box.ok("vm", "delete", "box")


def test_a_daemon_that_dies_while_firecracker_starts(box):
    env = firecracker(box, guest="silent")
    create(box, env)
    starting = box.start("vm", "start", "box", env=env)
    poll("Firecracker runs", lambda: box.processes("firecracker"), 20)
    kill(box.daemon_pid())
    starting.communicate(timeout=20)
    vm = box.ok("vm", "show", "box", "-o", "json", env=env).json
    check(vm["state"] in ("stopped", "error"), vm)
    poll("what it had started is gone", lambda: not ours(box), 5)
    box.ok("vm", "delete", "box")


def test_without_firecracker_or_kvm_there_is_one_line_that_says_what_to_do(box):
    env = {**firecracker(box), "PATH": box.env["PATH"]}
    if not shutil.which("firecracker", path=env["PATH"]):
        done = box.fails(1, "vm", "create", "--image", "tiny", "--driver", "firecracker", says="find firecracker", env=env)
        check(b"hint: " in done.err and b"--driver qemu" in done.err, done)
    box.ok("daemon", "stop")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        env = {**firecracker(box), "BANGER_DAEMON": str(BUILD / "bangerd")}
        done = box.fails(1, "vm", "create", "--image", "tiny", "--driver", "firecracker", says="use /dev/kvm", env=env)
        check(b"hint: " in done.err and b"--driver qemu" in done.err, done)
    equal(box.vms(), {})
    box.ok("daemon", "stop")
    more = ("vm", "create", "--image", "tiny", "--driver", "firecracker", "--vcpu", "33")
    box.fails(2, *more, says="1 to 32 processors", env=firecracker(box))
    box.fails(2, "vm", "create", "--driver", "xen", says="--driver")


# -- with a tap: the real helper's, in a network of the test's own. The stand-in opens it as Firecracker does, and behind it
# there is a network namespace with the host's sshd. test_full_host.py has the same as an ordinary user, with a snapshot.


def tap_of(box):
    return next(x for x in our_links() if x.startswith("bgr-t"))


@limit(240)
def test_a_vm_in_firecracker_with_a_tap_from_create_to_delete(box):
    helper, env = Helper(box), firecracker(box)
    Outside(box)
    vm = create(box, env, "--network", "tap")
    equal(our_links(), [], "nothing is there before it is needed")
    give_guest_an_sshd(box, vm)
    box.ok("vm", "start", "box", env=env)
    vm = box.vm("box")
    equal((vm["network"], vm["has_nat"], vm["ssh_port"]), ("tap", True, 22))
    check(vm["address"].startswith("10.77."), vm)
    equal([x.split()[0] for x in ours(box).values()], ["firecracker"], "a tap has no process beside it")
    words = tool("ip", "-d", "link", "show", tap_of(box))
    check("persist on" in words and "vnet_hdr on" in words and "master bgr-br0" in words and "LOWER_UP" in words, words)
    check(ping(vm["address"]), "the guest answers on the bridge")
    equal(box.ok("vm", "ssh", "box", "--", CONNECT).text, "192.0.2.1\n", "the host's address, not the guest's")

    kill(box.daemon_pid())
    equal(box.ok("vm", "show", "box", "-o", "json", env=env).json["pid"], vm["pid"])
    box.ok("vm", "set", "box", "--nat", "off")
    check(vm["address"] not in tool("nft", "list", "set", "inet", "banger", "nat") and forwarding() == "0")
    check(ping(vm["address"]))
    box.ok("vm", "stop", "box")
    equal((our_links(), ours(box)), ([], {}), "the end of the VM is the tap's")
    check_ends_that_nobody_asked_for(box, env, helper)
    box.ok("vm", "delete", "box")
    check(nothing_left())


def check_ends_that_nobody_asked_for(box, env, helper):
    """Firecracker is killed: alone, with the daemon, and with daemon and helper."""
    box.ok("vm", "start", "box", env=env)
    kill(box.vm("box")["pid"])
    poll("it is seen to be stopped", lambda: box.vm("box")["state"] == "stopped", 10)
    poll("its tap is gone", nothing_left, 5)
    box.ok("vm", "start", "box")
    pid = box.vm("box")["pid"]
    kill(box.daemon_pid())
    kill(pid)
    poll("the helper sees to it alone", nothing_left, 5)
    equal(box.ok("vm", "show", "box", "-o", "json", env=env).json["state"], "stopped")
    box.ok("vm", "start", "box")
    pid = box.vm("box")["pid"]
    helper.kill()
    kill(box.daemon_pid())
    kill(pid)
    equal(len(our_links()), 2, "nobody is there to remove them")
    helper.start()
    poll("the next helper does", nothing_left, 5)
    equal(box.ok("vm", "show", "box", "-o", "json", env=env).json["state"], "stopped")


@limit(240)
def test_a_start_in_firecracker_that_fails_leaves_no_tap(box):
    Helper(box)
    give_guest_an_sshd(box, create(box, firecracker(box), "--network", "tap"))
    for behaviour in ({"at": {"PUT /network-interfaces/eth0": "refuse"}}, {"at": {"PUT /network-interfaces/eth0": "die"}},
                      {"at": {"PUT /actions": "die"}}, {"start": "die"}, {"guest": "panic"}):
        box.ok("daemon", "stop")
        check(box.run("vm", "start", "box", env=firecracker(box, **behaviour)).status == 1, behaviour)
        poll(f"nothing is left after {behaviour}", nothing_left, 5)
    for fault in ("machine.resources.done=EIO", "start.handles=EIO", "start.ready=EIO", "machine.resources.done=kill",
                  "start.launch.done=kill", "start.handles=kill", "start.handles.done=kill", "start.ready=kill",
                  "start.ready.done=kill", "start.settled=kill"):
        box.ok("daemon", "stop")
        done = box.run("vm", "start", "box", env={**firecracker(box), "BANGER_FAULT": fault})
        check(done.status != 0, fault, done)
        if fault.endswith("kill"):
            poll("the daemon dies", lambda: not box.processes("bangerd-faults"), 10)
        box.ok("daemon", "start", env=firecracker(box))
        poll(f"nothing is left after {fault}", nothing_left, 10)
    box.ok("vm", "start", "box")  # at once, whatever was before
    check(ping(box.vm("box")["address"]))
    box.ok("vm", "delete", "box")
    check(nothing_left())


def test_a_tap_that_firecracker_cannot_open_fails_the_start_in_its_words(box):
    """Somebody else of the user's has it open."""
    Helper(box)
    vm = create(box, firecracker(box, at={"PUT /machine-config": "pause"}), "--network", "tap")
    give_guest_an_sshd(box, vm)
    starting = box.start("vm", "start", "box")
    poll("there is a tap", lambda: len(our_links()) == 2, 20)
    thief = open_tap(tap_of(box))
    out = starting.communicate(timeout=30)
    check(starting.returncode == 1 and b"Resource busy" in out[1] or b"resource busy" in out[1], out)
    os.close(thief)
    poll("nothing is left", nothing_left, 5)
