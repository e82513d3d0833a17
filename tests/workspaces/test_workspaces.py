"""What goes along, what it becomes, and how it comes back."""

import os
import shutil

from case import DRIVER, check, equal, git, run

FILTER = ("[filter \"shout\"]\n\tclean = tr A-Z a-z\n\tsmudge = tr a-z A-Z\n")


def test_names_modes_and_changes(case):
    case.init()
    names = [b"plain", b"-dash", b"--", b"two words", b"new\nline", b'quo"te', b"tab\t", b"caf\xc3\xa9", b"\xff\xfe", b"back\\slash",
             b"a/b/c/deep", b"*", b"$HOME", b"'", b"~", b" lead", b"trail ", b"#", b"!x", b"con:colon"]
    for name in names:
        case.write(name, b"content of " + name)
    case.write("empty", b"")
    case.write("program", b"#!/bin/sh\n", 0o755)
    case.write("private", b"s", 0o600)
    case.write("shared", b"s", 0o664)
    case.write("odd-program", b"s", 0o700)
    case.write("binary", bytes(range(256)) * 100)
    os.symlink("plain", case.repo / "link")
    os.symlink("../nowhere", case.repo / "a" / "dangling")
    for name in ("gone", "staged-gone", "changed", "mode", "to-link", "staged", "both", "folder-later"):
        case.write(name, name)
    head = case.commit()
    os.remove(case.repo / "gone")
    git(case.repo, "rm", "-q", "staged-gone")
    case.write("changed", b"other\0bytes")
    os.chmod(case.repo / "mode", 0o755)
    os.remove(case.repo / "to-link")
    os.symlink("plain", case.repo / "to-link")
    case.write("staged", b"staged")
    git(case.repo, "add", "staged")
    case.write("both", b"staged")
    git(case.repo, "add", "both")
    case.write("both", b"and then changed")
    case.write(b"new-\xff", b"new")
    git(case.repo, "add", b"new-\xff")
    case.write("intended", b"later")
    git(case.repo, "add", "-N", "intended")
    os.remove(case.repo / "folder-later")
    case.write("folder-later/now", b"x")
    case.write("untracked", b"secret")
    case.prepare()
    case.same_status()
    every = names + [b"empty", b"program", b"private", b"shared", b"odd-program", b"binary", b"link", b"a/dangling", b"changed",
                     b"mode", b"to-link", b"staged", b"both", b"new-\xff", b"intended"]
    case.same_files(every)
    check(not (case.guest / "untracked").exists() and not (case.guest / "gone").exists())
    equal(git(case.guest, "config", "user.name"), b"Ada\n")
    case.export_equals(head)


def test_modes_of_another_umask(case):
    case.init()
    for i in range(5):
        case.write(f"f{i}", mode=0o664)
    case.write("program", mode=0o775)
    case.write("other", mode=0o644)
    case.commit()
    case.prepare()
    case.same_files(["f0", "f4", "program", "other"])


def test_untracked_files(case):
    case.init()
    case.write(".gitignore", "*.o\n")
    case.write("a")
    case.commit()
    case.write(b"-new\n\xff", b"n", 0o600)
    case.write("deep/er/new")
    case.write("x.o")
    os.symlink("/etc/passwd", case.repo / "link")
    case.prepare("untracked")
    case.same_status(untracked=True)
    case.same_files([b"-new\n\xff", "deep/er/new", "link"])
    check(not (case.guest / "x.o").exists())


def test_rules_of_the_user(case):
    """What the user's own configuration ignores, and which attributes it gives, hold in the guest."""
    (case.home / ".config/git").mkdir(parents=True)
    (case.home / ".config/git/ignore").write_text("*.swp\n")
    git(case.root, "config", "--global", "core.attributesFile", str(case.home / "attributes"))
    (case.home / "attributes").write_text("*.crlf text eol=crlf\n")
    case.init()
    case.write("x.crlf", b"a\r\nb\r\n")
    case.write("y", b"a\r\nb\n")
    case.commit()
    (case.repo / ".git/info/exclude").write_text("*.tmp\n")
    for name in ("a.swp", "a.tmp", "a.other"):
        case.write(name)
    case.prepare("untracked")
    os.environ["XDG_CONFIG_HOME"] = str(case.root / "other-home")
    equal(case.status(case.guest), [b"", b"?? a.other"])
    case.same_files(["x.crlf", "y"])


