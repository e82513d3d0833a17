#!/usr/bin/env python3
"""The real bangerd with banger-tls as its child: whole commands over TLS, and what becomes of each when the other ends.

Usage: test_daemon.py [WORD...]     only tests whose name has one of the words"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from world import TLS, cert, main, poll

BUILD = Path(TLS).resolve().parent


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as x:
        return x.getsockname()[1]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Box:
    """A home with a daemon of its own."""

    def __init__(self, pki, config=None):
        self.dir = Path(tempfile.mkdtemp(dir=pki.dir))
        (self.dir / "run").mkdir(mode=0o700)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.dir), "XDG_RUNTIME_DIR": str(self.dir / "run")}
        self.socket = self.dir / "run" / "banger" / "bangerd.sock"
        self.log_path = self.dir / ".local/state/banger/bangerd.log"
        self.config = self.dir / ".config" / "banger"
        self.config.mkdir(parents=True, mode=0o700)
        if config:
            (self.config / "config.toml").write_text(config)

    @property
    def log(self):
        return self.log_path.read_text() if self.log_path.exists() else ""

    def banger(self, *args, status=0, **env):
        done = subprocess.run([BUILD / "banger", *args], env={**self.env, **env}, capture_output=True, text=True, check=False)
        assert done.returncode == status, (args, done, self.log)
        return done.stdout

    def bangerd(self, *args, status=0):
        done = subprocess.run([BUILD / "bangerd", *args], env=self.env, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == status, (args, done, self.log)
        return done.stderr

    def pid(self):
        return json.loads(self.banger("daemon", "status", "-o", "json"))["pid"]

    def relay(self):
        """pid of the daemon's banger-tls; None where it has none."""
        done = subprocess.run(["pgrep", "-P", str(self.pid()), "-x", "banger-tls"], capture_output=True, text=True, check=False)
        return int(done.stdout) if done.stdout else None

    def state(self):
        """What `daemon tree` has of the relay; None where it is not in it."""
        for x in json.loads(self.banger("daemon", "tree", "-o", "json"))["actors"]:
            if x["name"] == "tls_relay":
                return x
        return None

    def listens(self, port):
        return poll("it listens", lambda: (self.state() or {"state": ""})["state"] == f"listens at 127.0.0.1:{port}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.banger("daemon", "stop")


class Bridge:
    """A socket whose connections go through `banger-tls connect`: what the command's own way to a host does."""

    def __init__(self, folder, certs, port):
        self.path = folder / "bridge"
        self.path.mkdir(mode=0o700)
        self.path /= "s"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.certs, self.port = certs, port
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            with peer:
                subprocess.Popen([TLS, "connect", "--address", f"127.0.0.1:{self.port}", "--certs", self.certs], stdin=peer,
                                 stdout=subprocess.DEVNULL)


def listening(port, certs):
    return f'[daemon]\nlisten = "127.0.0.1:{port}"\ncerts = "{certs}"\n'


def test_whole_commands_over_tls(pki):
    port = free_port()
    with Box(pki, listening(port, pki.host)) as box:
        box.banger("daemon", "start")
        box.listens(port)
        bridge = Bridge(box.dir, pki.client, port)
        there = {"BANGER_SOCKET": str(bridge.path)}
        assert json.loads(box.banger("daemon", "status", "-o", "json", **there))["pid"] == box.pid()
        assert "no VMs" in box.banger("vm", "list", **there) or box.banger("vm", "list", **there).startswith("NAME")
        box.banger("vm", "show", "nobody", status=3, **there)
        poll("the log has who came", lambda: "'ann'" in box.log)
        bridge.listener.close()


def test_off_by_default(pki):
    with Box(pki) as box:
        box.banger("daemon", "start")
        assert box.state() is None and box.relay() is None


def test_a_killed_relay_is_started_again(pki):
    port = free_port()
    with Box(pki, listening(port, pki.host)) as box:
        box.banger("daemon", "start")
        box.listens(port)
        for n in range(1, 4):
            before = box.relay()
            os.kill(before, signal.SIGKILL)
            poll("another one runs", lambda: box.relay() not in (None, before))
            box.listens(port)
            assert box.state()["restarts"] == n and "killed by signal 9" in box.state()["last_error"], box.state()


def test_a_killed_daemon_takes_it_along_and_the_next_one_listens(pki):
    port = free_port()
    with Box(pki, listening(port, pki.host)) as box:
        box.banger("daemon", "start")
        box.listens(port)
        relay = box.relay()
        os.kill(box.pid(), signal.SIGKILL)
        poll("the relay has ended", lambda: not is_alive(relay))
        box.banger("daemon", "start")
        box.listens(port)


def test_a_daemon_that_ends_has_ended_it(pki):
    port = free_port()
    with Box(pki, listening(port, pki.host)) as box:
        box.banger("daemon", "start")
        box.listens(port)
        relay = box.relay()
        box.banger("daemon", "stop")
        assert not is_alive(relay)
        box.bangerd("--detach", "--listen", f"127.0.0.1:{port}", "--certs", str(pki.host))
        box.listens(port)


def test_listen_without_certificates_does_not_start(pki):
    box = Box(pki)
    for args, words in ((("--listen", "127.0.0.1:0"), f"use {box.config}/tls/ca.pem: No such file"),
                        (("--listen", "127.0.0.1:0", "--certs", str(pki.client)), "it is not for a host"),
                        (("--listen", "localhost:0"), "not a numeric address"), (("--listen", "7443"), "it has no port")):
        for detach in ((), ("--detach",)):
            said = box.bangerd(*detach, *args, status=2)
            assert words in said and said.splitlines()[0].startswith("bangerd: "), said
    assert not box.socket.exists()


def test_an_address_that_is_taken(pki):
    box = Box(pki)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = box.bangerd("--detach", "--listen", f"127.0.0.1:{port}", "--certs", str(pki.host), status=1)
        assert f"listen on 127.0.0.1 port {port}: another program listens there" in said, said
        assert not box.socket.exists()
        # Configured, it keeps nobody from the daemon's own socket, and is tried again.
        with Box(pki, listening(port, pki.host)) as second:
            second.banger("daemon", "start")
            poll("it is told", lambda: "another program listens there" in second.log)
            second.banger("vm", "list")
            assert "another program listens there" in poll("it waits", lambda: (second.state() or {})["last_error"])
            other.close()
            second.listens(port)


def test_configured_and_without_certificates_the_socket_is_served(pki):
    port = free_port()
    with Box(pki) as box:
        (box.config / "config.toml").write_text(f'[daemon]\nlisten = "127.0.0.1:{port}"\n')
        box.banger("daemon", "start")
        poll("it is told", lambda: "tls/ca.pem: No such file" in box.log)
        box.banger("vm", "list")
        pki.copy(box.config / "tls", pki.host)  # the default place
        box.listens(port)


def test_a_wrong_configuration_is_told_and_does_no_harm(pki):
    with Box(pki, '[daemon]\nlisten = "everywhere"\n') as box:
        box.banger("daemon", "start")
        assert "it has no port" in box.log and box.state() is None


def test_the_command_makes_certificates(pki):
    box = Box(pki)
    box.banger("cert", "init")
    box.banger("cert", "issue", "build", "--host", "127.0.0.1", "--host", "build.lan", "--days", "9")
    found = json.loads(box.banger("cert", "list", "-o", "json"))
    assert found["path"] == str(box.config / "certs") and found["certificates"][0]["hosts"] == ["127.0.0.1", "build.lan"], found
    box.banger("cert", "issue", "build", status=4)
    box.banger("cert", "issue", "Build", status=2)
    box.banger("cert", "issue", "b", "--host", "*", status=2)
    box.banger("cert", "show", "eve", "-o", "json", status=3)
    box.banger("cert", "revoke", "build")
    assert "revoked" in box.banger("cert", "show", "build")
    cert(box.config / "certs", "list")
    assert not box.socket.exists(), "it has started a daemon"


if __name__ == "__main__":
    sys.exit(main(globals()))
