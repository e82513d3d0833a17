"""Repositories in VMs: run, prepare, export, status, sync, and the files of config.toml. What repositories there are
of all kinds is tested without a guest, in tests/workspaces."""

import hashlib
import os
import signal
import subprocess

from harness import check, equal, limit, poll

MAKEFILE = "test:\n\t@test \"$$(cat value)\" = good && echo all good\n"


def git(box, where, *args, stdin=None):
    env = {**box.env, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *args], cwd=where, env=env, input=stdin, capture_output=True, check=True, timeout=60).stdout


def make_repository(box, name="repo"):
    git(box, box.home, "config", "--global", "user.name", "Ada")
    git(box, box.home, "config", "--global", "user.email", "ada@example.org")
    where = box.home / name
    git(box, box.home, "init", "-q", "-b", "main", str(where))
    (where / "value").write_text("bad\n")
    (where / "Makefile").write_text(MAKEFILE)
    (where / "sub").mkdir()
    (where / "sub/program").write_text("#!/bin/sh\npwd\n")
    (where / "sub/program").chmod(0o755)
    (where / "bin").write_bytes(bytes(range(256)))
    os.symlink("value", where / "link")
    git(box, where, "add", "-A")
    git(box, where, "commit", "-qm", "first")
    (where / "value").write_text("good\n")
    (where / b"odd\n\xff".decode(errors="surrogateescape")).write_text("odd")
    git(box, where, "add", b"odd\n\xff")
    (where / "untracked").write_text("u")
    return where


def print_of(folder):
    digest = hashlib.sha256()
    for root, folders, files in os.walk(os.fsencode(folder)):
        folders.sort()
        for name in sorted(files + folders):
            path = os.path.join(root, name)
            digest.update(path + oct(os.lstat(path).st_mode).encode())
            digest.update(os.readlink(path) if os.path.islink(path) else b"" if os.path.isdir(path) else open(path, "rb").read())
    return digest.hexdigest()


def guest_tree(box, path="/root/repo"):
    return box.sh("box", f"cd {path}; cp -p .git/index /tmp/i; GIT_INDEX_FILE=/tmp/i git add -A; GIT_INDEX_FILE=/tmp/i git write-tree")


def nothing_left(box, folder="/root"):
    return box.sh("box", f"ls -A {folder} | grep banger- || true")


@limit(240)
def test_run_takes_a_repository_along(box):
    where = make_repository(box)
    before = print_of(where)
    done = box.ok("vm", "run", "--rm", str(where), "--", "sh", "-c", "sed -n 's/.*good/good/p' value; pwd; git status --porcelain")
    equal(done.text.splitlines(), ["good", "/root/repo", 'A  "odd\\n\\377"', " M value"])
    # In the folder that was named, with its untracked files, and the status is the command's.
    done = box.run("vm", "run", "--rm", "--include-untracked", "--branch", "work", str(where / "sub"), "--", "sh", "-c",
                   "./program; cat ../untracked; git branch --show-current; exit 9")
    equal((done.status, done.text.splitlines()), (9, ["/root/repo/sub", "uwork"]))
    equal(print_of(where), before)
    # What cannot be taken along is said before there is a VM.
    box.fails(3, "vm", "run", "--rm", str(box.home / "nothing"), "--", "true", says="No such file")
    box.fails(3, "vm", "run", "--rm", "/usr", "--", "true", says="is in no git repository")
    box.fails(3, "vm", "run", "--rm", "--branch", "x", "--from", "nothing", str(where), "--", "true", says="no such commit")
    box.fails(2, "vm", "run", "--rm", "--branch", "x", "--", "true", says="the repository is missing")
    box.expect_empty()
    equal(list((box.home / ".cache/banger/workspaces").iterdir()), [])


@limit(300)
def test_prepare_export_and_sync(box):
    where = make_repository(box)
    before = print_of(where)
    box.ok("vm", "run", "--name", "box", "--", "true")
    done = box.ok("workspace", "prepare", "box", str(where), "-o", "json").json
    equal((done["guest_path"], done["made_files"], done["sent_files"], done["commits"]), ("/root/repo", 5, 1, 1))
    box.fails(4, "workspace", "prepare", "box", str(where), says="is there already")
    equal(box.ok("workspace", "list", "box").text, "/root/repo\n")
    state = box.ok("workspace", "status", "box", "-o", "json").json
    equal((state["guest"]["changes"], state["host"]["is_changed"], state["host"]["is_known"]), ([], False, True))
    # Work in the guest: commits, binary files, modes, deletions.
    box.sh("box", "cd /root/repo; printf '\\0\\1\\377' >bin; git commit -qam guest; git rm -q --cached sub/program; rm sub/program;"
                  " printf new >-new; chmod 600 Makefile; chmod 755 value; git mv link moved")
    state = box.ok("workspace", "status", "box", "-o", "json").json
    equal({x["path"] for x in state["guest"]["changes"]}, {"bin", "sub/program", "-new", "value", "link", "moved"})
    equal(state["guest"]["commits"], 1)
    # A clean clone and the patch make the same tree.
    tree = guest_tree(box)
    patch = box.dir / "p.patch"
    box.ok("workspace", "export", "box", "--output", str(patch))
    equal(guest_tree(box), tree)
    git(box, box.home, "clone", "-q", str(where), "clean")
    clean = box.home / "clean"
    git(box, clean, "apply", "--whitespace=nowarn", str(patch))
    git(box, clean, "add", "-A")
    equal(git(box, clean, "write-tree").decode(), tree)
    equal(print_of(where), before)
    # To the host: only what the guest did, and not over what was changed there.
    box.fails(2, "workspace", "sync", "box", "--to", "host", says="there is nobody to ask")
    (where / "bin").write_text("mine")
    box.fails(4, "workspace", "sync", "box", "--to", "host", "--yes", says="changed on the host meanwhile: bin")
    git(box, where, "checkout", "bin")
    done = box.ok("workspace", "sync", "box", "--to", "host", "--yes", "-o", "json").json
    equal((done["is_done"], len(done["changes"])), (True, 6))
    equal((where / "bin").read_bytes(), b"\0\1\377")
    check(not (where / "sub/program").exists() and (where / "-new").read_text() == "new")
    equal(git(box, where, "diff", "--cached", "--name-only"), b'"odd\\n\\377"\n')  # the index is as it was
    # And back: a new commit of the host, into a guest that has nothing new.
    (where / "more").write_text("m")
    git(box, where, "add", "-A")
    git(box, where, "commit", "-qm", "second")
    box.fails(4, "workspace", "sync", "box", "--to", "guest", "--yes", says="commits of its own")
    box.ok("workspace", "sync", "box", "--to", "guest", "--yes", "--force")
    equal(guest_tree(box), git(box, where, "write-tree").decode())
    equal(box.sh("box", "cd /root/repo; git status --porcelain; git log --format=%s"), "second\nfirst\n")
    box.sh("box", "rm -r /root/repo")
    box.fails(3, "workspace", "status", "box", says="it has none")


