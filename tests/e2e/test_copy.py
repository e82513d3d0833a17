"""vm cp: what arrives is what was there, and what does not arrive whole is not there."""

import hashlib
import json
import os
import pty
import select
import signal
import stat
import subprocess

from harness import check, equal, kill, limit, poll

PREFIX = ".banger-cp-"


def tree(root):
    """{path: (type and mode, mtime in ns, content or target)} of all below a folder, as bytes."""
    found = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in folders + files:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            content = b""
            if stat.S_ISLNK(info.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).digest()
            found[path[len(os.fsencode(root)):]] = (info.st_mode, info.st_mtime_ns, content)
    return found


def make_tree(root):
    """One of all that there is."""
    raw = os.fsencode(root)
    for name in (b"sub/deeper", b"empty", b"locked"):
        os.makedirs(os.path.join(raw, name))
    for name, content, mode in ((b"sub/run", b"#!/bin/sh\n", 0o755), (b"sub/deeper/secret", b"x", 0o600),
                                (b"nothing", b"", 0o644), (b"-dash", b"-", 0o644), (b"two\nlines", b"\n", 0o644),
                                (b"\xff\xfe", b"not UTF-8", 0o644), (b"a:b", b"colon", 0o444),
                                (b"large", os.urandom(3 << 20), 0o640), (b"locked/in", b"in", 0o644)):
        path = os.path.join(raw, name)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        os.utime(path, ns=(0, 981173106123456789))
    os.symlink("../nowhere", os.path.join(raw, b"link"))
    os.symlink("sub", os.path.join(raw, b"folder link"))
    os.chmod(os.path.join(raw, b"locked"), 0o500)
    os.utime(os.path.join(raw, b"sub"), ns=(0, 1000000000000000001))


def no_rest(box, vm, folder):
    equal(box.sh(vm, f"find {folder} -name '{PREFIX}*' | wc -l").strip(), "0")


def no_rest_here(folder):
    equal([x for x in os.listdir(folder) if x.startswith(PREFIX)], [])


@limit(240)
def test_copies_are_the_same(box):
    """Both ways, and between VMs."""
    box.ok("vm", "create", "--name", "a", "--memory", "256M")
    box.ok("vm", "create", "--name", "b", "--memory", "256M")
    box.ok("vm", "start", "a", "b")
    src = box.home / "src"
    make_tree(src)
    check_summary(box, src)
    box.ok("vm", "cp", "a:src", "b:/root/from a")
    box.ok("vm", "cp", "-r", "b:from a", str(box.home / "back"))
    equal(tree(box.home / "back"), tree(src))
    equal(os.stat(box.home / "back").st_mode, os.stat(src).st_mode)
    check_holes(box)
    check_destinations(box)
    check_streams(box)
    check_errors(box)
    check_left_out(box)
    check_progress(box)
    for vm in "a", "b":
        no_rest(box, vm, "/root /tmp")
    no_rest_here(box.home)


def check_summary(box, src):
    done = box.ok("vm", "cp", "-o", "json", str(src), "a:").json
    size = sum(x.lstat().st_size for x in src.rglob("*") if x.is_file() and not x.is_symlink())
    equal((done["files"], done["directories"], done["links"], done["bytes"]), (9, 5, 2, size))
    check(size < done["bytes_sent"] < size + 4096, done)
    check(done["duration_ms"] > 0 and done["left_out"] == 0, done)
    text = box.ok("vm", "cp", str(src / "-dash"), "a:/tmp/").text
    check(text.startswith("copied 1 file, 1 byte in "), text)
    equal(box.ok("vm", "cp", "--quiet", str(src / "-dash"), "a:/tmp/").out, b"")


def check_holes(box):
    holes = box.home / "holes"
    with open(holes, "wb") as file:
        file.truncate(1 << 30)
        file.seek(500 << 20)
        file.write(b"middle")
    done = box.ok("vm", "cp", "-o", "json", str(holes), "a:holes").json
    check(done["bytes_sent"] < 1 << 20, done)
    equal(box.sh("a", "stat -c %s holes; du -k holes | cut -f 1").split()[0], str(1 << 30))
    check(int(box.sh("a", "du -k holes").split()[0]) < 1024)
    box.ok("vm", "cp", "a:holes", str(box.home / "holes back"))
    info = os.stat(box.home / "holes back")
    equal(info.st_size, 1 << 30)
    check(info.st_blocks < 2048, info)
    with open(box.home / "holes back", "rb") as file:
        file.seek((500 << 20) - 3)
        equal(file.read(12), b"\0\0\0middle\0\0\0")


