"""A repository and the workspaces of it, and what all tests of them check."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

DRIVER = sys.argv[1]

def run(*args, cwd=None, stdin=b"", env=None, status=0):
    done = subprocess.run(args, cwd=cwd, input=stdin, capture_output=True, env=env or os.environ)
    if status is not None and done.returncode != status:
        raise AssertionError(f"{args} ended with {done.returncode}, not {status}:\n{done.stderr.decode(errors='replace')}")
    return done


def git(where, *args, **how):
    return run("git", *args, cwd=where, **how).stdout


def equal(got, wanted, *what):
    if got != wanted:
        raise AssertionError(f"got\n{got!r}\nwanted\n{wanted!r}", *what)


def check(is_true, *what):
    if not is_true:
        raise AssertionError(*what)


def print_of(folder, skip=()):
    """All that is in a folder: names, modes, contents."""
    digest = hashlib.sha256()
    for root, folders, files in os.walk(os.fsencode(folder)):
        folders.sort()
        for name in sorted(files + folders):
            path = os.path.join(root, name)
            info = os.lstat(path)
            relative = os.path.relpath(path, os.fsencode(folder))
            if any(relative.startswith(x) for x in skip):
                continue
            digest.update(relative + b"\0" + oct(info.st_mode).encode())
            if os.path.islink(path):
                digest.update(os.readlink(path))
            elif os.path.isfile(path):
                digest.update(Path(os.fsdecode(path)).read_bytes())
    return digest.hexdigest()


class Case:
    """A repository and the place where its workspaces go."""

    def __init__(self, root):
        self.root = root
        self.home = root / "home"
        self.home.mkdir()
        os.environ["HOME"] = str(self.home)
        os.environ["XDG_CONFIG_HOME"] = str(self.home / ".config")
        os.environ["BANGER_WORKSPACES"] = str(root / "registry")
        for name in list(os.environ):
            if name.startswith("GIT_"):
                del os.environ[name]
        git(root, "config", "--global", "user.name", "Ada")
        git(root, "config", "--global", "user.email", "ada@example.org")
        git(root, "config", "--global", "init.defaultBranch", "main")
        git(root, "config", "--global", "protocol.file.allow", "always")
        self.repo = root / "repo"
        self.guest = root / "guest" / "repo"

    def init(self):
        git(self.root, "init", "-q", str(self.repo))
        return self.repo

    def write(self, name, content=b"x\n", mode=None, where=None):
        path = os.path.join(os.fsencode(where or self.repo), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        if mode is not None:
            os.chmod(path, mode)

    def commit(self, text="a commit"):
        git(self.repo, "add", "-A")
        git(self.repo, "commit", "-qm", text)
        return git(self.repo, "rev-parse", "HEAD").decode().strip()

    def pack(self, *words, path=None, status=0):
        before = print_of(self.repo) if self.repo.exists() else ""
        done = run(DRIVER, "pack", str(path or self.repo), str(self.root / "cache"), *words, status=status)
        if self.repo.exists():
            equal(print_of(self.repo), before, "the repository was changed")
        equal(sorted(os.listdir(self.root / "cache")) if (self.root / "cache").exists() else [], [], "left behind")
        return done

    def prepare(self, *words, branch="", origin="", path=None, status=0):
        packed = self.pack(*words, path=path)
        facts = dict(word.split("=", 1) for word in packed.stderr.decode().split("\n")[0].split())
        is_repository = "0" if "plain" in words else "1"
        done = run(DRIVER, "prepare", str(self.guest), branch, facts["from"] if origin else "", is_repository,
                   stdin=packed.stdout, status=status)
        self.said = packed.stderr.decode()
        self.archive_bytes = len(packed.stdout)
        equal([x for x in os.listdir(self.guest.parent) if x != "repo"], [], "left behind")
        return done

    def status(self, where):
        return sorted(git(where, "status", "--porcelain", "-z").split(b"\0"))

    def same_status(self, untracked=False):
        here = [x for x in self.status(self.repo) if untracked or not x.startswith(b"??")]
        equal(self.status(self.guest), here)
        git(self.guest, "fsck", "--no-dangling")

    def same_files(self, names):
        for name in names:
            a, b = (os.path.join(os.fsencode(x), os.fsencode(name)) for x in (self.repo, self.guest))
            equal(oct(os.lstat(b).st_mode), oct(os.lstat(a).st_mode), name)
            if os.path.islink(a):
                equal(os.readlink(b), os.readlink(a), name)
            elif os.path.isfile(a):
                equal(open(b, "rb").read(), open(a, "rb").read(), name)

    def export(self, base="", since=False, **how):
        before = print_of(self.guest)
        patch = run(DRIVER, "export", str(self.guest), base, "1" if since else "0", **how)
        equal(print_of(self.guest), before, "export changed the workspace")
        return patch.stdout

    def tree(self, where, *add):
        index = self.root / "index"
        shutil.copy2(git(where, "rev-parse", "--path-format=absolute", "--git-path", "index").decode().strip(), index)
        env = dict(os.environ, GIT_INDEX_FILE=str(index))
        git(where, "add", "--sparse", "-A", *add, env=env)
        return git(where, "write-tree", env=env)

    def export_equals(self, base):
        """A clean clone at the base and the patch make what is in the workspace."""
        patch = self.export()
        clean = self.root / "clean"
        shutil.rmtree(clean, ignore_errors=True)
        git(self.root, "clone", "-q", "--no-checkout", str(self.repo), str(clean))
        git(clean, "checkout", "-q", "--detach", base)
        if patch:
            git(clean, "apply", "--whitespace=nowarn", "-", stdin=patch)
        equal(self.tree(clean), self.tree(self.guest))
        return patch
