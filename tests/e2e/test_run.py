"""A command in a guest: its streams, arguments, environment and status are as if it ran here."""

import hashlib
import os
import signal
import subprocess
import time

from harness import check, equal, poll, takes_at_most

WEIRD_ARGUMENTS = [b"", b"two words", b"  lead and trail  ", b"it's", b'say "hi"', b"a\nb\n",
                   b"$HOME", b"`id`", b"a;b|c&d", b"\\", b"\\n", b"*", b"--", b"-n", b"\t",
                   b"caf\xc3\xa9", b"\xff\xfe\x80", b"!", b"~", b"#x", b"%s", bytes(range(1, 32))]


def test_run_passes_streams_and_status_and_leaves_nothing(box):
    done = box.run("vm", "run", "--rm", "--name", "one-shot", "--", "sh", "-c",
                   "cat; hostname; echo err >&2; exit 3", stdin=b"from here\n")
    equal((done.status, done.out, done.err), (3, b"from here\none-shot\n", b"err\n"))
    box.expect_empty()
    equal(list(box.runtime.glob("banger/*/*")), [])


def test_exec_is_transparent(box):
    box.ok("vm", "run", "--name", "box", "--", "true")
    check_status(box)
    check_streams(box)
    check_arguments(box)
    check_environment(box)
    check_slow_reader(box)
    check_reader_that_leaves(box)
    check_output_that_cannot_be_written(box)
    check_output_after_the_end(box)
    check_interrupt(box)
    check_many_at_once(box)


def check_status(box):
    for status in (0, 1, 3, 126, 127, 255):
        done = box.run("vm", "exec", "box", "--", "sh", "-c", f"exit {status}")
        equal((done.status, done.out, done.err), (status, b"", b""))
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
        done = box.run("vm", "exec", "box", "--", "sh", "-c", f"kill -{int(number)} $$")
        equal(done.status, 128 + number, done)
    equal(box.run("vm", "exec", "box", "--", "/nonexistent/program").status, 127)
    equal(box.run("vm", "exec", "box", "--", "no-such-program").status, 127)
    equal(box.run("vm", "exec", "box", "--", "/etc/hostname").status, 126)
    equal(box.run("vm", "exec", "box", "--", "/etc").status, 126)


def check_streams(box):
    done = box.run("vm", "exec", "box", "--", "sh", "-c", "echo out; echo err >&2")
    equal((done.out, done.err), (b"out\n", b"err\n"))
    data = os.urandom(1 << 20)
    done = box.ok("vm", "exec", "box", "--", "cat", stdin=data)
    check(done.out == data, f"{len(done.out)} bytes came back, not the same {len(data)}")
    equal(box.ok("vm", "exec", "box", "--", "cat", stdin=b"").out, b"")
    # A command that does not read its input ends all the same.
    done = box.run("vm", "exec", "box", "--", "sh", "-c", "exit 4", stdin=data)
    equal(done.status, 4, done)
    # All that was written before the end arrives, without a line's end too.
    equal(box.ok("vm", "exec", "box", "--", "printf", "no line end").out, b"no line end")


def check_arguments(box):
    done = box.ok("vm", "exec", "box", "--", "printf", r"%s\0", *WEIRD_ARGUMENTS)
    equal(done.out.split(b"\0")[:-1], WEIRD_ARGUMENTS, done)
    many = [f"argument-{i}" for i in range(2000)]
    equal(box.ok("vm", "exec", "box", "--", "printf", r"%s\n", *many).text.split(), many)


def check_environment(box):
    done = box.ok("vm", "exec", "-e", "PLAIN=1", "--env", "SPACED=a b\n'c'", "-e", "EMPTY=",
                  "-w", "/usr/share", "box", "--", "sh", "-c",
                  'printf "%s|" "$PLAIN" "$SPACED" "${EMPTY-unset}" "$PWD" "$(pwd)"')
    equal(done.text, "1|a b\n'c'||/usr/share|/usr/share|")
    equal(box.sh("box", "pwd; echo $HOME; id -un").split(), ["/root", "/root", "root"])
    bad = box.run("vm", "exec", "-w", "/no/such/folder", "box", "--", "true")
    check(bad.status != 0 and b"/no/such/folder" in bad.err, bad)
    # Nothing of the host's environment goes to the guest.
    seen = box.run("vm", "exec", "box", "--", "printenv", "SECRET", env={"SECRET": "x"})
    equal((seen.status, seen.out), (1, b""))


def check_slow_reader(box):
    """64 MiB through a reader that pauses: nothing is lost, and the daemon does not hoard it."""
    size, step = 64 << 20, 8 << 20
    process = box.start("vm", "exec", "box", "--", "sh", "-c",
                        f"head -c {size} /dev/zero | tr '\\0' a; printf end")
    digest, count, tail, next_pause = hashlib.sha256(), 0, b"", step
    daemon = box.daemon_pid()
    while piece := process.stdout.read1(1 << 16):
        digest.update(piece)
        count += len(piece)
        tail = (tail + piece)[-3:]
        if count >= next_pause:
            next_pause += step
            time.sleep(0.1)  # the slow reader itself, no waiting for anything
    wanted = hashlib.sha256(b"a" * size + b"end").hexdigest()
    equal((process.wait(10), count, tail, digest.hexdigest()), (0, size + 3, b"end", wanted))
    for line in open(f"/proc/{daemon}/status"):
        if line.startswith("VmHWM:"):
            check(int(line.split()[1]) < 256 << 10, "the daemon hoards what is not read", line)


