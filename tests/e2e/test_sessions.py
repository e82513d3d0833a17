"""Guest sessions: commands that go on without whoever started them, and many look at."""

import fcntl
import hashlib
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from harness import check, equal, kill, poll


def digest(path):
    return hashlib.sha256(path.read_bytes()).digest()


def vm(box, *more):
    box.ok("vm", "create", "--name", "box", "--disk", "256M", *more)
    box.ok("vm", "start", "box")


def start(box, script, *how, name="s"):
    return box.ok("session", "start", "box", "--name", name, *how, "--", "sh", "-c", script).text.strip()


def session(box, name="s"):
    return box.ok("session", "show", f"box/{name}", "-o", "json").json


def attach(box, *how, name="s", **streams):
    return box.start("session", "attach", f"box/{name}", *how, **streams)


def finish(client, status=0, seconds=60):
    out, err = client.communicate(timeout=seconds)
    equal(client.returncode, status, (out and out[-200:], err))
    return out, err


def test_a_session_from_start_to_delete(box):
    vm(box)
    check_output_and_status(box)
    check_refusals(box)
    check_names(box)
    check_looks(box)
    check_endings(box)
    check_exactness_of_argv(box)
    box.ok("vm", "delete", "box")
    equal(box.ok("session", "list", "-q").text, "")


def check_output_and_status(box):
    equal(start(box, "echo out; echo err >&2; exit 7"), "box/s")
    done = box.run("session", "attach", "box/s")
    equal((done.status, done.out, done.err), (7, b"out\n", b"err\n"))
    equal(box.run("session", "wait", "box/s").status, 7)
    info = session(box)
    equal((info["state"], info["exit_code"], info["signal"], info["end_offset"]), ("exited", 7, None, 8))
    equal(box.run("session", "logs", "box/s", "--stream", "stderr").out, b"")
    equal(box.run("session", "logs", "box/s", "--stream", "stderr").err, b"err\n")
    start(box, "kill -TERM $$", name="killed")
    equal(box.run("session", "attach", "box/killed").status, 128 + 15)
    equal(session(box, "killed")["signal"], 15)
    box.ok("session", "delete", "box/s", "box/killed")
    equal(box.ok("session", "list", "-o", "json").json, {"sessions": []})


def check_refusals(box):
    """What cannot be started says which step failed, and is kept."""
    for how, step, says in [(["--", "no-such-program"], "exec", "no-such-program"),
                            (["--cwd", "/no/folder", "--", "true"], "cwd", "/no/folder"),
                            (["--require", "sh", "--require", "nowhere", "--", "true"], "require", "nowhere")]:
        box.fails(1, "session", "start", "box", "--name", "bad", *how, says=says)
        info = session(box, "bad")
        equal((info["state"], info["error_step"]), ("failed", step))
        box.fails(255, "session", "attach", "box/bad", says="it never ran")
        box.ok("session", "delete", "box/bad")
    box.fails(2, "session", "start", "box", says="a command is missing")
    box.fails(2, "session", "start", "box", "--name", "Bad_Name", "--", "true", says="Bad_Name")
    box.fails(3, "session", "start", "nobody", "--", "true", says="no VM 'nobody'")
    box.fails(255, "session", "attach", "box/nothing", says="no session 'box/nothing'")
    box.fails(255, "session", "attach", "nothing", says="a session is named VM/NAME")
    box.fails(2, "session", "attach", "box/s", "--from", "yesterday", says="yesterday")
    box.fails(2, "session", "kill", "box/s", "--signal", "LOUD", says="LOUD")


def check_names(box):
    equal(box.ok("session", "start", "box", "--", "true").text, "box/true-1\n")
    equal(box.ok("session", "start", "box", "--", "/bin/true").text, "box/true-2\n")
    box.fails(4, "session", "start", "box", "--name", "true-1", "--", "true", says="there is one of that name")
    whole = session(box, "true-1")["id"]
    equal(session(box, whole[:6])["name"], "true-1")
    equal(sorted(box.ok("session", "list", "box", "-q").text.split()), ["box/true-1", "box/true-2"])
    for name in ("true-1", "true-2"):
        box.ok("session", "wait", f"box/{name}")
    box.ok("session", "delete", "box/true-1", "box/true-2")