def check_destinations(box):
    """As scp has them."""
    one, two = box.home / "one", box.home / "two"
    one.write_text("1")
    two.write_text("2")
    box.sh("a", "mkdir -p there")
    box.ok("vm", "cp", str(one), str(two), "a:there")
    box.ok("vm", "cp", str(one), "a:there/new name")
    box.ok("vm", "cp", str(one), "a:made/")
    equal(box.sh("a", "ls there made").split("\n")[:-1], ["made:", "one", "", "there:", "new name", "one", "two"])
    box.ok("vm", "cp", "a:there/.", str(box.home / "contents"))
    equal(sorted(os.listdir(box.home / "contents")), ["new name", "one", "two"])
    box.ok("vm", "cp", "a:there/one", "a:there/two", str(box.home / "contents"))
    # Replaced, in one step; what else is there stays.
    one.write_text("longer than before")
    box.ok("vm", "cp", str(one), "a:there/")
    equal(box.sh("a", "cat there/one there/two"), "longer than before2")
    os.chdir(box.home)
    dash = box.home / "-x"
    dash.write_text("dash")
    box.ok("vm", "cp", "--", f"{box.home}/-x", "a:-x")
    equal(box.ok("vm", "cp", "a:-x", "-").out, b"dash")


def check_streams(box):
    data = os.urandom(2 << 20)
    box.ok("vm", "cp", "-", "a:piped", stdin=data)
    check(box.ok("vm", "cp", "a:piped", "-").out == data, "not the same bytes")
    box.ok("vm", "cp", "-", "a:nothing", stdin=b"")
    equal(box.ok("vm", "cp", "a:nothing", "-").out, b"")
    box.fails(2, "vm", "cp", "a:there", "-", says="no single file")
    box.fails(4, "vm", "cp", "-", "a:there", stdin=b"x", says="Is a directory")
    box.fails(2, "vm", "cp", "-", "a:there/", stdin=b"x", says="no name")
    equal(box.sh("a", "ls there").split("\n")[:-1], ["new name", "one", "two"])


def check_errors(box):
    one, folder = str(box.home / "one"), str(box.home / "src")
    box.fails(3, "vm", "cp", str(box.home / "missing"), "a:", says="missing': No such file")
    box.fails(3, "vm", "cp", "a:missing", str(box.home), says="'a:missing': No such file")
    box.fails(3, "vm", "cp", one, "no-such-vm:", says="no-such-vm")
    box.fails(3, "vm", "cp", one, "a:/no/such/folder", says="'a:/no/such'")
    box.fails(3, "vm", "cp", one, folder, "a:missing", says="'a:missing'")
    box.fails(3, "vm", "cp", one, folder, "a:new", says="No such file")
    box.fails(4, "vm", "cp", folder, "a:piped", says="Not a directory")
    box.fails(4, "vm", "cp", "a:there", one, says="Not a directory")
    box.fails(2, "vm", "cp", one, folder, says="neither")
    box.fails(1, "vm", "cp", one, "a:/proc/", says="a:/proc")
    # All or nothing: the first source is fine, the second is not.
    box.fails(3, "vm", "cp", "a:there", "a:missing", str(box.home / "both/"), says="a:missing")
    check(not (box.home / "both").exists())
    box.ok("vm", "create", "--name", "off")
    box.fails(4, "vm", "cp", one, "off:")
    # Who may not read it: banger runs as somebody else where the tests are run by root.
    if os.geteuid() == 0:
        box.sh("a", "install -d -m 700 /tmp/closed; chattr +i there")
        failed = box.fails(1, "vm", "cp", one, "a:there/", says="Operation not permitted")
        check(b"hint: " in failed.err, failed)
        box.sh("a", "chattr -i there")


def check_left_out(box):
    box.sh("a", "mkdir odd; mkfifo odd/pipe; echo x > odd/file")
    done = box.ok("vm", "cp", "a:odd", str(box.home / "odd"))
    check(b"left out 'odd/pipe'" in done.err, done)
    equal(os.listdir(box.home / "odd"), ["file"])
    box.fails(1, "vm", "cp", "a:odd/pipe", str(box.home / "pipe"), says="no file, folder or link")


