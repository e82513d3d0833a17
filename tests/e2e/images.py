"""The image that guests of these tests boot from: built once, then linked into every sandbox."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SOURCE_ROOT = Path(__file__).resolve().parents[2]
BUILD_SECONDS = 900


def build_dir():
    """The folder of the executables under test."""
    return Path(os.environ.get("BANGER_BUILD", SOURCE_ROOT / "build")).resolve()


def cache_key(build, recipe="images/recipes/debian.toml"):
    """Changes with all that goes into an image, but for the packages of the distribution."""
    parts = sorted(p for p in (build / "guest").iterdir() if p.is_file() and os.access(p, os.X_OK))
    parts += [SOURCE_ROOT / recipe, SOURCE_ROOT / "images/root_tree.cpp"]
    digest = hashlib.sha256()
    for path in parts:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def has_image(images, name="debian"):
    return (images / name / "current" / "manifest.json").is_file()


def find_host_image():
    """The same of an image in which a guest can be a host: tests/e2e/debian-host.toml."""
    return find_cached("debian-host", "tests/e2e/debian-host.toml")


def find_images():
    """A folder with `debian/<build>/` and `debian/current` in it. Builds the image where need be;
    of processes that race, one builds it and the others wait."""
    given = os.environ.get("BANGER_TEST_IMAGES")
    if given:
        if not has_image(Path(given)):
            raise RuntimeError(f"BANGER_TEST_IMAGES has no debian image: {given}")
        return Path(given)
    return find_cached("debian", "images/recipes/debian.toml")


def find_cached(name, recipe):
    build = build_dir()
    root = Path(os.environ.get("BANGER_TEST_CACHE", Path.home() / ".cache/banger-tests/images"))
    wanted = root / cache_key(build, recipe)
    if has_image(wanted, name):
        return wanted
    root.mkdir(parents=True, exist_ok=True)
    with open(root / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not has_image(wanted, name):
            build_image(build, wanted, name, recipe)
    return wanted


def build_image(build, into, name, recipe):
    """Runs the image builder itself: no daemon is needed for it."""
    partial = into.with_name(into.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    command = [build / "banger-image", "build", "--name", name]
    command += ["--recipe", SOURCE_ROOT / recipe]
    command += ["--images-dir", partial, "--guest-dir", build / "guest"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=BUILD_SECONDS)
    if done.returncode != 0:
        tail = (done.stdout + done.stderr)[-2000:].decode(errors="replace")
        raise RuntimeError(f"the test image could not be built:\n{tail}")
    shutil.rmtree(into, ignore_errors=True)
    partial.rename(into)


def link_image(images, into, image="debian"):
    """Gives a sandbox the image. Its files are read only backing files: links will do."""
    source = images / image
    name = os.readlink(source / "current")
    target = into / image / name
    target.mkdir(parents=True)
    for path in (source / name).iterdir():
        try:
            os.link(path, target / path.name)
        except OSError:  # another file system
            os.symlink(path.resolve(), target / path.name)
    os.symlink(name, into / image / "current")