def check_looks(box):
    """Every way to ask for a part of the output."""
    start(box, "seq 1 1000; sleep 1.1; echo late", "--tag", "kind=numbers")
    equal(session(box)["tags"], {"kind": "numbers"})
    box.ok("session", "wait", "box/s")
    whole = "".join(f"{i}\n" for i in range(1, 1001)) + "late\n"
    equal(box.ok("session", "logs", "box/s").text, whole)
    equal(box.ok("session", "logs", "box/s", "--tail", "3").text, "999\n1000\nlate\n")
    equal(box.ok("session", "logs", "box/s", "--tail", "5000").text, whole)
    equal(box.ok("session", "logs", "-f", "box/s", "--tail", "1").text, "late\n")
    equal(box.ok("session", "attach", "box/s", "--from", "3880").text, whole[3880:])
    equal(box.ok("session", "attach", "box/s", "--from", "tail:7").text, whole[-7:])
    equal(box.ok("session", "attach", "box/s", "--from", "now").text, "")
    ended_s = session(box)["ended_at_ms"] / 1000
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ended_s))
    equal(box.ok("session", "logs", "box/s", "--since", since).text, "late\n")
    lines = [json.loads(x) for x in box.ok("session", "attach", "box/s", "-o", "json").text.splitlines()]
    equal("".join(x["text"] for x in lines if x["type"] == "output"), whole)
    equal(lines[-1]["type"], "end")
    box.ok("session", "delete", "box/s")


