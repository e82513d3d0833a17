"""What must be so after any crash: the list is true, and nothing is there that it does not say."""

import json

from harness import check, equal, poll


def check_truth(box, is_fresh=True):
    """What a daemon says is so, and nothing is there that it does not say. Returns the VMs.

    is_fresh: the daemon is a new one: what it says at once is so, too."""
    first = box.vms()
    vms = poll("the VMs come to rest", lambda: at_rest(box), 30, 0.1)["vms"]
    running = {vm["pid"] for vm in vms.values() if vm["state"] == "running"}
    equal(set(box.processes("qemu-system-x86_64")), running)
    equal(len(box.processes("banger-net")), len(running))
    equal(box.vm_folders(), sorted(vm["id"] for vm in vms.values()))
    for vm in vms.values():
        folder = box.state / "vms" / vm["id"]
        if vm["state"] != "running":
            equal([x.name for x in folder.iterdir() if x.name.endswith((".sock", ".tmp"))], [])
            check(not (folder / "handles.json").exists(), "handles of a VM that does not run")
            equal((folder / "work.ext4").stat().st_size >> 20, vm["disk_mib"], "its record and its disk")
    pinned = {x["vm_name"] for x in box.ok("hostkey", "list", "-o", "json").json["keys"]}
    equal(pinned - set(vms), set())
    if is_fresh:
        equal(states(first), states(vms), "the first list was not the truth")
    return vms


def states(vms):
    return {name: vm["state"] for name, vm in vms.items()}


def at_rest(box):
    vms = box.vms()
    is_so = all(not vm["operation"] and vm["state"] in ("running", "stopped", "error")
                for vm in vms.values())
    return is_so and {"vms": vms}


def check_again(box):
    """Another daemon changes nothing."""
    before = check_truth(box)
    box.ok("daemon", "stop")
    after = check_truth(box)
    found = box.ok("daemon", "status", "-o", "json").json["reconciled"]
    equal([found[x] for x in ("settled", "rolled_back", "failed", "cleared", "pending")], [0] * 5)
    for vm in (*before.values(), *after.values()):
        vm["started_at_ms"] = 0  # told by handles to the millisecond, by the launch to less
    equal(json.dumps(after, sort_keys=True), json.dumps(before, sort_keys=True))
    return after
