#!/usr/bin/env python3
"""Points at actor smells in C++ text. Usage: actor_rules.py DIR...   Exits 1 where any is found.

What blocks lives in files named *_blocking.cpp, whose actors are detached, or outside of actors/.
"""
import pathlib
import re
import sys

RULES = [  # (name, pattern, what to do instead)
    ("blocks",
     r"\b(sleep_for|sleep_until|usleep|nanosleep|popen|(?<!->)system|waitpid|flock|fsync|fdatasync|poll|select)\s*\("
     r"|\.receive\s*\(|\bscoped_actor\b|\bfunction_view\b|_blocking\s*\(",
     "move it to a detached actor in a *_blocking.cpp file"),
    ("infinite", r"\bcaf::infinite\b", "name a deadline in core/deadlines.hpp"),
    ("await", r"\)\s*\.await\s*\(", "use .then and a response promise"),
    ("shared",
     r"\bstd::(mutex|shared_mutex|recursive_mutex|atomic|condition_variable)\b|\bthread_local\b"
     r"|shared_ptr<(?!const\b|ssh::sink\b)",
     "send a message"),
    ("captures", r"\[\s*=|\[\s*this\b|\.then\s*\(\s*\[[^\]]*&", "list what the lambda keeps, by value"),
    ("untyped", r"\bcaf::actor\b(?!_)|\bcaf::message\b|\bcaf::event_based_actor\b",
     "use the typed handle from protocol/actors.hpp"),
    ("anonymous", r"\banon_send\s*\(", "send from an actor that handles the error"),
    ("throws", r"\bthrow\b", "return a failure"),
]
# The SSH thread is no actor: what it reports can only be sent anonymously.
# One message for many receivers is only to be had untyped.
ALLOWED = {("ssh_sink.cpp", "anonymous"), ("shared_output.hpp", "untyped"), ("shared_output.cpp", "untyped")}


def strip(text: str) -> str:
    """Drops comments and the bodies of strings; keeps line numbers."""
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"',
                  lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def one_armed_thens(text: str):
    """Yields each `.then(f)` without an error handler: CAF quits the actor on any failure there."""
    for match in re.finditer(r"\.then\s*\(", text):
        depth, commas = 1, 0
        for char in text[match.end():]:
            depth += (char in "([{") - (char in ")]}")
            commas += char == "," and depth == 1
            if depth == 0:
                break
        if commas == 0:
            yield match.start()


def main() -> int:
    found = 0
    for root in sys.argv[1:]:
        for path in sorted(p for p in pathlib.Path(root).rglob("*") if p.suffix in {".hpp", ".cpp"}):
            text = strip(path.read_text(errors="replace"))
            hits = [(m.start(), name, advice) for name, pattern, advice in RULES
                    for m in re.finditer(pattern, text)
                    if not (name == "blocks" and path.stem.endswith("_blocking"))
                    and (path.name, name) not in ALLOWED]
            hits += [(at, "one-armed", "handle the error too") for at in one_armed_thens(text)]
            for at, name, advice in sorted(hits):
                print(f"{path}:{text.count(chr(10), 0, at) + 1}: {name}: {advice}")
                found += 1
    print(f"{found} findings")
    return found > 0


if __name__ == "__main__":
    sys.exit(main())
