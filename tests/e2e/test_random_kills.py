"""Random verbs on six VMs while the daemon, hypervisors and clients are killed at random moments.

BANGER_E2E_ROUNDS=N for more rounds than the usual few, BANGER_E2E_SEED=N to do those of an earlier run
again: the seed is printed."""

import os
import random
import time

from harness import check, equal, is_alive, kill, limit, poll, read_bytes
from truth import check_again, check_truth

ROUNDS = int(os.environ.get("BANGER_E2E_ROUNDS", "16"))
NAMES = [f"vm-{i}" for i in range(6)]
VICTIMS = ["daemon", "daemon", "hypervisor", "helper", "client", "nobody"]


@limit(120 + 20 * ROUNDS)
def test_random_kills(box):
    seed = int(os.environ.get("BANGER_E2E_SEED", random.randrange(1 << 32)))
    print(f"BANGER_E2E_SEED={seed} BANGER_E2E_ROUNDS={ROUNDS}", flush=True)
    dice = random.Random(seed)
    for number in range(ROUNDS):
        do_round(box, dice, number)
    check_again(box)


def do_round(box, dice, number):
    name, victim, wait = dice.choice(NAMES), dice.choice(VICTIMS), dice.uniform(0, 3) ** 2 / 3
    verb = dice.choice(verbs_for(box.vms().get(name)))
    before = box.vms()
    daemon = box.daemon_pid()
    client = box.start("vm", *command(verb, name))
    try:
        client.wait(wait)  # most verbs are quick: a client that is done is no victim
    except Exception:  # noqa: BLE001
        pass
    hit = end(box, victim, daemon, client)
    out, err = client.communicate(timeout=60)
    found = check_truth(box, is_fresh=victim == "daemon")
    state = found[name]["state"] if name in found else "gone"
    print(f"{number:3} {verb:8} {name} {victim:10} after {wait:.2f} s ({hit}): exit {client.returncode}, {state}",
          flush=True)
    for other in NAMES:  # nothing happens to those that nobody touched
        if other != name and hit != other:
            equal(found.get(other, {}).get("state"), before.get(other, {}).get("state"), other)
    repeat(box, verb, name, found)
    check_addresses(box)
    if number % 8 == 7:
        check_again(box)


def verbs_for(vm):
    if vm is None:
        return ["create"]
    if vm["state"] == "running":
        return ["stop", "kill", "restart", "delete", "exec"]
    return ["start", "start", "start", "delete"]


def command(verb, name):
    if verb == "create":
        return ["create", "--name", name, "--disk", "64M", "--memory", "256M"]
    if verb == "exec":
        return ["exec", name, "--", "sleep", "1"]
    return [verb, name]


def end(box, victim, daemon, client):
    """Returns the name of the VM whose process was killed, else of what was."""
    if victim == "daemon":
        kill(daemon)
        poll("the daemon ends", lambda: not is_alive(daemon), 10)
    elif victim == "client":
        if client.poll() is None:
            client.kill()
    elif victim in ("hypervisor", "helper"):
        pids = box.processes("qemu-system-x86_64" if victim == "hypervisor" else "banger-net")
        if pids:
            pid = min(pids)
            name = vm_of(box, pid)
            kill(pid)
            poll("it ends", lambda: not is_alive(pid), 10)
            time.sleep(0.5)  # the daemon gives the hypervisor a moment before the helper is to blame
            return name
    return victim


def vm_of(box, pid):
    """The VM that a process of banger works for: its folder is among the arguments."""
    line = read_bytes(f"/proc/{pid}/cmdline").decode(errors="replace")
    return next((name for name, vm in box.vms().items() if vm["directory"] in line), None)


def repeat(box, verb, name, found):
    """The verb can be given again, and does what it says."""
    vm = found.get(name)
    if verb == "create":
        if vm is None:
            box.ok("vm", *command(verb, name))
    elif verb == "delete":
        if vm is not None:
            box.ok("vm", "delete", name)
        check(name not in box.vms())
    elif vm is not None and (verb != "exec" or vm["state"] == "running"):
        box.ok("vm", *command(verb, name))
        wanted = "running" if verb in ("start", "restart", "exec") else "stopped"
        equal(box.vm(name)["state"], wanted)


def check_addresses(box):
    """No address is leased to nobody."""
    vms = box.vms()
    tree = box.ok("daemon", "tree", "-o", "json").json["actors"]
    leases = next(x for x in tree if x["name"] == "leases")["state"]
    equal(leases.split()[0], str(len(vms)), leases)
    equal(len({vm["address"] for vm in vms.values()}), len(vms))
