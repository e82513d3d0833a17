#!/usr/bin/env python3
"""Runs the system tests: every function test_* of every test_*.py beside this file, each in a
process and a sandbox of its own.

  run.py [-j N] [-v] [--list] [WORD...]     only tests whose name has one of the words; -v: with
                                            what they print, such as tables

Environment: BANGER_BUILD (folder of the executables), BANGER_TEST_IMAGES (folder with a built
image), BANGER_TEST_CACHE (where to keep one that is built), BANGER_E2E_SLOW=1 (slow tests too),
BANGER_E2E_KEEP=1 (leave the sandboxes), BANGER_E2E_PATIENCE=N (N times the usual limits, for a slow
host or build), BANGER_E2E_NETNS=1 (each test in a network of its own, as root; there is no way out
of it, so tests that need one are skipped)."""

import argparse
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import harness  # noqa: E402
import images  # noqa: E402

JOBS = (os.cpu_count() or 1) + 1  # they wait half of their time
DEFAULT_LIMIT = 120  # seconds; software emulation on a loaded host is slow
CLOSE_LIMIT = 90
running = set()  # processes of tests
is_ending = threading.Event()
SKIPPED = 77


def all_tests():
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, value in vars(module).items():
            if name.startswith("test_") and callable(value):
                yield f"{path.stem[5:]}.{name[5:]}", value


def limit_of(test):
    return int(getattr(test, "limit_seconds", DEFAULT_LIMIT) * harness.PATIENCE)


def out_of_time(*_):
    for once in (signal.SIGALRM, signal.SIGTERM):  # a second one must not end the clean-up
        signal.signal(once, signal.SIG_IGN)
    raise TimeoutError("the test took longer than its limit")


def run_here(test):
    """In the test's own process."""
    reason = getattr(test, "slow_reason", "")
    if reason and not os.environ.get("BANGER_E2E_SLOW"):
        print(f"slow, set BANGER_E2E_SLOW=1 to run it: {reason}")
        return SKIPPED
    if os.environ.get("BANGER_E2E_NETNS"):
        harness.enter_own_network()
    # A shell's & has the first two ignored, and nohup the third: what we start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for once in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(once, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, out_of_time)
    signal.signal(signal.SIGTERM, out_of_time)
    try:
        with harness.Sandbox() as box:
            signal.alarm(limit_of(test))
            try:
                test(box)
            finally:
                signal.alarm(0)
    except harness.Skip as why:
        print(why)
        return SKIPPED
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def run_apart(name, test):
    """Runs one test as a process. Returns (name, status, seconds, what it printed)."""
    if is_ending.is_set():
        return name, SKIPPED, 0.0, "the run was ended"
    since = time.monotonic()
    command = [sys.executable, "-B", __file__, "--one", name]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        running.add(process)
        try:
            text, _ = process.communicate(timeout=limit_of(test) + CLOSE_LIMIT * harness.PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            text, _ = process.communicate()
            text += b"\nthe test and its clean-up hung\n"
        running.discard(process)
    return name, process.returncode, time.monotonic() - since, text.decode(errors="replace")


def end_all(*_):
    """Each test that runs cleans up after itself; those that wait for their turn are not begun."""
    is_ending.set()
    for process in list(running):
        process.terminate()


def report(outcome, is_verbose=False):
    name, status, seconds, text = outcome
    word = {0: "ok", SKIPPED: "skip"}.get(status, "FAIL")
    reason = ": " + text.strip().splitlines()[-1] if status == SKIPPED and text.strip() else ""
    print(f"{word:4} {name} ({seconds:.1f} s){reason}", flush=True)
    if word == "FAIL" or (is_verbose and word == "ok"):
        print("\n".join("     " + line for line in text.splitlines()), flush=True)
    return word


def main():
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-j", type=int, default=JOBS, help=f"how many at a time ({JOBS} here)")
    options.add_argument("--list", action="store_true")
    options.add_argument("-v", action="store_true", help="show what tests print that pass")
    options.add_argument("--one", help=argparse.SUPPRESS)
    options.add_argument("words", nargs="*")
    how = options.parse_args()
    tests = dict(all_tests())
    if how.one:
        return run_here(tests[how.one])
    chosen = {n: t for n, t in tests.items() if not how.words or any(w in n for w in how.words)}
    if how.list:
        print("\n".join(chosen))
        return 0
    signal.signal(signal.SIGTERM, end_all)
    images.find_images()  # once, before anybody waits for it
    # The longest first: then both processors are busy to the end.
    order = sorted(chosen, key=lambda name: -limit_of(chosen[name]))
    words, second_try, outcomes = [], [], {}
    for name in [x for x in order if getattr(chosen[x], "is_alone", False)]:
        outcomes[name] = report(run_apart(name, chosen[name]), how.v)
    with ThreadPoolExecutor(how.j) as pool:
        others = {n: pool.submit(lambda n=n: report(run_apart(n, chosen[n]), how.v))
                  for n in order if n not in outcomes}
    outcomes.update({n: x.result() for n, x in others.items()})
    for name, word in outcomes.items():
        # An emulated guest can starve beside another one: once more, alone; then it counts.
        if word == "FAIL" and not is_ending.is_set():
            print(f"again, alone: {name}", flush=True)
            word = report(run_apart(name, chosen[name]), how.v)
            second_try += [name] if word == "ok" else []
        words.append(word)
    if second_try:
        print(f"passed only when tried again, so look into them: {', '.join(second_try)}")
    if "skip" in words:
        print(f"{words.count('skip')} skipped")
    print(f"{words.count('ok')} passed, {words.count('FAIL')} failed")
    is_good = "ok" in words and "FAIL" not in words and not is_ending.is_set()
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
