"""A guest whose agent is gone, or is not ours, is given one as soon as somebody needs it."""

import subprocess

from harness import check, equal, poll
from test_sessions import attach, finish, session, start, vm

# Takes the agent's place: listens where it did, and answers every connection with ANSWER and its end.
FAKE = r"""use Socket; my ($path, $answer) = ("/run/banger/agent.sock", eval "qq(@ARGV)"); unlink $path;
socket(my $l, AF_UNIX, SOCK_STREAM, 0); bind($l, sockaddr_un($path)); listen($l, 99); $SIG{PIPE} = "IGNORE";
while (accept(my $c, $l)) { sysread($c, my $x, 65536); syswrite($c, $answer); close $c }"""


def guest(box, script):
    """Runs a script without the agent's help."""
    done = box.run("vm", "ssh", "box", "--", script)
    equal(done.status, 0, done)
    return done.text


def end_agent(box):
    """For good: init has nothing to start again."""
    guest(box, "rm -f /usr/lib/banger/banger-agent /run/banger/banger-agent; pkill -9 -x banger-agent; "
               "while pgrep -x banger-agent; do sleep 0.1; done; rm -f /run/banger/agent.sock")


def events(box, kind):
    box.ok("session", "list")  # what happened so far has been told by now
    follower = box.start("events", "--last", "1000", "-f", "-o", "json")
    process = subprocess.run(["timeout", "2", "cat"], stdin=follower.stdout, capture_output=True)
    follower.kill()
    return process.stdout.decode().count(f'"kind":"{kind}"')


def test_an_agent_that_is_gone_comes_back(box):
    vm(box)
    start(box, "echo before; read -r line; echo \"got $line\"; exit 7", name="before")
    end_agent(box)
    # A session first: the daemon was connected over the data port, which is silent now.
    equal(start(box, "echo after; exit 3", name="after"), "box/after")
    equal(box.run("session", "attach", "box/after").out, b"after\n")
    equal(box.run("session", "wait", "box/after").status, 3)
    # What ran goes on: its host is no child of the agent.
    client = attach(box, name="before", stdin=subprocess.PIPE)
    client.stdin.write(b"word\n")
    client.stdin.flush()
    equal(finish(client, 7)[0], b"before\ngot word\n")
    equal(events(box, "vm.agent_installed"), 1)
    equal(guest(box, "ls -A /run/banger | grep agent").split(), ["agent.sock", "banger-agent"])
    check_attach(box)
    check_exec(box)
    check_daemon(box)


def check_attach(box):
    """Also one that is attached, and waits, hears of it all."""
    start(box, "read -r line; echo \"got $line\"", name="late")
    client = attach(box, "--no-stdin", name="late")
    poll("it is attached", lambda: session(box, "late")["client_count"] == 1, 30, 0.1)
    end_agent(box)
    # What was sent into the silence has not arrived, which nobody can know.
    box.fails(1, "session", "send", "--line", "box/late", "lost", says="nobody knows")
    box.ok("session", "send", "--line", "box/late", "word")
    equal(finish(client)[0], b"got word\n")


def check_exec(box):
    end_agent(box)
    done = box.run("vm", "exec", "box", "--", "sh", "-c", "cat; echo \"$1\"; exit 5", "sh", "it's", stdin=b"input\n")
    equal((done.status, done.out, done.err), (5, b"input\nit's\n", b""))
    check(guest(box, "pgrep -x banger-agent"), "it was run by the shell")
    end_agent(box)
    many = [box.start("vm", "exec", "box", "--", "echo", str(i)) for i in range(5)]
    equal([finish(x)[0] for x in many], [f"{i}\n".encode() for i in range(5)])
    equal(guest(box, "pgrep -cx banger-agent").strip(), "1")


def check_daemon(box):
    """The next daemon finds a guest without an agent."""
    start(box, "sleep 1000", name="runs")
    end_agent(box)
    box.ok("daemon", "stop")
    equal(start(box, "echo new", name="new"), "box/new")
    equal(box.ok("session", "attach", "box/new").out, b"new\n")
    equal(session(box, "runs")["state"], "running")
    box.ok("session", "delete", "--force", "box/runs")


def fake_agent(box, answer):
    end_agent(box)
    guest(box, f"cat > /root/fake <<'E'\n{FAKE}\nE\n"
               f"setsid perl /root/fake '{answer}' </dev/null >/dev/null 2>&1 & "
               "until [ -S /run/banger/agent.sock ]; do sleep 0.1; done")


def test_an_agent_of_another_version_is_replaced(box):
    vm(box)
    for i, answer in enumerate(("", r"Q\0\0\0\1x", r"l\0\0\0\4\0\0\0\1", r"S\0\0")):
        fake_agent(box, answer)
        name = f"s{i}"
        equal(start(box, "echo out; exit 4", name=name), f"box/{name}")
        equal(box.run("session", "attach", f"box/{name}").out, b"out\n")
        fake_agent(box, answer)
        done = box.run("vm", "exec", "box", "--", "sh", "-c", "echo once >> /root/count; exit 6")
        equal(done.status, 6, done)
        equal(guest(box, "cat /root/count; rm /root/count"), "once\n")
        equal(guest(box, "pkill -f '^perl /root/fake' && echo lived").strip(), "lived")


def starts(box, name):
    """Whether a session starts; one that does not is deleted."""
    is_good = box.run("session", "start", "box", "--name", name, "--", "true").status == 0
    if not is_good:
        box.run("session", "delete", f"box/{name}")
    return is_good


def test_a_guest_that_cannot_take_an_agent_says_why(box):
    vm(box)
    start(box, "echo kept; sleep 1000", name="runs")
    for break_it, mend_it, says in (
            ("mount --bind /run/banger /run/banger; mount -o remount,ro,bind /run/banger", "umount /run/banger",
             "Read-only file system"),
            ("cp -a /run/banger /root/run; mount -t tmpfs -o size=64k none /run/banger; cp -a /root/run/. /run/banger", "umount /run/banger", "No space left on device"),
            ("mv /bin/chmod /bin/no-chmod", "mv /bin/no-chmod /bin/chmod", "chmod: not found")):
        end_agent(box)
        guest(box, break_it)
        box.fails(1, "session", "start", "box", "--name", "s", "--", "touch", "/root/ran", says=says)
        box.fails(255, "session", "attach", "box/runs", "--no-stdin", says=says)
        # Commands go through the guest's shell meanwhile.
        equal(box.ok("vm", "exec", "box", "--", "echo", "it's").text, "it's\n")
        guest(box, mend_it)
        # Over SSH the start is refused, and known at once not to have been begun: step "agent". The silent data port
        # leaves that open, and the daemon asks as soon as it can: step "start". Which of the two is the connection then
        # is chance.
        poll("the session that was not started is over", lambda: session(box, "s")["state"] != "starting", 40, 0.2)
        equal(session(box, "s")["state"], "failed")
        check(session(box, "s")["error_step"] in ("agent", "start"), session(box, "s"))
        equal(guest(box, "test -e /root/ran || echo never ran").strip(), "never ran")
        # An attempt to give the guest an agent that began before may fail yet, and who asks meanwhile waits for it.
        poll("sessions start again", lambda: starts(box, "works"), 40)
        equal(box.ok("session", "logs", "box/runs").text, "kept\n")
        box.ok("session", "wait", "box/works")
        box.ok("session", "delete", "box/s", "box/works")
    box.ok("session", "delete", "--force", "box/runs")
