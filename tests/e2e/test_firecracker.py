"""VMs in Firecracker, with a stand-in for it: tests/firecracker/stand_in.py, which boots nothing. Where a guest would say
READY it does, and behind its virtual socket there is an sshd of the host with the VM's own host key."""

import json
import os
import shutil
from pathlib import Path

from harness import BUILD, Skip, check, equal, kill, limit, poll

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


def create(box, env, name="box"):
    vm = box.ok("vm", "create", "--name", name, "--image", "tiny", "--disk", "64M", "--driver", "firecracker",
                "-o", "json", env=env).json
    equal((vm["driver"], vm["is_isolated"], vm["state"]), ("firecracker", True, "stopped"))
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