def check_endings(box):
    start(box, "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    follower = attach(box, "--no-stdin")
    equal(follower.stdout.readline(), b"ready\n")
    box.fails(4, "session", "delete", "box/s", says="it is running")
    box.ok("session", "stop", "box/s", "--grace", "1")
    finish(follower, 128 + 9)
    equal(session(box)["signal"], 9)
    box.ok("session", "delete", "box/s")
    start(box, "trap 'echo usr; exit 5' USR1; echo ready; while :; do sleep 0.1; done")
    follower = attach(box, "--no-stdin")
    equal(follower.stdout.readline(), b"ready\n")
    box.ok("session", "kill", "--signal", "usr1", "box/s")
    equal(finish(follower, 5)[0], b"usr\n")
    box.fails(4, "session", "kill", "box/s", says="it is exited")
    box.ok("session", "delete", "box/s")
    start(box, "sleep 1000")
    box.fails(7, "session", "wait", "box/s", "--timeout", "1", says="still running")
    box.ok("session", "delete", "--force", "box/s")
    poll("nothing of it is left", lambda: box.sh("box", "ls /var/lib/banger/sessions; pgrep -x sleep || true") == "",
         10, 0.2)


def check_exactness_of_argv(box):
    arguments = ["two words", "it's", "a\nb", "$HOME", "*", "--", ""]
    box.ok("session", "start", "box", "--name", "s", "-e", "SPACED=a b", "-w", "/usr", "--",
           "sh", "-c", 'printf "%s|" "$SPACED" "$PWD" "$@"', "sh", *arguments)
    equal(box.ok("session", "attach", "box/s").text, "|".join(["a b", "/usr", *arguments]) + "|")
    box.ok("session", "delete", "box/s")


def test_many_clients_see_every_byte(box):
    vm(box)
    check_many_at_once(box)
    check_a_client_that_stands_still(box)
    check_what_is_dropped_is_told(box)


def check_many_at_once(box):
    size, clients = 8 << 20, 16
    start(box, f"read go; head -c {size} /dev/urandom; sleep 0.2; echo end >&2")
    files = [box.home / f"out-{i}" for i in range(clients)]
    readers = [attach(box, "--read-only", stdout=open(x, "wb")) for x in files]
    poll("all are attached", lambda: session(box)["client_count"] == clients, 30, 0.1)
    box.ok("session", "send", "--line", "box/s", "go")
    errors = [finish(x, seconds=120)[1] for x in readers]
    equal({x.stat().st_size for x in files}, {size})
    equal(len({digest(x) for x in files}), 1)
    equal(set(errors), {b"end\n"})
    late = box.ok("session", "attach", "box/s")
    check(late.out == files[0].read_bytes(), "what comes later is not the same")
    box.ok("session", "delete", "box/s")


def check_a_client_that_stands_still(box):
    """It lags alone, and misses nothing."""
    size = 24 << 20
    start(box, f"read go; head -c {size} /dev/urandom")
    files = [box.home / f"out-{i}" for i in range(4)]
    still, *others = [attach(box, "--read-only", stdout=open(x, "wb")) for x in files]
    poll("all are attached", lambda: session(box)["client_count"] == 4, 30, 0.1)
    os.kill(still.pid, signal.SIGSTOP)
    box.ok("session", "send", "--line", "box/s", "go")
    for client in others:
        finish(client, seconds=120)
    check(files[0].stat().st_size < size, "it did not stand still")
    os.kill(still.pid, signal.SIGCONT)
    finish(still, seconds=120)
    equal({x.stat().st_size for x in files}, {size})
    equal(len({digest(x) for x in files}), 1)
    box.ok("session", "delete", "box/s")


def check_what_is_dropped_is_told(box):
    start(box, "head -c 4000000 /dev/zero; echo end", "--journal", "1M")
    box.ok("session", "wait", "box/s")
    done = box.ok("session", "attach", "box/s")
    check(b"bytes of output are lost: 0 to " in done.err, done)
    lines = [json.loads(x) for x in box.ok("session", "attach", "box/s", "-o", "json").text.splitlines()]
    gap = lines[0]
    equal((gap["type"], gap["from"]), ("gap", 0))
    equal(gap["to"] + sum(x["size"] for x in lines if x["type"] == "output"), 4000004)
    equal(len(done.out), 4000004 - gap["to"])
    check(done.out.endswith(b"end\n"), done.out[-10:])
    box.ok("session", "delete", "box/s")


def test_input_of_many_stays_whole(box):
    vm(box)
    start(box, "cat")
    reader = attach(box, "--no-stdin")
    poll("it is attached", lambda: session(box)["client_count"] == 1, 30, 0.1)
    size = 700_000
    files = []
    for letter in "abcd":
        files.append(box.home / letter)
        files[-1].write_text(letter * size)
    senders = [box.start("session", "send", "box/s", "--file", str(x)) for x in files[:3]]
    senders.append(box.start("session", "send", "box/s", stdin=open(files[3], "rb")))
    for sender in senders:
        finish(sender)
    box.ok("session", "send", "--line", "--eof", "box/s", "the", "end")
    out, _ = finish(reader)
    equal(out[-8:], b"the end\n")
    runs = [out[i * size:(i + 1) * size] for i in range(4)]
    equal(sorted(x[:1] for x in runs), [b"a", b"b", b"c", b"d"])
    check(all(len(set(x)) == 1 for x in runs), "a send was split")
    box.fails(4, "session", "send", "box/s", "more", says="it is over")
    box.ok("session", "delete", "box/s")
    start(box, "sleep 1000", "--stdin", "closed")
    box.fails(4, "session", "send", "box/s", "x", says="its input is closed")
    check_roles(box)


def check_roles(box):
    start(box, "cat", name="roles")
    first = attach(box, "--exclusive", name="roles", stdin=subprocess.PIPE)
    poll("it is attached", lambda: session(box, "roles")["client_count"] == 1, 30, 0.1)
    box.fails(255, "session", "attach", "box/roles", "--exclusive", says="has the input alone")
    box.fails(4, "session", "send", "box/roles", "x", says="has the input alone")
    first.stdin.write(b"first\n")
    first.stdin.flush()
    equal(first.stdout.readline(), b"first\n")
    second = attach(box, "--exclusive", "--take-over", "--from", "now", name="roles", stdin=subprocess.PIPE)
    poll("it is attached", lambda: session(box, "roles")["client_count"] == 2, 30, 0.1)
    second.stdin.write(b"second\n")
    second.stdin.flush()
    equal(second.stdout.readline(), b"second\n")
    roles = [x["role"] for x in box.ok("session", "who", "box/roles", "-o", "json").json["attaches"]]
    equal(roles, ["writer", "exclusive"])
    box.ok("session", "stop", "box/roles")
    finish(first, 143)
    finish(second, 143)
    box.fails(4, "session", "delete", "box/s")
    box.ok("session", "delete", "--force", "box/s", "box/roles")


def test_sessions_survive_the_daemon(box):
    vm(box)
    numbers = "".join(f"{i}\n" for i in range(60)).encode()
    start(box, "i=0; while [ $i -lt 60 ]; do echo $i; i=$((i+1)); sleep 0.1; done; exit 3")
    clients = [attach(box, "--no-stdin"), attach(box, "--read-only")]
    equal([x.stdout.readline() for x in clients], [b"0\n"] * 2)
    kill(box.daemon_pid())
    time.sleep(1)
    box.ok("session", "list")  # starts another daemon, where the clients have not
    for client in clients:
        out, err = finish(client, 3)
        equal(b"0\n" + out, numbers)
        check(b"daemon restarted, 0 bytes lost" in err, err)
    # One that is told to end is waited for, not started anew.
    start(box, "echo begin; sleep 4; echo end", name="told")
    client = attach(box, "--no-stdin", name="told")
    equal(client.stdout.readline(), b"begin\n")
    box.ok("daemon", "stop")
    time.sleep(1)
    equal(box.processes("bangerd"), {})
    box.ok("daemon", "start")
    out, err = finish(client)
    equal(out, b"end\n")
    check(b"waiting for the next one" in err and b"0 bytes lost" in err, err)


def test_a_guest_that_goes_takes_its_sessions(box):
    vm(box)
    start(box, "echo before; sleep 1000")
    start(box, "echo done; exit 4", name="done")
    poll("it is over", lambda: session(box, "done")["state"] == "exited", 30, 0.1)
    client = attach(box, "--no-stdin")
    equal(client.stdout.readline(), b"before\n")
    box.ok("vm", "kill", "box")
    _, err = finish(client, 254)
    check(b"is lost" in err, err)
    equal(session(box)["state"], "lost")
    equal(session(box, "done")["exit_code"], 4)
    box.fails(255, "session", "attach", "box/done", says="its VM does not run")
    box.fails(4, "session", "start", "box", "--", "true", says="is not running")
    box.ok("vm", "start", "box")
    # What it wrote is on the disk still, as far as the guest had written it there.
    info = poll("the guest tells its end", lambda: session(box)["error"] == "the guest was rebooted" and session(box), 30, 0.2)
    equal(info["state"], "lost")
    equal(box.ok("session", "logs", "box/done").text, "done\n")
    box.ok("session", "delete", "box/s", "box/done")
    # One that is deleted while the guest is away leaves nothing there.
    start(box, "true", name="away")
    poll("it is over", lambda: session(box, "away")["state"] == "exited", 30, 0.1)
    box.ok("vm", "stop", "box")
    box.ok("session", "delete", "box/away")
    box.ok("vm", "start", "box")
    poll("its files are gone", lambda: box.sh("box", "ls /var/lib/banger/sessions").strip() == "", 30, 0.2)


def test_a_session_whose_host_is_killed(box):
    """It is lost, with all that it wrote, and who is attached is told at once. No other one is."""
    vm(box)
    start(box, "seq 1 50000; sleep 1000")
    start(box, "cat", name="other")
    whole = "".join(f"{i}\n" for i in range(1, 50001)).encode()
    clients = [attach(box, "--no-stdin"), attach(box, "--read-only"), attach(box, stdin=subprocess.PIPE)]
    other = attach(box, name="other", stdin=subprocess.PIPE)
    for client in clients:
        equal(client.stdout.read(len(whole)), whole)
    state = f"/var/lib/banger/sessions/{session(box)['id']}/state"
    box.sh("box", f"kill -9 $(sed -n s/^host_pid=//p {state})")
    for client in clients:
        out, err = finish(client, 254, seconds=10)
        equal(out, b"")
        check(b"is lost" in err, err)
    equal((session(box)["state"], session(box)["error"]), ("lost", "its host was killed"))
    equal(box.ok("session", "logs", "box/s").out, whole)
    other.stdin.write(b"still here\n")
    other.stdin.flush()
    equal(other.stdout.readline(), b"still here\n")
    box.ok("session", "stop", "box/other")
    finish(other, 143)


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, box, *args, rows=24, columns=80):
        self.main, side = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(side)
        self.process = box.start(*args, stdin=side, stdout=side, stderr=side, start_new_session=True,
                                 env={"TERM": "xterm"})
        self.side = side
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if hasattr(self, "process"):
            os.kill(self.process.pid, signal.SIGWINCH)

    def type(self, text):
        os.write(self.main, text)

    def expect(self, text, seconds=20):
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            check(time.monotonic() < deadline, f"waited in vain for {text!r}", self.seen[-400:])
            if select.select([self.main], [], [], 0.2)[0]:
                self.seen += os.read(self.main, 65536)
        self.seen = self.seen[self.seen.index(text) + len(text):]

    def end(self, status):
        equal(self.process.wait(20), status, self.seen[-400:])
        equal(termios.tcgetattr(self.side), self.before, "the terminal is not as it was")
        os.close(self.main)
        os.close(self.side)


