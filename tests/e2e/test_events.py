"""What happened is told once, in order, over every run of the daemon; and VMs live by their owner's lease."""

import json
import signal

from harness import check, equal, is_alive, kill, poll


def events(box, *args):
    return [json.loads(x) for x in box.ok("events", *args, "-o", "jsonl").text.splitlines()]


def told(all_events, subject):
    return [(x["kind"], x["detail"]) for x in all_events if x["subject"] == subject]


def check_sequences(all_events):
    numbers = [x["sequence"] for x in all_events]
    equal(numbers, list(range(1, len(numbers) + 1)))


def test_events_are_numbered_and_kept_over_daemons(box):
    box.ok("vm", "create", "--name", "box")
    first = events(box, "--last", "1000")
    equal(told(first, "box"), [("vm.state", "stopped")])
    host = box.ok("daemon", "status", "-o", "json").json["host_id"]
    follower = box.start("events", "--since", str(first[-1]["sequence"]), "-f", "-o", "jsonl")
    box.ok("vm", "start", "box")
    # A follower goes on by itself where the daemon is killed, and gets each event once.
    daemon = box.daemon_pid()
    kill(daemon)
    poll("the daemon ends", lambda: not is_alive(daemon), 10)
    box.ok("session", "start", "box", "--name", "s", "--", "true")
    box.ok("session", "wait", "box/s")
    box.ok("vm", "delete", "box")
    seen = []
    while not any(x["kind"] == "vm.deleted" for x in seen):
        seen.append(json.loads(follower.stdout.readline()))
    follower.send_signal(signal.SIGINT)
    check(b"connected again" in follower.communicate()[1], "it says that it was away")
    everything = events(box, "--since", "0")
    check_sequences(everything)
    equal(everything, first + seen)
    equal(told(everything, host), [("daemon.started", box.ok("version", "-o", "json").json["daemon"])] * 2)
    equal([x for x in told(everything, "box") if x[0] == "vm.state"],
          [("vm.state", x) for x in ("stopped", "starting", "running", "deleting")])
    equal([x for x in told(everything, "box/s") if x[0] == "session.state"],
          [("session.state", x) for x in ("starting", "running", "exited")])
    # From the middle on, and what there is not.
    equal(events(box, "--since", str(everything[2]["sequence"])), everything[3:])
    equal(events(box, "--last", "2"), everything[-2:])
    box.ok("daemon", "stop")
    equal(events(box, "--since", str(everything[-1]["sequence"]))[0]["kind"], "daemon.started")
    box.fails(2, "events", "--since", "99999", says="has not happened")
    box.fails(2, "events", "--since", "1", "--last", "1")


def check_stamps(box, old):
    """A renewal counts from the answer that its stamp is of; one of the daemon before is none of this one's."""
    renew = ("owner", "renew", "fleet", "--token", "8", "--ttl", "60", "-o", "json", "--stamp")
    for stamp in ("1", str(old)):
        none = box.ok(*renew, stamp).json
        equal(none["left_ms"], 0)
    check(b"there is no lease" in box.ok("owner", "renew", "fleet", "--token", "8", "--stamp", "1").err)
    box.fails(4, "vm", "start", "box", says="its lease has ended")
    check(55_000 < box.ok(*renew, str(none["stamp"])).json["left_ms"] < 60_000)


def test_a_vm_lives_by_its_owners_lease(box):
    equal(box.ok("owner", "renew", "fleet", "--token", "7", "--ttl", "60").out, b"")
    box.fails(4, "vm", "create", "--name", "other", "--owner", "fleet", "--owner-token", "6", says="token")
    box.fails(4, "vm", "create", "--name", "other", "--owner", "nobody", says="its lease has ended, or never began")
    box.fails(2, "vm", "create", "--owner-token", "6")
    box.ok("vm", "create", "--name", "box", "--owner", "fleet", "--owner-token", "7")
    box.ok("vm", "create", "--name", "free")
    box.ok("vm", "start", "box", "free")
    equal(box.vm("box")["owner"], "fleet")
    lease = box.ok("owner", "renew", "fleet", "--token", "8", "--ttl", "60", "-o", "json").json
    equal({x: lease[x] for x in ("owner", "token", "ttl_ms", "vms")}, {"owner": "fleet", "token": 8, "ttl_ms": 60000, "vms": ["box"]})
    check(55_000 < lease["left_ms"] <= 60_000, lease)
    for verb in ("start", "delete"):  # by who was replaced
        box.fails(4, "vm", verb, "box", "--owner-token", "7", says="token 7 is not that of its lease, 8")
    box.fails(4, "vm", "start", "free", "--owner-token", "8", says="it has none")
    box.ok("vm", "start", "box", "--owner-token", "8")
    box.fails(4, "owner", "renew", "fleet", "--token", "7", says="token 7 is older than 8")
    box.fails(2, "owner", "renew", "fleet", "--token", "8", "--ttl", "0")
    # A daemon that comes back too late ends it: nobody knows who runs it now.
    box.ok("owner", "renew", "fleet", "--token", "8", "--ttl", "2")
    daemon = box.daemon_pid()
    kill(daemon)
    poll("the daemon ends", lambda: not is_alive(daemon), 10)
    poll("it is ended", lambda: box.vm("box")["state"] == "stopped", 30, 0.2)
    equal(box.vm("free")["state"], "running")
    check(("owner.lost", "fleet") in told(events(box, "--last", "1000"), "box"))
    for verb in ("start", "restart"):
        box.fails(4, "vm", verb, "box", says="run a VM of 'fleet': its lease has ended")
    poll("it is ended", lambda: box.vm("box")["state"] == "stopped", 30, 0.2)
    check_stamps(box, lease["stamp"])
    box.ok("vm", "start", "box")
    equal(box.vm("box")["state"], "running")
    box.ok("vm", "delete", "box", "--owner-token", "8")