def test_line_ends(case):
    git(case.root, "config", "--global", "core.autocrlf", "true")
    case.init()
    case.write("a.txt", b"one\r\ntwo\r\n")
    head = case.commit()
    case.write("b.txt", b"one\r\n")
    case.prepare("untracked")
    case.same_status(untracked=True)
    case.same_files(["a.txt", "b.txt"])
    case.export_equals(head)


def test_commits_of_the_guest_are_exported(case):
    case.init()
    case.write("a", "a\n")
    case.write("bin", bytes(range(256)))
    head = case.commit()
    case.write("a", "a\nmine\n")
    case.prepare()
    case.write("bin", bytes(reversed(range(256))), where=case.guest)
    git(case.guest, "commit", "-qam", "one")
    case.write(b"odd\n\xff name", b"\0", where=case.guest)
    case.write("program", b"x", 0o755, where=case.guest)
    os.symlink("a", case.guest / "link")
    git(case.guest, "add", "program")
    git(case.guest, "mv", "a", "moved")
    patch = case.export_equals(head)
    check(b"mine" in patch)
    since = case.export(since=True)
    git(case.repo, "apply", "--whitespace=nowarn", "-", stdin=since)
    equal(case.tree(case.repo), case.tree(case.guest))
    equal(case.export(base="HEAD", since=False).count(b"GIT binary patch"), 0 if b"bin" not in case.export(base="HEAD") else 1)
    equal(run(DRIVER, "export", str(case.guest), "f" * 40, "0", status=76).stdout, b"")


def test_merge_that_is_not_over(case):
    case.init()
    case.write("a", "base\n")
    case.write("b", "b\n")
    case.commit()
    git(case.repo, "checkout", "-qb", "side")
    case.write("a", "side\n")
    case.write("side-file")
    case.commit()
    git(case.repo, "checkout", "-q", "main")
    case.write("a", "main\n")
    case.commit()
    git(case.repo, "merge", "side", status=1)
    case.prepare()
    case.same_status()
    equal(git(case.guest, "rev-parse", "MERGE_HEAD"), git(case.repo, "rev-parse", "side"))
    case.write("a", "solved\n", where=case.guest)
    git(case.guest, "add", "a")
    git(case.guest, "commit", "-qm", "merged")
    equal(len(git(case.guest, "rev-list", "--parents", "-1", "HEAD").split()), 3)


def test_detached_head_and_tags(case):
    case.init()
    for i in range(5):
        case.write("a", str(i))
        case.commit()
    git(case.repo, "tag", "-a", "v1", "-m", "one", "HEAD~1")
    git(case.repo, "tag", "light")
    git(case.repo, "checkout", "-q", "--detach", "HEAD~1")
    case.prepare()
    case.same_status()
    equal(git(case.guest, "describe"), b"v1\n")
    equal(git(case.guest, "rev-parse", "HEAD"), git(case.repo, "rev-parse", "HEAD"))
    run("git", "symbolic-ref", "-q", "HEAD", cwd=case.guest, status=1)


def test_no_commit_yet(case):
    case.init()
    case.write("staged", b"s")
    git(case.repo, "add", "staged")
    case.write("staged", b"t")
    case.prepare()
    case.same_status()
    check(b"+t" in case.export())


def test_empty_repository(case):
    case.init()
    case.prepare()
    equal(case.status(case.guest), [b""])
    equal(case.export(), b"")


def test_shallow_history(case):
    case.init()
    for i in range(120):
        case.write("a", f"{i}\n" * 50)
        case.commit(f"number {i}")
    case.prepare()
    equal(git(case.guest, "rev-list", "--count", "HEAD"), b"50\n")
    equal(git(case.guest, "rev-parse", "--is-shallow-repository"), b"true\n")
    shutil.rmtree(case.guest)
    case.prepare("depth=3")
    equal(git(case.guest, "log", "--format=%s"), b"number 119\nnumber 118\nnumber 117\n")
    # A shallow clone of a shallow clone.
    shutil.rmtree(case.guest)
    git(case.root, "clone", "-q", "--depth", "2", f"file://{case.repo}", str(case.root / "shallow"))
    case.repo = case.root / "shallow"
    case.prepare("depth=10")
    equal(git(case.guest, "rev-list", "--count", "HEAD"), b"2\n")
    case.same_status()