def check_progress(box):
    """On a terminal only."""
    large = box.home / "large"
    large.write_bytes(os.urandom(8 << 20))
    main, ours = pty.openpty()
    process = box.start("vm", "cp", str(large), "a:large", stderr=ours, stdout=subprocess.PIPE)
    os.close(ours)
    shown = b""
    while process.poll() is None or select.select([main], [], [], 0)[0]:
        if select.select([main], [], [], 0.1)[0]:
            try:
                shown += os.read(main, 65536)
            except OSError:
                break
    os.close(main)
    equal(process.wait(60), 0)
    check(b"large" in shown and b"of 8.0 MiB" in shown and b"/s" in shown, shown)
    check(shown.endswith(b"\r\x1b[K"), shown)


@limit(240)
def test_what_ends_early_leaves_nothing(box):
    """Ctrl-C, a client or a daemon that is killed, a full disk: on either side."""
    box.ok("vm", "run", "--name", "a", "--memory", "256M", "--", "mkdir", "/tmp/work")
    box.sh("a", "mkdir big; head -c 16M /dev/urandom > big/1; cp big/1 big/2; mkdir into")
    box.ok("vm", "cp", "a:big", str(box.home / "big"))
    check_interrupt_to_guest(box)
    check_interrupt_from_guest(box)
    check_killed_client(box)
    check_full_guest(box)
    check_full_host(box)
    check_killed_daemon(box)


def temporaries(box, folder="/root"):
    return box.run("vm", "exec", "a", "--", "sh", "-c", f"find {folder} -name '{PREFIX}*' | wc -l").text.strip()


def begin_to_guest(box, *more):
    process = box.start("vm", "cp", str(box.home / "big"), "a:into", *more)
    poll("the copy has begun", lambda: temporaries(box) not in ("", "0"), 30)
    return process


def nothing_in_guest(box):
    poll("what was begun is gone", lambda: temporaries(box) == "0", 30, 0.3)
    equal(box.sh("a", "ls -A into"), "")


def check_interrupt_to_guest(box):
    process = begin_to_guest(box)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    equal((process.returncode, out), (130, b""), err)
    check(b"banger: copy: cancelled" in err, err)
    equal(temporaries(box), "0")  # it had waited for that
    nothing_in_guest(box)
    process = begin_to_guest(box)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    equal(process.returncode, 128 + signal.SIGTERM)
    nothing_in_guest(box)


def check_interrupt_from_guest(box):
    for how in (signal.SIGINT, signal.SIGTERM):
        into = box.home / "into"
        into.mkdir(exist_ok=True)
        process = box.start("vm", "cp", "a:big", str(into))
        poll("the copy has begun", lambda: os.listdir(into), 30)
        process.send_signal(how)
        process.communicate(timeout=60)
        equal(process.returncode, 128 + how)
        equal(os.listdir(into), [])


def check_killed_client(box):
    process = begin_to_guest(box)
    process.kill()
    process.communicate()
    nothing_in_guest(box)


def check_full_guest(box):
    box.sh("a", "mkdir small; mount -t tmpfs -o size=8M tmpfs small")
    failed = box.fails(1, "vm", "cp", str(box.home / "big"), "a:small", says="No space left on device")
    check(b"'a:small/big/" in failed.err, failed)
    equal(box.sh("a", "ls -A small; df -k --output=used small | tail -1").strip(), "0")
    failed = box.fails(1, "vm", "cp", "a:big", "a:small/new name", says="No space left on device")
    equal(box.sh("a", "ls -A small"), "")
    box.sh("a", "umount small")


def check_full_host(box):
    if os.geteuid() != 0:
        return
    small = box.home / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8M", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode != 0:  # a container that may not
        small.rmdir()
        return
    try:
        failed = box.fails(1, "vm", "cp", "a:big", str(small), says="No space left on device")
        check(b"hint: make room" in failed.err, failed)
        equal(os.listdir(small), [])
    finally:
        subprocess.run(["umount", str(small)], check=True)


def check_killed_daemon(box):
    process = begin_to_guest(box)
    kill(box.daemon_pid())
    out, err = process.communicate(timeout=60)
    equal((process.returncode, out), (5, b""), err)
    nothing_in_guest(box)
    into = box.home / "into"
    process = box.start("vm", "cp", "a:big", str(into))
    poll("the copy has begun", lambda: os.listdir(into), 30)
    kill(box.daemon_pid())
    out, err = process.communicate(timeout=60)
    equal((process.returncode, out), (5, b""), err)
    equal(os.listdir(into), [])
    equal(json.loads(box.ok("vm", "list", "-o", "json").out)["vms"][0]["state"], "running")
