"""Settings, states and surroundings that are rare, each of which once led to something wrong."""

import os
import shutil
import signal
import subprocess
import tempfile

from case import DRIVER, check, equal, git, run


def test_a_cache_on_another_disk(case):
    """git makes temporary files where objects go: not in the user's repository."""
    case.init()
    case.write("a", os.urandom(1000))
    case.commit()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as cache:
        run(DRIVER, "pack", str(case.repo), cache + "/c")
    equal([x for x in os.listdir(case.repo / ".git/objects/pack") if x.startswith("tmp")], [])


def test_a_repository_that_may_not_be_written(case):
    case.init()
    case.write("a")
    case.commit()
    for folder, _, _ in os.walk(case.repo):
        os.chmod(folder, 0o555)
    case.prepare()
    case.same_status()
    for folder, _, _ in os.walk(case.repo):
        os.chmod(folder, 0o755)


def test_hooks_do_not_run(case):
    case.init()
    case.write("a")
    case.commit()
    for name in ("post-index-change", "post-checkout"):
        hook = case.repo / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {case.root}/ran-{name}\nexit 2\n")
        hook.chmod(0o755)
    case.write("a", "changed\n")
    case.prepare("full-copy", branch="work")
    equal([x for x in os.listdir(case.root) if x.startswith("ran")], [])


def test_attributes_of_the_repository_count_more(case):
    (case.home / ".config/git").mkdir(parents=True)
    (case.home / ".config/git/attributes").write_text("*.txt text eol=crlf\n")
    case.init()
    case.write(".gitattributes", "a.txt text eol=lf\n")
    case.write("a.txt", b"a\nb\n")
    case.write("b.txt", b"a\r\nb\r\n")
    case.commit()
    case.prepare()
    case.same_status()
    case.same_files(["a.txt", "b.txt"])


def test_line_ends_that_git_would_make_otherwise(case):
    case.init()
    case.write(".gitattributes", "* text=auto\n*.bat text eol=crlf\n*.i ident\n*.u text working-tree-encoding=UTF-16LE-BOM\n")
    case.write("crlf", b"a\r\nb\r\n")
    case.write("lf.bat", b"a\nb\n")
    case.write("mixed", b"a\r\nb\n")
    case.write("x.i", b"$Id$\n")
    case.write("x.u", b"\xff\xfe" + "h\u00e4\n".encode("utf-16le"))
    case.write("plain", b"a\n")
    case.commit()
    case.prepare()
    case.same_status()
    case.same_files(["crlf", "lf.bat", "mixed", "x.i", "x.u", "plain"])
    check("made=2 " in case.said, case.said)  # plain and .gitattributes: most files are made


def test_filters_that_only_clean(case):
    case.init()
    git(case.repo, "config", "filter.strip.clean", "sed /OUT/d")
    case.write(".gitattributes", "*.nb filter=strip\n")
    case.write("a.nb", "in\nOUT 1\n")
    case.commit()
    case.prepare()
    case.same_status()
    case.same_files(["a.nb"])


def test_marks_of_the_index(case):
    case.init()
    for name in ("hidden", "assumed", "assumed-gone"):
        case.write(name, "one\n")
    case.commit()
    git(case.repo, "update-index", "--skip-worktree", "hidden")
    git(case.repo, "update-index", "--assume-unchanged", "assumed", "assumed-gone")
    case.write("hidden", "local\n")
    case.write("assumed", "local\n")
    os.remove(case.repo / "assumed-gone")
    case.prepare()
    case.same_status()
    case.same_files(["hidden", "assumed"])
    equal(git(case.guest, "ls-files", "-v"), git(case.repo, "ls-files", "-v"))


def test_conflict_with_a_deletion(case):
    case.init()
    case.write("a", "base\n")
    case.commit()
    git(case.repo, "checkout", "-qb", "side")
    case.write("a", "side\n")
    case.commit()
    git(case.repo, "checkout", "-q", "main")
    git(case.repo, "rm", "-q", "a")
    git(case.repo, "commit", "-qm", "gone")
    git(case.repo, "merge", "side", status=1)
    os.remove(case.repo / "a")
    case.prepare()
    case.same_status()


def test_a_file_where_a_submodule_was(case):
    other = case.root / "other"
    git(case.root, "init", "-q", str(other))
    git(other, "commit", "-q", "--allow-empty", "-m", "x")
    case.init()
    git(case.repo, "submodule", "add", "-q", str(other), "sub")
    case.commit()
    shutil.rmtree(case.repo / "sub")
    case.write("sub", "a file\n")
    case.prepare()
    case.same_status()
    case.same_files(["sub"])