def test_history_that_costs_much_stays(case):
    case.init()
    for i in range(30):
        case.write("big", os.urandom(1 << 20))
        case.commit()
    case.write("big", b"small")
    case.commit()
    case.prepare()
    equal(git(case.guest, "rev-list", "--count", "HEAD"), b"1\n")
    check(case.archive_bytes < 200_000, case.archive_bytes)


def test_branches(case):
    case.init()
    case.write("a", "one\n")
    first = case.commit()
    case.write("a", "two\n")
    case.commit()
    case.write("b", "changed\n")
    git(case.repo, "add", "b")
    case.prepare(branch="work")
    equal(git(case.guest, "branch", "--show-current"), b"work\n")
    case.same_status()
    shutil.rmtree(case.guest)
    case.prepare("from=HEAD~1", branch="old", origin="x")
    equal(git(case.guest, "rev-parse", "HEAD").decode().strip(), first)
    case.same_status()
    case.export_equals(first)
    shutil.rmtree(case.guest)
    case.write("a", "three\n")  # differs between the commits: git must not lose it
    done = case.prepare("from=HEAD~1", branch="old", origin="x", status=75)
    check(done.stderr and not case.guest.exists(), done)
    check(b"no such commit" in case.pack("from=nothing", status=1).stderr)


def test_linked_work_tree(case):
    case.init()
    case.write("a")
    case.commit()
    git(case.repo, "worktree", "add", "-q", "-b", "side", str(case.root / "linked"))
    main = case.repo
    case.repo = case.root / "linked"
    case.write("a", "changed\n")
    case.prepare()
    case.same_status()
    equal(git(case.guest, "branch", "--show-current"), b"side\n")
    shutil.rmtree(case.guest)
    case.write("new")
    case.prepare("full-copy")
    case.same_status(untracked=True)
    check((case.guest / ".git").is_dir())
    git(main, "fsck")


def test_sparse_checkout(case):
    case.init()
    for name in ("in/a", "out/b", "top"):
        case.write(name)
    head = case.commit()
    for arguments in (["--cone", "in"], ["--no-cone", "/in/*"], ["--cone", "--sparse-index", "in"]):
        git(case.repo, "sparse-checkout", "set", *arguments)
        case.write("in/a", "changed\n")
        shutil.rmtree(case.guest, ignore_errors=True)
        case.prepare()
        case.same_status()
        check(not (case.guest / "out").exists())
        case.export_equals(head)


def test_split_index_and_untracked_cache(case):
    case.init()
    for i in range(50):
        case.write(f"f{i}")
    case.commit()
    git(case.repo, "config", "core.splitIndex", "true")
    git(case.repo, "config", "core.untrackedCache", "true")
    git(case.repo, "update-index", "--split-index", "--untracked-cache")
    case.write("f1", "changed\n")
    git(case.repo, "add", "f1")
    case.prepare()
    case.same_status()


def test_filters(case):
    """A filter of the host, as Git LFS is one, makes what is in the work tree; the guest has no such filter."""
    case.init()
    with open(case.repo / ".git/config", "a") as file:
        file.write(FILTER)
    case.write(".gitattributes", "*.up filter=shout\n")
    case.write("a.up", b"LOUD\n")
    case.write("b.up", b"OTHER\n")
    case.commit()
    case.write("b.up", b"CHANGED\n")
    equal(git(case.repo, "show", "HEAD:a.up"), b"loud\n")
    case.prepare()
    equal((case.guest / "a.up").read_bytes(), b"LOUD\n")
    case.same_status()


