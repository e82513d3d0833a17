#!/usr/bin/env python3
"""Makes repositories of all kinds, and workspaces of them, with the host's git on both sides and no guest between.

  run.py DRIVER [WORD...]     only tests whose name has one of the words

In every test the repository on the host is the same before and after, to the byte."""

import os
import sys
import tempfile
import traceback
from pathlib import Path

import test_edges
import test_workspaces
from case import Case


def main():
    words = sys.argv[2:]
    failed = 0
    os.umask(0o022)
    for name, test in [(n, t) for n, t in [*vars(test_workspaces).items(), *vars(test_edges).items()] if n.startswith("test_")]:
        if words and not any(word in name for word in words):
            continue
        with tempfile.TemporaryDirectory(prefix="banger-workspaces-") as folder:
            kept = dict(os.environ)
            try:
                test(Case(Path(folder)))
                print(f"ok    {name[5:]}")
            except Exception:
                failed += 1
                print(f"FAIL  {name[5:]}")
                traceback.print_exc(limit=-3)
            finally:
                os.environ.clear()
                os.environ.update(kept)
    print("all passed" if failed == 0 else f"{failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
