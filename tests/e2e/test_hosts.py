"""Daemons of other machines: through the user's own ssh, with a real sshd, and over TLS."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import images
from harness import Sandbox, check, equal, is_alive, kill, poll

BUILD = images.build_dir()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as x:
        return x.getsockname()[1]


class Remote:
    """An sshd for one user's keys, whose commands live in the world of `box`."""

    def __init__(self, box):
        self.dir = box.dir / "sshd"
        self.dir.mkdir(mode=0o700)
        self.port = free_port()
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.dir / name], check=True)
        Path("/run/sshd").mkdir(exist_ok=True)
        conf = self.dir / "conf"
        conf.write_text(f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.dir}/host\nPidFile none\nStrictModes no\n"
                        f"UsePAM no\nAuthorizedKeysFile {self.dir}/user.pub\nLogLevel ERROR\n"
                        f"SetEnv HOME={box.home} XDG_RUNTIME_DIR={box.runtime}\n")
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", conf], env=box.environment({}))
        poll("sshd listens", self.listens, 10)

    def listens(self):
        with socket.socket() as x:
            return x.connect_ex(("127.0.0.1", self.port)) == 0

    def introduce(self, here):
        """Lets ssh of the other world know it as "lab", and no other."""
        key = (self.dir / "host.pub").read_text()
        (here.dir / "known").write_text(f"[127.0.0.1]:{self.port} {key}")
        (here.dir / "ssh_config").write_text(
            f"Host lab\n  HostName 127.0.0.1\n  Port {self.port}\n  IdentityFile {self.dir}/user\n"
            f"  UserKnownHostsFile {here.dir}/known\n")
        bin = here.dir / "bin"
        bin.mkdir()
        (bin / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {here.dir}/ssh_config "$@"\n')
        (bin / "ssh").chmod(0o755)
        here.env["PATH"] = f"{bin}:{here.env['PATH']}"

    def end(self):
        kill(self.process.pid, signal.SIGTERM)
        self.process.wait()


def config(box, text):
    folder = box.home / ".config/banger"
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    (folder / "config.toml").write_text(text)


def carriers(here):
    return here.processes("ssh", "banger-tls", "banger")


def check_verbs(here, box, name, can_start):
    """All that is done on a machine is done on another one. @param can_start: a client starts the daemon there"""
    here.ok("--host", name, "vm", "create", "--name", "box")
    here.ok("vm", "start", f"{name}/box")
    equal(box.vms()["box"]["state"], "running")
    equal(here.vms(), {})
    done = here.run("vm", "exec", f"{name}/box", "--", "sh", "-c", "cat; echo no >&2; exit 7", stdin=b"input\0")
    equal((done.status, done.out, done.err), (7, b"input\0", b"no\n"))
    equal(here.run("vm", "ssh", f"{name}/box", "--", "echo $((6*7)); exit 3").status, 3)
    blob = here.home / "blob"
    blob.write_bytes(os.urandom(3 << 20))
    here.ok("--host", name, "vm", "cp", str(blob), "box:/root/blob")
    equal(here.ok("--host", name, "vm", "cp", "box:/root/blob", "-").out, blob.read_bytes())
    # A session is watched over it, and the daemon may be killed there meanwhile.
    here.ok("session", "start", f"{name}/box", "--name", "s", "--stdin", "pipe", "--", "sh", "-c",
            "echo one; read -r line; echo \"$line\"; exit 5")
    watcher = here.start("session", "attach", f"{name}/box/s", "--no-stdin")
    equal(watcher.stdout.readline(), b"one\n")
    daemon = box.daemon_pid()
    kill(daemon)
    poll("the daemon ends", lambda: not is_alive(daemon), 10)
    if not can_start:
        box.ok("daemon", "start")
        poll("it serves other machines", lambda: here.run("--host", name, "vm", "list").status == 0, 10)
    here.ok("session", "send", "--line", f"{name}/box/s", "two")
    out, err = watcher.communicate(timeout=60)
    equal((watcher.returncode, out), (5, b"two\n"))
    check(b"0 bytes lost" in err, err)
    listed = here.ok("vm", "list", "--all-hosts", "-o", "json").json
    equal([(x["host"], x["name"]) for x in listed["vms"]], [(name, "box")])
    equal(here.ok("vm", "list", "--all-hosts", "-q").text, f"{name}/box\n")
    poll("nothing is left of the ways", lambda: not carriers(here), 10)
    here.ok("vm", "delete", f"{name}/box")


def test_a_host_through_ssh(box):
    remote = Remote(box)
    try:
        with Sandbox(with_image=False) as here:
            remote.introduce(here)
            config(here, f'[hosts]\nlab = {{ url = "ssh://lab", program = "{BUILD}/banger" }}\n')
            check_verbs(here, box, "lab", can_start=True)
            # By its URL it needs no configuration, but finds no banger in that machine's PATH.
            failed = here.fails(5, "--host", "ssh://lab", "vm", "list", says="the way to host 'ssh://lab' broke")
            check(b"banger" in failed.err and b"not found" in failed.err, failed)
            check_refusals(here)
            config(here, f'[hosts]\nlab = {{ url = "ssh://lab", program = "{BUILD}/banger" }}\n'
                         f'dead = "ssh://127.0.0.1:{free_port()}"\n')
            partly = here.run("vm", "list", "--all-hosts")
            equal(partly.status, 5, partly)
            check(b"HOST" in partly.out and b"'dead' broke" in partly.err, partly)
            alone = here.run("vm", "list", "--all-hosts", env={"PATH": "/nowhere"})
            equal(alone.status, 1, alone)
            check(b"HOST" in alone.out and b"ssh is not installed" in alone.err, alone)
            (here.dir / "known").write_text("")
            here.fails(5, "--host", "lab", "vm", "list", says="Host key verification failed")
    finally:
        remote.end()


def check_refusals(here):
    here.fails(3, "--host", "labb", "vm", "list", says="did you mean 'lab'?")
    here.fails(2, "--host", "http://lab", "vm", "list", says="neither ssh:// nor tls://")
    here.fails(2, "vm", "stop", "lab/a", "other/b", says="one command is for one host")
    here.fails(2, "--host", "lab", "vm", "stop", "other/b", says="one command is for one host")
    here.fails(2, "--host", "lab", "doctor", says="of this machine only")
    here.fails(2, "--host", "lab", "vm", "run", says="of this machine only")
    here.fails(2, "--host", "lab", "daemon", "stop", says="of this machine only")


def test_a_host_over_tls(box):
    with Sandbox(with_image=False) as here:
        certs = here.home / ".config/banger/certs"
        here.ok("cert", "init")
        here.ok("cert", "issue", "lab", "--host", "127.0.0.1")
        here.ok("cert", "issue", "me")
        port = free_port()
        theirs = box.home / ".config/banger/tls"
        theirs.parent.mkdir(parents=True, mode=0o700)
        subprocess.run(["cp", "-a", certs / "lab", theirs], check=True)
        config(box, f'[daemon]\nlisten = "127.0.0.1:{port}"\n')
        box.ok("daemon", "start")
        equal(box.ok("daemon", "status", "-o", "json").json["listen"], f"127.0.0.1:{port}")
        config(here, f'[hosts]\nlab = {{ url = "tls://127.0.0.1:{port}", certs = "{certs}/me" }}\n')
        poll("it listens", lambda: here.run("--host", "lab", "vm", "list").status == 0, 20, 0.2)
        check_verbs(here, box, "lab", can_start=False)
        config(here, f'[hosts]\nlab = {{ url = "tls://127.0.0.1:{port}", certs = "{certs}/nobody" }}\n')
        here.fails(5, "--host", "lab", "vm", "list", says="nobody")