def test_credentials_in_odd_places(case):
    case.init()
    case.write("a")
    case.commit()
    git(case.repo, "config", "branch.main.remote", "https://u:secret@example.org/x")
    (case.repo / ".git/logs/HEAD").open("a").write("0" * 40 + " " + "1" * 40 + " A <a@b> 1 +0000\tpull https://u:secret@x: ok\n")
    nested = case.repo / "deep/nested"
    git(case.root, "init", "-q", str(nested))
    git(nested, "commit", "-q", "--allow-empty", "-m", "x")
    git(nested, "remote", "add", "origin", "https://u:secret@example.org/x")
    (case.repo / ".git/annex").mkdir()
    (case.repo / ".git/annex/config").write_text("no configuration = of git [")
    for mode in ("untracked", "full-copy"):
        case.prepare(mode)
        run("grep", "-r", "secret", str(case.guest), status=1)
        shutil.rmtree(case.guest)


def test_full_copy_of_what_git_refuses(case):
    """It must not become a copy of a plain folder, with credentials in it."""
    case.init()
    case.write("a")
    case.commit()
    with open(case.repo / ".git/config", "a") as file:
        file.write("[broken\n")
    check(b"bad config" in case.pack("full-copy", status=1).stderr)
    bare = case.root / "bare.git"
    git(case.root, "init", "-q", "--bare", str(bare))
    check(b"bare repository" in case.pack("full-copy", path=bare, status=1).stderr)


def test_full_copy_of_a_linked_work_tree_has_all_branches(case):
    case.init()
    case.write("a")
    case.commit()
    git(case.repo, "branch", "other")
    git(case.repo, "worktree", "add", "-q", "-b", "side", str(case.root / "linked"))
    case.repo = case.root / "linked"
    case.prepare("full-copy")
    git(case.guest, "rev-parse", "--verify", "refs/heads/other")


def test_partial_clone(case):
    case.init()
    git(case.repo, "config", "uploadpack.allowFilter", "true")
    for i in range(5):
        case.write("a", os.urandom(5000))
        case.commit()
    source = case.repo
    git(case.root, "clone", "-q", "--filter=blob:none", f"file://{source}", str(case.root / "partial"))
    source.rename(case.root / "away")
    case.repo = case.root / "partial"
    case.prepare()
    case.same_status()
    equal(git(case.guest, "rev-list", "--count", "HEAD"), b"1\n")


def test_nested_repositories_of_the_guest(case):
    case.init()
    case.write("a")
    case.commit()
    case.prepare()
    git(case.guest, "init", "-q", "empty")
    git(case.guest, "init", "-q", "full")
    git(case.guest / "full", "commit", "-q", "--allow-empty", "-m", "x")
    case.write("a", "changed\n", where=case.guest)
    done = run(DRIVER, "export", str(case.guest), "", "0")
    check(b"+changed" in done.stdout and b"full/ is not in the patch: it is a rep" in done.stderr and b"Subproject" not in done.stdout, done)


def sync(case, forced="0", status=0):
    done = run(DRIVER, "stage", str(case.guest), forced, stdin=case.pack().stdout, status=status)
    if status == 0:
        run(DRIVER, "apply", str(case.guest))
    return done


def test_sync_keeps_what_the_guest_did(case):
    case.init()
    case.write("a", "one\n")
    case.commit()
    case.prepare()
    # A commit on the branch that was prepared, while another one is checked out.
    case.write("b", where=case.guest)
    git(case.guest, "add", "b")
    git(case.guest, "commit", "-qm", "guest's")
    git(case.guest, "switch", "-qc", "x", "HEAD~1")
    case.write("a", "two\n")
    case.commit()
    check(b"commits of its own" in sync(case, status=74).stderr)
    sync(case, forced="1")
    equal(git(case.guest, "log", "-1", "--format=%s", "refs/banger/replaced/main"), b"guest's\n")
    # What is staged alone.
    case.write("a", "staged\n", where=case.guest)
    git(case.guest, "add", "a")
    case.write("a", "two\n", where=case.guest)
    check(b"staged changes" in sync(case, status=74).stderr)
    git(case.guest, "reset", "-q", "--hard")
    # A tag of its own, and a branch that was made there and is stayed on.
    git(case.guest, "tag", "v1")
    git(case.guest, "switch", "-qc", "work")
    mine = git(case.guest, "rev-parse", "v1")
    case.write("a", "three\n")
    case.commit()
    git(case.repo, "tag", "v1")
    sync(case)
    equal((git(case.guest, "rev-parse", "v1"), git(case.guest, "branch", "--show-current")), (mine, b"work\n"))
    equal(git(case.guest, "rev-parse", "HEAD"), git(case.repo, "rev-parse", "HEAD"))
    case.write("a", "four\n")
    case.commit()
    sync(case)
    equal(git(case.guest, "rev-parse", "HEAD"), git(case.repo, "rev-parse", "HEAD"))


