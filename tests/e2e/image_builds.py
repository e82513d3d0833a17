"""What the tests of image builds that do not end well share."""

from harness import equal, poll
from images import SOURCE_ROOT


def recipe(box):
    """The real one under another name."""
    path = box.dir / "own.toml"
    if not path.exists():
        path.write_bytes((SOURCE_ROOT / "images/recipes/debian.toml").read_bytes())
    return str(path)


def no_build_is_left(box, seconds):
    poll("the build's processes end",
         lambda: not [x for x in box.processes().values() if "bangerd" not in x], seconds)
    equal(box.ok("image", "list", "-q").text, "debian\n")
    equal([x.name for x in box.images.iterdir()], ["debian"])