@limit(300)
def test_what_goes_wrong_leaves_nothing(box):
    where = make_repository(box)
    box.ok("vm", "run", "--name", "box", "--memory", "1G", "--", "true")
    # A full disk.
    (where / "large").write_bytes(os.urandom(8 << 20))
    git(box, where, "add", "large")
    box.sh("box", "mkdir -p /mnt/small; mount -t tmpfs -o size=4m none /mnt/small")
    box.fails(1, "workspace", "prepare", "box", str(where), "--guest-path", "/mnt/small/repo", says="No space left")
    equal(box.sh("box", "ls -A /mnt/small"), "")
    # Ctrl-C in the middle: the archive waits for a file that nobody writes.
    os.mkfifo(where / "fifo")
    large = box.home / "plain"
    large.mkdir()
    with open(large / "data", "wb") as file:
        for _ in range(24):
            file.write(os.urandom(1 << 20))
    process = box.start("workspace", "prepare", "box", str(large), "--mode", "full-copy")
    poll("the copy has begun", lambda: nothing_left(box), 30, 0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    check(process.returncode == 130 and b"cancelled" in err, process.returncode, err)
    poll("nothing is left", lambda: not nothing_left(box), 30, 0.2)
    equal(box.sh("box", "ls -A /root | grep -x plain || true"), "")
    # One that is killed, too.
    process = box.start("workspace", "prepare", "box", str(large), "--mode", "full-copy")
    poll("the copy has begun", lambda: nothing_left(box), 30, 0.2)
    process.kill()
    process.communicate()
    poll("nothing is left", lambda: not nothing_left(box), 30, 0.2)
    # A guest without git.
    box.sh("box", "mv /usr/bin/git /usr/bin/not-git")
    box.fails(1, "workspace", "prepare", "box", str(where), says="git is not installed in the guest")
    # A copy that goes on holds up neither other VMs nor the end of its own.
    process = box.start("workspace", "prepare", "box", str(large), "--mode", "full-copy")
    poll("the copy has begun", lambda: nothing_left(box), 30, 0.2)
    box.ok("vm", "kill", "box")
    out, err = process.communicate(timeout=60)
    check(process.returncode != 0 and err.startswith(b"banger: "), process.returncode, err)
    equal(list((box.home / ".cache/banger/workspaces").iterdir()), [] if process.returncode != 137 else None)


@limit(240)
def test_files_of_the_configuration(box):
    config = box.home / ".config/banger"
    config.mkdir(parents=True)
    (box.home / "secret").write_text("s")
    (box.home / "folder/deep").mkdir(parents=True)
    (box.home / "folder/deep/file").write_text("f")
    (box.home / "elsewhere").symlink_to("/etc/passwd")
    (config / "config.toml").write_text(
        '[[file_sync]]\nhost = "~/secret"\nguest = "~/.config/x/secret"\nmode = 0o600\n'
        '[[file_sync]]\nhost = "~/folder"\n[[file_sync]]\nhost = "~/missing"\n[[file_sync]]\nhost = "~/elsewhere"\n')
    done = box.ok("vm", "run", "--name", "box", "--", "sh", "-c",
                  "stat -c '%a %U' ~/.config/x/secret; cat ~/folder/deep/file; ls -d ~ -l | cut -c1-10; ls -A ~ | grep -E '^(folder|missing|elsewhere)$'")
    equal(done.text.splitlines(), ["600 root", "fdrwx------", "folder"], done)
    check(b"missing: it is not there" in done.err and b"elsewhere: it is a link" in done.err, done)
    (box.home / "secret").write_text("changed")
    box.ok("vm", "restart", "box")
    equal(box.sh("box", "cat ~/.config/x/secret"), "changed")
    for text, says in (('[[file_sync]]\nhost = "~root/x"', "another user's home"), ('[[file_sync]]\nhost = "~/../x"', "'..'"),
                       ('[[file_sync]]\nhost = "/etc/passwd"', "is not below"), ("file_sink = 1", "did you mean 'file_sync'"),
                       ('[[file_sync]]\nhost = "~/x"\nmode = 600', "octal"), ("[[file", "line 1")):
        (config / "config.toml").write_text(text + "\n")
        box.fails(2, "vm", "start", "box", says=says)
