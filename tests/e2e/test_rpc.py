"""banger rpc: another program drives banger, by JSON lines."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from harness import BUILD, check, equal, kill, poll, read_bytes
from rpc_client import Client

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/rpc.md"


def test_rpc_drives_a_vm(box):
    rpc = Client(box)
    check_lines_that_make_no_sense(rpc)
    equal(rpc.ok("vm.list"), {"vms": []})
    check_a_boot(rpc)
    check_many_at_once(rpc)
    check_commands(rpc)
    check_streams(rpc)
    check_sessions(box, rpc)
    check_events(box, rpc)
    check_a_program_that_does_not_read(box)
    check_a_killed_daemon(box, rpc)
    equal(rpc.ok("vm.delete", ref="box")["state"], "deleting")
    equal(rpc.close(), ([], 0))
    check_end_of_input_in_an_operation(box)


def check_lines_that_make_no_sense(rpc):
    for line, code in [(b"hello", -32700), (b"\xff", -32700), (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc3\"}", -32700),
                       (b"[" * 100000, -32700), (b"[]", -32600), (b"{}", -32600), (b"x" * (9 << 20), -32600),
                       (b'{"jsonrpc":"2.0","id":{},"method":"vm.list"}', -32600)]:
        rpc.raw(line)
        answer = rpc.read()
        equal((answer["id"], answer["error"]["code"]), (None, code), line[:80])
    rpc.raw(b"")  # is nothing
    rpc.raw(b'{"jsonrpc":"2.0","method":"frobnicate"}')  # is told nobody
    check("did you mean 'vm.list'?" in rpc.fails(-32601, "vm.lst")["message"])
    error = rpc.fails(-32602, "vm.create", memmory_mib=1)
    check("'memmory_mib'" in error["message"] and "'memory_mib'" in error["message"], error)
    for error in (rpc.fails(-32601, "m" * (1 << 20)), rpc.fails(-32602, "vm.create", **{"f" * (1 << 20): 1})):
        check(len(error["message"]) < 200, "an error is no echo")
    equal(rpc.fails(-32000, "vm.start", ref="nobody")["data"]["code"], "not_found")
    equal(rpc.fails(-32000, "vm.create", name="Bad_Name")["data"]["exit_code"], 2)
    for _ in range(2):  # the same id twice is fine
        rpc.raw(b'{"jsonrpc":"2.0","id":"same","method":"image.list"}')
    for _ in range(2):
        equal(rpc.answer("same")["result"]["images"][0]["name"], "debian")
    equal(rpc.ok("rpc.describe")["methods"].keys() >= {"vm.exec", "session.attach"}, True)


def check_a_boot(rpc):
    equal(rpc.ok("vm.create", name="box", disk_mib=256)["state"], "stopped")
    number = rpc.send("vm.start", ref="box")
    equal(rpc.answer(number)["result"]["state"], "running")
    stages = [x["params"] for x in rpc.told if x["params"]["request"] == number]
    check("booting" in [x["stage"] for x in stages], rpc.told)
    equal({(x["operation"], x["subject"]) for x in stages}, {("start", "box")})
    rpc.told.clear()


def check_many_at_once(rpc):
    """Answers come as they are done: the first that was asked is the last."""
    slow = rpc.send("vm.exec", ref="box", argv=["sh", "-c", "until [ -e /tmp/go ]; do sleep 0.05; done; echo slow"])
    commands = {rpc.send("vm.exec", ref="box", argv=["echo", str(i)]): f"{i}\n" for i in range(20)}
    looks = [rpc.send("vm.show", ref="box") for _ in range(100)]
    for number in looks:
        equal(rpc.answer(number)["result"]["name"], "box")
    for number, text in commands.items():
        equal(rpc.answer(number)["result"]["stdout"]["data"], text)
    check(slow not in rpc.answers, "it could not end yet")
    rpc.ok("vm.exec", ref="box", argv=["touch", "/tmp/go"])
    equal(rpc.answer(slow)["result"]["stdout"]["data"], "slow\n")


def check_commands(rpc):
    done = rpc.ok("vm.exec", ref="box", argv=["sh", "-c", "cat; pwd; printf '\\377' >&2; exit 3"], cwd="/usr", input="hi\n")
    equal((done["exit_code"], done["signal"]), (3, None))
    equal(done["stdout"], {"data": "hi\n/usr\n", "encoding": "utf-8", "size": 8, "is_truncated": False})
    equal(done["stderr"], {"data": "/w==", "encoding": "base64", "size": 1, "is_truncated": False})
    done = rpc.ok("vm.exec", ref="box", argv=["sh", "-c", "seq 1 100000; kill -9 $$"], max_bytes=4, encoding="base64")
    equal((done["exit_code"], done["signal"]), (None, 9))
    equal(done["stdout"], {"data": "MQoyCg==", "encoding": "base64", "size": 588895, "is_truncated": True})
    equal(rpc.fails(-32000, "vm.exec", ref="box", argv=[])["data"]["code"], "bad_request")
    equal(rpc.ok("vm.exec", ref="box", argv=["no-such-program"])["exit_code"], 127)
    check("'argv.1'" in rpc.fails(-32602, "vm.exec", ref="box", argv=["a", 1])["message"])
    check("NUL" in rpc.fails(-32602, "vm.exec", ref="box", argv=["a\0b"])["message"])


def check_streams(rpc):
    """Bytes of any kind, both ways, more of them than any buffer has."""
    sent = os.urandom(2 << 20)
    number = rpc.ok("vm.exec", ref="box", argv=["sh", "-c", "cat; echo end >&2"], stream=True)["exec"]
    pieces = [rpc.send("exec.input", exec=number, data=base64.b64encode(sent[at:at + 300_000]).decode(),
                       encoding="base64", end=at + 300_000 >= len(sent)) for at in range(0, len(sent), 300_000)]
    got = {"stdout": b"", "stderr": b""}
    while True:
        told = rpc.next_told("exec.output", "exec.ended")
        equal(told["exec"], number)
        if told["method"] == "exec.ended":
            break
        got[told["stream"]] += bytes_of(told)
    equal((told["exit_code"], told["error"]), (0, None))
    equal(got["stderr"], b"end\n")
    check(got["stdout"] == sent, "not what was sent", len(got["stdout"]))
    for piece in pieces:
        equal(rpc.answer(piece)["result"], {})
    equal(rpc.fails(-32000, "exec.input", exec=number, data="x")["data"]["code"], "not_found")
    number = rpc.ok("vm.exec", ref="box", argv=["sh", "-c", "trap 'exit 5' USR1; echo up; while :; do sleep 0.1; done"],
                    stream=True)["exec"]
    equal(rpc.next_told("exec.output")["data"], "up\n")
    rpc.ok("exec.signal", exec=number, signal="USR1")
    equal(rpc.next_told("exec.ended")["exit_code"], 5)
    equal(rpc.fails(-32000, "vm.exec", ref="nobody", argv=["ls"], stream=True)["data"]["code"], "not_found")


def bytes_of(told):
    return base64.b64decode(told["data"]) if told["encoding"] == "base64" else told["data"].encode()


def output_of(rpc, attach, size):
    """So many bytes of an attach, each where the one before ended."""
    got, offset = b"", None
    while len(got) < size:
        told = rpc.next_told("session.output")
        if told["attach"] != attach:
            continue
        equal(offset in (None, told["offset"]), True, told)
        got += bytes_of(told)
        offset = told["offset"] + told["size"]
    return got


def check_sessions(box, rpc):
    script = "printf 0123456789; while read -r x; do printf '%s.' \"$x\"; done; exit 7"
    made = rpc.ok("session.start", ref="box", name="s", argv=["sh", "-c", script], tags={"kind": "test"})
    equal((made["state"], made["tags"]), ("running", {"kind": "test"}))
    first = rpc.ok("session.attach", ref="box/s", role="writer")
    equal(output_of(rpc, first["attach"], 10), b"0123456789")
    equal(rpc.fails(-32000, "session.attach", ref="box/s")["data"]["code"], "busy")
    equal(rpc.ok("session.send", ref="box/s", data="one\n"), {"sent_bytes": 4})
    rpc.ok("session.input", attach=first["attach"], data="dHdvCg==", encoding="base64")
    equal(output_of(rpc, first["attach"], 8), b"one.two.")
    equal(rpc.ok("session.detach", attach=first["attach"]), {"input_bytes": 4})
    equal(rpc.fails(-32000, "session.detach", attach=first["attach"])["data"]["code"], "not_found")
    part = rpc.ok("session.attach", ref="box/s", **{"from": 5}, follows=False, encoding="base64")
    equal(part["offset"], 5)
    equal(output_of(rpc, part["attach"], 13), b"56789one.two.")
    told = rpc.next_told("session.ended")
    equal((told["how"], told["offset"], told["session"]["state"]), ("present", 18, "running"))
    last = rpc.ok("session.attach", ref="box/s", origin="last", **{"from": 4})
    equal((last["offset"], output_of(rpc, last["attach"], 4)), (14, b"two."))
    rpc.ok("session.send", ref="box/s", data="", end=True)
    told = rpc.next_told("session.ended")
    equal((told["how"], told["session"]["exit_code"], told["error"]), ("over", 7, None))
    equal(rpc.ok("session.wait", ref="box/s")["exit_code"], 7)
    equal(rpc.fails(-32000, "session.send", ref="box/s", data="x")["data"]["code"], "wrong_state")
    equal(rpc.ok("session.list", ref="box")["sessions"][0]["name"], "s")
    rpc.ok("session.delete", ref="box/s")
    poll("it is not listed any more", lambda: rpc.ok("session.list") == {"sessions": []}, 10)
    equal(box.ok("session", "list", "-q").text, "")


def check_events(box, rpc):
    rpc.ok("events.subscribe", last=5)
    box.ok("session", "start", "box", "--name", "seen", "--", "true")
    while (told := rpc.next_told("event"))["subject"] != "box/seen":
        pass
    equal(told["kind"], "session.state")
    box.ok("session", "wait", "box/seen")
    box.ok("session", "delete", "box/seen")


def check_a_program_that_does_not_read(box):
    """What it does not read waits in the guest, not in our memory; and nothing is lost."""
    size = 32 << 20
    rpc = Client(box)
    number = rpc.ok("vm.exec", ref="box", argv=["sh", "-c", f"yes | head -c {size}"], stream=True)["exec"]
    looks = []

    def stands_still():
        looks.append(box.sh("box", "cat /proc/$(pgrep -x head || echo gone)/io 2>&1 | grep -e wchar -e gone"))
        return len(looks) > 3 and len(set(looks[-3:])) == 1

    poll("the command waits", stands_still, 60, 0.2)
    check("wchar" in looks[-1], "it wrote all, and nobody read it", looks)
    resident = int(re.search(rb"VmHWM:\s+(\d+) kB", read_bytes(f"/proc/{rpc.process.pid}/status"))[1])
    check(resident < 24 << 10, f"it holds {resident} KiB")
    count = 0
    while (told := rpc.next_told("exec.output", "exec.ended"))["method"] == "exec.output":
        equal(told["exec"], number)
        count += len(told["data"])
    equal((count, told["exit_code"]), (size, 0))
    equal(rpc.close(), ([], 0))


def check_a_killed_daemon(box, rpc):
    """Each request that is under way fails, and the next one finds the next daemon."""
    rpc.ok("session.start", ref="box", name="s", argv=["sh", "-c", "echo one; read x; echo two; sleep 1000"])
    attach = rpc.ok("session.attach", ref="box/s")["attach"]
    equal(output_of(rpc, attach, 4), b"one\n")
    stream = rpc.ok("vm.exec", ref="box", argv=["sleep", "1000"], stream=True)["exec"]
    waiting = [rpc.send("vm.wait", ref="box", state="stopped"), rpc.send("session.wait", ref="box/s"),
               rpc.send("vm.exec", ref="box", argv=["sleep", "1000"])]
    rpc.ok("vm.exec", ref="box", argv=["true"])  # those before it have begun
    kill(box.daemon_pid())
    for number in waiting:
        equal(rpc.answer(number)["error"]["data"]["code"], "unreachable")
    told = rpc.next_told("exec.ended")
    equal((told["exec"], told["error"]["code"]), (stream, "unreachable"))
    told = rpc.next_told("session.ended")
    equal((told["attach"], told["how"], told["offset"]), (attach, "dropped", 4))
    equal(rpc.next_told("daemon.lost")["error"]["code"], "unreachable")
    equal(rpc.ok("vm.show", ref="box")["state"], "running")
    again = rpc.ok("session.attach", ref="box/s", **{"from": told["offset"]})
    rpc.ok("session.send", ref="box/s", data="\n")
    equal(output_of(rpc, again["attach"], 4), b"two\n")
    rpc.ok("session.delete", ref="box/s", is_forced=True)
    equal(rpc.next_told("session.ended")["attach"], again["attach"])


def check_end_of_input_in_an_operation(box):
    """As with Ctrl-C: what was begun is cancelled and told of, and a VM for the client alone goes."""
    for end in (None, signal.SIGINT):
        rpc = Client(box)
        rpc.ok("vm.create", name="gone", is_ephemeral=True)
        start, wait = rpc.send("vm.start", ref="gone"), rpc.send("vm.wait", ref="gone", state="running")
        while rpc.next_told("progress")["stage"] != "booting":
            pass
        if end:
            rpc.process.send_signal(end)
        rest, status = rpc.close()
        codes = {x["id"]: x["error"]["data"]["code"] for x in rest if "error" in x}
        equal(codes, {start: "cancelled", wait: "cancelled"}, rest)
        equal(status, 128 + end if end else 0)
        poll("the VM is gone", lambda: not box.vms(), 20)


def test_the_example_of_the_documentation(box):
    example = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)[1]
    done = box.run_program(sys.executable, "-c", example, env={"PATH": f"{BUILD}:{box.env['PATH']}"})
    equal(done.status, 0, done)
    check(done.text.endswith("3 hello from Linux\nand back\n"), done)
    check("progress booting\n" in done.text, done)
    poll("the VM is gone", lambda: not box.vms(), 20)


def test_the_schema_needs_no_daemon(box):
    schema = box.ok("rpc", "--schema").json
    equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
    rpc = Client(box)
    equal(rpc.ok("rpc.describe"), schema)
    check(not box.state.exists(), "it started a daemon")
    equal(rpc.close(), ([], 0))
    rpc = Client(box)
    rpc.process.stdout.close()
    rpc.raw(b"{}")
    equal(rpc.process.wait(), 128 + signal.SIGPIPE)
    rpc.process.stdout = None
    nowhere = box.start("rpc", stdin=subprocess.PIPE, env={"BANGER_DAEMON": "/bin/false"})
    out, err = nowhere.communicate(b'{"jsonrpc":"2.0","id":1,"method":"vm.list"}\n')
    equal((nowhere.returncode, err), (0, b""))
    equal(json.loads(out)["error"]["data"]["code"], "unreachable")
