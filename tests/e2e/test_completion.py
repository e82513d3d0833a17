"""Completion of command lines, as real shells ask for it."""

import shutil
import time

from harness import BANGER, Skip, check, equal

# What bash does when somebody presses Tab at the end of LINE, and what its function gave.
BASH = r"""
source <("$1" completion bash)
tab() {
  COMP_LINE=$1 COMP_POINT=${2:-${#1}} COMP_WORDS=() COMP_CWORD=-1
  local rest=${1:0:COMP_POINT}
  # as readline takes a line apart (COMP_WORDBREAKS)
  while [[ $rest =~ ^[[:space:]]*(=|[^[:space:]=]+)(.*)$ ]]; do
    COMP_WORDS+=("${BASH_REMATCH[1]}"); rest=${BASH_REMATCH[2]}; ((COMP_CWORD += 1))
  done
  [[ $1 == *' ' ]] && { COMP_WORDS+=(""); ((COMP_CWORD += 1)); }
  $FUNCTION "$PROGRAM" "" ""
  printf '%s ' "${COMPREPLY[@]}"; echo
}
FUNCTION=$(complete -p banger | sed 's/.*-F \([^ ]*\).*/\1/') PROGRAM=$1
shift
for line; do tab "$line"; done
"""


def bash(box, *lines):
    done = box.run_program("bash", "-c", BASH, "bash", str(BANGER), *lines)
    equal((done.status, done.err), (0, b""), done)
    return [sorted(x.split()) for x in done.text.splitlines()]


def hidden(box, *words):
    """What a shell's script is told: {text: about}."""
    done = box.ok("__complete", "--", *words)
    equal(done.err, b"")
    return dict((line.split("\t") + [""])[:2] for line in done.text.splitlines())


def world(box):
    for name in ("alpha", "beta"):
        box.ok("vm", "create", "--name", name, "--disk", "256M")
    box.ok("vm", "start", "beta")
    box.ok("session", "start", "beta", "--name", "job", "--", "sleep", "1000")
    box.ok("session", "start", "beta", "--name", "jump", "--", "sleep", "1000")


def test_no_daemon_is_started_and_nothing_is_said(box):
    equal(hidden(box, "vm", "start", ""), {})
    equal(hidden(box, "session", "attach", ""), {})
    check("start" in hidden(box, "vm", ""))
    equal(hidden(box, "no", "such", "command", ""), {})
    equal(hidden(box, "vm", "start", "\xff\n\t"), {})
    equal(box.processes("bangerd"), {})
    box.runtime.chmod(0o755)
    done = box.run("__complete", "--", "vm", "start", "", env={"XDG_RUNTIME_DIR": "relative", "HOME": None})
    equal((done.status, done.out, done.err), (0, b"", b""))
    box.runtime.chmod(0o700)
    box.fails(2, "completion", "tcsh", says="tcsh")


def test_bash(box):
    world(box)
    equal(bash(box, "banger vm st", "banger vm start ", "banger vm start al", "banger vm start alpha ",
               "banger session attach ", "banger session logs -f beta/jo", "banger vm run --image ",
               "banger vm run --image=", "banger vm run --image=deb", "banger -o j", "banger vm list --output=",
               "banger vm list --output=js", "banger -o json vm why be", "banger vm exec beta -- ",
               "banger session start beta -e A=b --st", "banger completion "),
          [["start", "stats", "stop"], ["alpha", "beta"], ["alpha"], ["beta"], ["beta/job", "beta/jump"], ["beta/job"],
           ["debian"], ["debian"], ["debian"], ["json", "jsonl"], ["json", "jsonl", "table"], ["json", "jsonl"], ["beta"], [],
           ["--stdin"], ["bash", "fish", "zsh"]])
    (box.home / "a recipe.toml").write_text("")
    equal(bash(box, f"banger image build --recipe {box.home}/a"), [[f"{box.home}/a", "recipe.toml"]])
    seen = hidden(box, "session", "attach", "")
    equal(seen, {"beta/job": "running", "beta/jump": "running"})
    equal(hidden(box, "vm", "stop", ""), {"alpha": "stopped", "beta": "running"})
    took = []
    for _ in range(20):
        since = time.monotonic()
        hidden(box, "session", "attach", "")
        took.append(time.monotonic() - since)
    print(f"an answer takes {sorted(took)[10] * 1000:.1f} ms, the process included")


def need(program):
    if shutil.which(program) is None:
        raise Skip(f"there is no {program}")


def test_fish(box):
    need("fish")
    world(box)
    script = ('set PATH $argv[1] $PATH; banger completion fish | source; '
              'for line in $argv[2..-1]; complete -C $line | string join " "; end; true')
    lines = ["banger vm start a", "banger session attach beta/j", "banger vm list --output ", "banger vm sta"]
    done = box.run_program("fish", "--no-config", "-c", script, str(BANGER.parent), *lines)
    equal((done.status, done.err), (0, b""), done)
    equal(done.text.splitlines(), ["alpha\tstopped", "beta/job\trunning beta/jump\trunning", "json jsonl table",
                                   "start\tboot VMs and wait until they can be used stats\tshow what VMs take of this host: "
                                   "processor, memory, disk, network"])


def test_zsh(box):
    """The function itself, with what zsh would give it, and in place of what zsh would do with the answer."""
    need("zsh")
    world(box)
    script = r"""
      compdef() { :; }; _files() { print files; }; compset() { :; }
      _describe() { print -r -- "${(@P)2}"; }
      source <($1 completion zsh)
      program=$1; shift
      for line; do
        words=($program ${(s: :)line}); CURRENT=$#words; PREFIX=$words[-1]
        _banger
      done; true"""
    lines = ["vm start a", "session attach beta/j", "vm list --output j", "image build --recipe x", "vm start zzz"]
    done = box.run_program("zsh", "-f", "-c", script, "zsh", str(BANGER), *lines)
    equal((done.status, done.err), (0, b""), done)
    equal(done.text.splitlines(), ["alpha:stopped", "beta/job:running beta/jump:running", "json:json jsonl:jsonl", "files"])