def test_sync_leaves_submodules_alone(case):
    other = case.root / "other"
    git(case.root, "init", "-q", str(other))
    case.write("inner", where=other)
    git(other, "add", "-A")
    git(other, "commit", "-qm", "x")
    case.init()
    case.write("a")
    git(case.repo, "submodule", "add", "-q", str(other), "sub")
    case.commit()
    case.prepare()
    git(case.guest, "-c", "protocol.file.allow=always", "submodule", "update", "--init", "-q")
    case.write("sub/work", where=case.guest)
    git(case.repo / "sub", "commit", "-q", "--allow-empty", "-m", "newer")
    case.write("a", "changed\n")
    case.commit()
    sync(case)
    check((case.guest / "sub/work").exists() and (case.guest / "sub/inner").exists())
    equal((case.guest / "a").read_text(), "changed\n")
    git(case.repo, "rm", "-qf", "sub")
    case.commit()
    sync(case)
    check((case.guest / "sub/work").exists())


def test_sync_where_names_of_refs_clash(case):
    case.init()
    case.write("a")
    case.commit()
    git(case.repo, "update-ref", "refs/remotes/origin/foo", "HEAD")
    case.prepare()
    git(case.guest, "branch", "feat/x")
    git(case.repo, "update-ref", "-d", "refs/remotes/origin/foo")
    git(case.repo, "update-ref", "refs/remotes/origin/foo/bar", "HEAD")
    case.write("a", "changed\n")
    case.commit()
    sync(case)
    case.same_status()
    git(case.guest, "rev-parse", "--verify", "refs/remotes/origin/foo/bar")
    git(case.repo, "checkout", "-qb", "feat")
    case.write("a", "again\n")
    case.commit()
    run(DRIVER, "stage", str(case.guest), "0", stdin=case.pack().stdout)
    check(b"in the way" in run(DRIVER, "apply", str(case.guest), status=74).stderr)
    equal((case.guest / "a").read_text(), "changed\n")


def test_sync_that_was_broken_off(case):
    case.init()
    for i in range(20):
        case.write(f"f{i}", "one\n")
    case.commit()
    case.prepare()
    for i in range(20):
        case.write(f"f{i}", "two\n")
    case.commit()
    run(DRIVER, "stage", str(case.guest), "0", stdin=case.pack().stdout)
    (case.guest / "f7").unlink()
    (case.guest / "f7").mkdir()
    (case.guest / "f7/x").touch()
    os.chmod(case.guest / "f7", 0)
    wrapper = case.root / "bin"
    wrapper.mkdir()
    (wrapper / "tar").write_text("#!/bin/sh\ncase $1 in -x) head -c 9000 | /usr/bin/tar \"$@\"; kill -9 $PPID;; *) exec /usr/bin/tar \"$@\";; esac\n")
    (wrapper / "tar").chmod(0o755)
    os.chmod(case.guest / "f7", 0o755)
    shutil.rmtree(case.guest / "f7")
    case.write("f7", "one\n", where=case.guest)
    env = dict(os.environ, PATH=f"{wrapper}:{os.environ['PATH']}")
    done = subprocess.run([DRIVER, "apply", str(case.guest)], env=env, capture_output=True)
    check(done.returncode != 0, done)
    texts = {(case.guest / f"f{i}").read_text() for i in range(20) if (case.guest / f"f{i}").exists()}
    check("two\n" in texts, "nothing was put in place")
    sync(case)
    case.same_status()
    equal((case.guest / "f19").read_text(), "two\n")


def test_sync_of_files_that_a_filter_makes(case):
    case.init()
    git(case.repo, "config", "filter.shout.clean", "tr A-Z a-z")
    git(case.repo, "config", "filter.shout.smudge", "tr a-z A-Z")
    case.write(".gitattributes", "*.up filter=shout\n")
    case.write("a.up", "LOUD\n")
    case.commit()
    case.prepare()
    equal(run(DRIVER, "export", str(case.guest), "", "0").stderr, b"")
    case.write("a.up", "GUEST\n", where=case.guest)
    check(b"a.up is not in the patch" in run(DRIVER, "export", str(case.guest), "", "0").stderr)
    case.write("a.up", "HOST\n")
    case.commit()
    check(b"a.up" in sync(case, status=74).stderr)
    equal((case.guest / "a.up").read_text(), "GUEST\n")


def test_several_signals_at_once(case):
    """As an agent sends them whose client is gone: what was unpacked goes all the same."""
    case.init()
    case.write("a", os.urandom(200_000))
    case.commit()
    archive = case.pack().stdout
    for _ in range(5):
        process = subprocess.Popen([DRIVER, "prepare", str(case.guest), "", "", "1"], stdin=subprocess.PIPE, start_new_session=True)
        process.stdin.write(archive[:len(archive) // 2])
        process.stdin.flush()
        while not (case.guest.parent.exists() and os.listdir(case.guest.parent)):
            check(process.poll() is None, "it ended by itself")
        os.kill(process.pid, signal.SIGSTOP)
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGCONT):
            os.killpg(process.pid, number)
        equal(process.wait(), 130)
        process.stdin.close()
        equal(os.listdir(case.guest.parent), [])