def test_a_terminal_session(box):
    vm(box)
    box.ok("session", "start", "box", "--name", "s", "-t", "--", "sh")
    first = Terminal(box, "session", "attach", "box/s", rows=30, columns=100)
    first.type(b"stty size\r")
    first.expect(b"30 100")
    # Of two terminals the smaller one's size counts, in each direction.
    second = Terminal(box, "session", "attach", "box/s", rows=40, columns=90)
    poll("both are attached", lambda: session(box)["client_count"] == 2, 20, 0.1)
    first.type(b"stty size\r")
    second.expect(b"30 90")
    second.resize(20, 60)
    time.sleep(0.5)
    second.type(b"stty size\r")
    first.expect(b"20 60")
    # Ctrl-C is the guest's, and both see what comes of it.
    first.type(b"echo sle''ep; sleep 1000\r")
    second.expect(b"sleep\r\n")
    time.sleep(0.5)  # until the shell has started it
    first.type(b"\x03")
    first.type(b"echo still $((1+1))\r")
    second.expect(b"still 2")
    # The detach keys leave the command alone, and the terminal as it was.
    second.type(b"\x1d")
    second.end(0)
    first.type(b"stty size\r")
    first.expect(b"30 100")
    # A client that is ended by a signal gives the terminal back, too.
    third = Terminal(box, "session", "attach", "box/s", "--detach-keys", "ctrl-a,d")
    poll("it is attached", lambda: session(box)["client_count"] == 2, 20, 0.1)
    os.kill(third.process.pid, signal.SIGTERM)
    third.end(128 + 15)
    third = Terminal(box, "session", "attach", "box/s", "--detach-keys", "ctrl-a,d")
    poll("it is attached", lambda: session(box)["client_count"] == 2, 20, 0.1)
    third.type(b"\x01")
    third.type(b"d")
    third.end(0)
    # A storm of sizes ends with the last one.
    for i in range(200):
        first.resize(10 + i % 20, 50 + i % 30)
    first.resize(33, 77)
    time.sleep(0.5)
    first.type(b"stty size\r")
    first.expect(b"33 77")
    # The daemon goes; the terminal goes on.
    kill(box.daemon_pid())
    first.expect(b"0 bytes lost", 30)
    first.type(b"echo back $((2+2)); exit 9\r")
    first.expect(b"back 4")
    first.end(9)


def test_a_paste_and_binary_bytes(box):
    vm(box)
    start(box, "cat > /tmp/got; sha256sum /tmp/got")
    data = b"".join(b"line %d of a long paste\r\n" % i for i in range(10_000)) + bytes(range(256)) * 16
    box.ok("session", "send", "box/s", stdin=data)
    box.ok("session", "send", "--eof", "box/s", "")
    out = box.ok("session", "attach", "box/s").text
    equal(out.split()[0], hashlib.sha256(data).hexdigest())


def test_exec_on_a_terminal(box):
    vm(box)
    shell = Terminal(box, "vm", "exec", "-t", "box", "--", "sh")
    shell.type(b"test -t 0 && echo te''rm; exit 6\r")
    shell.expect(b"term")
    shell.end(6)
    equal(box.ok("session", "list", "-q").text, "")  # it went with its end
    name = box.ok("vm", "exec", "--detach", "box", "--", "sh", "-c", "echo left; exit 8").text.strip()
    equal(name, "box/sh-1")
    done = box.run("session", "attach", name)
    equal((done.status, done.out), (8, b"left\n"))