def check_reader_that_leaves(box):
    """`banger ... | head`: banger ends quietly, and the guest's command with it."""
    process = box.start("vm", "exec", "box", "--", "sh", "-c", "exec yes")
    check(len(process.stdout.read(10)) == 10)
    process.stdout.close()
    equal(process.wait(15), 128 + signal.SIGPIPE)
    equal(process.stderr.read(), b"")
    poll("the guest's command ends", lambda: not count_of(box, "yes"), 15, 0.3)


def check_output_that_cannot_be_written(box):
    with open("/dev/full", "wb") as full:
        process = box.start("vm", "exec", "box", "--", "sh", "-c", "exec yes", stdout=full)
        equal(process.wait(15), 1)
    check(b"No space left" in process.stderr.read())
    poll("the guest's command ends", lambda: not count_of(box, "yes"), 15, 0.3)


def check_output_after_the_end(box):
    """What a command left behind may still write for a while; but it is not waited for for ever."""
    done = box.ok("vm", "exec", "box", "--", "sh", "-c", "(sleep 1; echo late) & echo early")
    equal(done.text, "early\nlate\n")
    since = time.monotonic()
    done = box.ok("vm", "exec", "box", "--", "sh", "-c", "sleep 1000 & echo early")
    equal(done.text, "early\n")
    takes_at_most(30, since, "a process that holds stdout does not hold the client")
    # The last of much output comes after the end, and all the same.
    done = box.ok("vm", "exec", "box", "--", "sh", "-c", "head -c 3000000 /dev/zero; echo end >&2")
    equal((len(done.out), done.err), (3000000, b"end\n"))
    box.run("vm", "exec", "box", "--", "pkill", "sleep")


def check_interrupt(box):
    """Ctrl-C goes to the guest's command, whose status is passed on."""
    process = box.start("vm", "exec", "box", "--", "sh", "-c",
                        "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done")
    equal(process.stdout.readline(), b"ready\n")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    equal((process.returncode, out, err), (9, b"caught\n", b""))
    process = box.start("vm", "exec", "box", "--", "sleep", "1000")
    poll("sleep runs", lambda: count_of(box, "sleep"), 15, 0.3)
    process.kill()
    process.communicate()
    poll("the command ends with its client", lambda: not count_of(box, "sleep"), 15, 0.3)


def test_signals_reach_the_command(box):
    """They reach the command as what they are; one that does not mind is ended by the second."""
    box.ok("vm", "create", "--name", "box", "--disk", "64M")
    box.ok("vm", "start", "box")
    loop = "echo ready; while :; do sleep 0.1; done"
    for name in ("INT", "QUIT", "TERM", "HUP"):
        number = getattr(signal, f"SIG{name}")
        process = box.start("vm", "exec", "box", "--", "sh", "-c", f"trap 'echo {name}; exit 9' {name}; {loop}")
        equal(process.stdout.readline(), b"ready\n")
        process.send_signal(number)
        out, err = process.communicate(timeout=15)
        # The whole group gets it; the shell may say what became of its sleep.
        equal((process.returncode, out, b"banger" in err), (9, f"{name}\n".encode(), False), err)
    process = box.start("vm", "exec", "box", "--", "sh", "-c", "echo ready; exec sleep 1000")
    equal(process.stdout.readline(), b"ready\n")
    process.terminate()
    equal((process.wait(15), process.stderr.read()), (128 + signal.SIGTERM, b""))
    process = box.start("vm", "exec", "box", "--", "sh", "-c", f"trap 'echo no' TERM; {loop}")
    equal(process.stdout.readline(), b"ready\n")
    process.terminate()
    equal(process.stdout.readline(), b"no\n")
    process.send_signal(signal.SIGHUP)
    equal(process.wait(15), 128 + signal.SIGHUP)
    poll("the command ends with its client", lambda: not count_of(box, "sleep"), 15, 0.3)
    # As under nohup: nothing is passed on that would not have come.
    process = box.start("vm", "exec", "box", "--", "sh", "-c", f"trap 'echo hup; exit 9' HUP; {loop}",
                        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    equal(process.stdout.readline(), b"ready\n")
    process.send_signal(signal.SIGHUP)
    process.terminate()
    out, err = process.communicate(timeout=15)
    equal((process.returncode, out, err), (128 + signal.SIGTERM, b"", b""))


def check_many_at_once(box):
    running = [box.start("vm", "exec", "box", "--", "sh", "-c", f"cat; exit {i}",
                         stdin=subprocess.PIPE) for i in range(8)]
    for i, process in enumerate(running):
        out, err = process.communicate(f"input {i}".encode(), timeout=60)
        equal((process.returncode, out, err), (i, f"input {i}".encode(), b""))


def count_of(box, program):
    return int(box.run("vm", "exec", "box", "--", "sh", "-c",
                       f"cat /proc/[0-9]*/comm 2>/dev/null | grep -cx {program}").text)