def test_pointers_of_lfs(case):
    case.init()
    case.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    case.write("a.bin", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n")
    head = case.commit()
    case.prepare()
    case.same_status()
    case.same_files(["a.bin"])
    case.export_equals(head)


def test_submodules(case):
    other = case.root / "other"
    git(case.root, "init", "-q", str(other))
    case.write("inner", where=other)
    git(other, "add", "-A")
    git(other, "commit", "-qm", "inner")
    case.init()
    case.write("a")
    case.commit()
    git(case.repo, "submodule", "add", "-q", str(other), "sub")
    git(case.repo, "config", "submodule.sub.url", "https://me:secret@example.org/sub")
    case.commit()
    case.prepare()
    equal(case.status(case.guest), [b""])
    check("submodule 'sub' stays empty" in case.said, case.said)
    shutil.rmtree(case.guest)
    case.write("sub/inner", "changed\n")
    case.prepare("full-copy")
    case.same_status(untracked=True)
    equal((case.guest / "sub/inner").read_bytes(), b"changed\n")
    equal(git(case.guest / "sub", "status", "--porcelain"), b" M inner\n")
    run("grep", "-r", "secret", str(case.guest), status=1)


def test_full_copy(case):
    case.init()
    case.write(".gitignore", "*.o\n")
    for i in range(20):
        case.write("a", str(i))
        case.commit()
    git(case.repo, "branch", "other", "HEAD~3")
    case.write("x.o")
    case.write("untracked", b"u", 0o640)
    with open(case.repo / "sparse", "wb") as file:
        file.truncate(64 << 20)
    (case.repo / "folder/empty").mkdir(parents=True)
    git(case.repo, "remote", "add", "origin", "https://token@example.org/x.git")
    git(case.repo, "config", "http.extraHeader", "Authorization: secret")
    git(case.repo, "config", "credential.helper", "store")
    case.prepare("full-copy")
    case.same_status(untracked=True)
    case.same_files(["x.o", "untracked", "a", "folder/empty", "sparse"])
    check(os.stat(case.guest / "sparse").st_blocks < 1000)
    equal(git(case.guest, "rev-list", "--count", "HEAD"), b"20\n")
    git(case.guest, "rev-parse", "other")
    equal(git(case.guest, "remote", "get-url", "origin"), b"https://example.org/x.git\n")
    text = (case.guest / ".git/config").read_text()
    check("secret" not in text and "credential" not in text and "token" not in text, text)


def test_full_copy_that_borrows_objects(case):
    case.init()
    case.write("a")
    case.commit()
    git(case.root, "clone", "-q", "--shared", str(case.repo), str(case.root / "borrower"))
    case.repo = case.root / "borrower"
    case.write("a", "changed\n")
    case.prepare("full-copy")
    shutil.rmtree(case.root / "repo")
    git(case.guest, "fsck")
    equal(case.status(case.guest), [b"", b" M a"])


def test_folder_without_repository(case):
    case.repo.mkdir()
    case.write("a/b", b"x", 0o751)
    os.mkfifo(case.repo / "pipe")
    case.prepare("full-copy", "plain")
    case.same_files(["a/b", "pipe"])
    shutil.rmtree(case.guest)
    check(b"is in no git repository" in case.pack(status=1).stderr)


def test_credentials_stay(case):
    case.init()
    case.write("a")
    case.commit()
    for name, url in (("origin", "https://user:secret@example.org/r.git"), ("token", "https://secret@example.org/r.git"),
                      ("ssh", "ssh://git@example.org/r.git"), ("scp", "git@example.org:r.git")):
        git(case.repo, "remote", "add", name, url)
    git(case.repo, "config", "http.https://example.org.extraHeader", "Authorization: secret")
    git(case.repo, "config", "credential.helper", "!echo password=secret")
    git(case.repo, "config", "core.sshCommand", "ssh -i secret")
    git(case.root, "config", "--global", "github.token", "secret")
    case.prepare()
    equal(git(case.guest, "remote", "get-url", "origin"), b"https://example.org/r.git\n")
    equal(git(case.guest, "remote", "get-url", "ssh"), b"ssh://git@example.org/r.git\n")
    equal(git(case.guest, "remote", "get-url", "scp"), b"git@example.org:r.git\n")
    run("grep", "-r", "secret", str(case.guest), status=1)


def test_what_is_refused(case):
    git(case.root, "init", "-q", "--bare", str(case.root / "bare.git"))
    check(b"bare repository" in case.pack(path=case.root / "bare.git", status=1).stderr)
    check(b"not_found" in case.pack(path=case.root / "nothing", status=1).stderr)
    case.init()
    case.write("a")
    case.commit()
    check(b"it is no folder" in case.pack(path=case.repo / "a", status=1).stderr)
    case.guest.mkdir(parents=True)
    case.write("there", where=case.guest)
    done = case.prepare(status=72)
    check(b"is there already" in done.stderr, done)
    equal(os.listdir(case.guest), ["there"])


def test_broken_off(case):
    """An archive that ends too early leaves nothing."""
    case.init()
    case.write("a", os.urandom(100_000))
    case.commit()
    archive = case.pack().stdout
    for size in (0, 10, 600, 5000, len(archive) // 2):
        run(DRIVER, "prepare", str(case.guest), "", "", "1", stdin=archive[:size], status=None)
        check(not case.guest.exists(), size)
        equal(os.listdir(case.guest.parent), [], size)


def test_in_a_subfolder(case):
    case.init()
    case.write("deep/er/a")
    case.write("b")
    case.commit()
    case.write("b", "changed\n")
    case.prepare(path=case.repo / "deep" / "er")
    case.same_status()
    case.same_files(["b", "deep/er/a"])


def test_sync_to_guest(case):
    case.init()
    for name in ("same", "changed", "gone/deep", "mode", "file-then-folder", "folder-then-file/x"):
        case.write(name, name)
    case.write(".gitignore", "*.o\n")
    case.commit()
    case.prepare()
    case.write("build.o", b"built", where=case.guest)
    same = os.stat(case.guest / "same")
    case.write("changed", "new\n")
    git(case.repo, "rm", "-rq", "gone", "file-then-folder", "folder-then-file")
    os.chmod(case.repo / "mode", 0o755)
    case.write("file-then-folder/y")
    case.write("folder-then-file")
    case.write(b"odd\n\xff")
    case.commit("next")
    case.write("changed", "newer\n")
    done = run(DRIVER, "stage", str(case.guest), "0", stdin=case.pack().stdout)
    equal(set(done.stdout.split(b"\0")[1::2]), {b"changed", b"gone/deep", b"mode", b"file-then-folder", b"file-then-folder/y",
                                                b"folder-then-file/x", b"folder-then-file", b"odd\n\xff"})
    equal((case.guest / "changed").read_bytes(), b"changed")  # not yet
    run(DRIVER, "apply", str(case.guest))
    case.same_status()
    case.same_files(["changed", "mode", "file-then-folder/y", "folder-then-file", b"odd\n\xff"])
    check(not (case.guest / "gone").exists() and (case.guest / "build.o").exists())
    after = os.stat(case.guest / "same")
    equal((after.st_mtime_ns, after.st_ino), (same.st_mtime_ns, same.st_ino), "a file that is the same was touched")
    equal(run(DRIVER, "status", str(case.guest)).stdout.split(b"\0")[4:], [b""])
    git(case.guest, "fsck")
    # What was changed in the guest is not overwritten unless that is wanted.
    case.write("changed", "guest\n", where=case.guest)
    done = run(DRIVER, "stage", str(case.guest), "0", stdin=case.pack().stdout, status=74)
    check(b"changed" in done.stderr, done)
    run(DRIVER, "stage", str(case.guest), "1", stdin=case.pack().stdout)
    run(DRIVER, "drop", str(case.guest))
    equal((case.guest / "changed").read_bytes(), b"guest\n")
    run(DRIVER, "stage", str(case.guest), "1", stdin=case.pack().stdout)
    run(DRIVER, "apply", str(case.guest))
    case.same_status()


def test_list_and_status(case):
    case.init()
    case.write("a")
    head = case.commit()
    case.prepare()
    equal(run(DRIVER, "list").stdout, os.fsencode(case.guest) + b"\0")
    case.write("a", "changed\n", where=case.guest)
    git(case.guest, "commit", "-qam", "one")
    case.write(b"odd\n", where=case.guest)
    parts = run(DRIVER, "status", str(case.guest)).stdout.split(b"\0")
    equal(parts[2:], [b"refs/heads/main", b"1", b"M", b"a", b"A", b"odd\n", b""])
    check(parts[1].decode() != head)
    shutil.rmtree(case.guest)
    equal(run(DRIVER, "list").stdout, b"")
    equal(run(DRIVER, "status", str(case.guest), status=73).stdout, b"")
