"""Ways into a guest and out of it: ssh, host keys, and what the guest may reach."""

import shutil
import socket
import subprocess
import threading
import urllib.request

from harness import Skip, check, equal, limit


def test_ssh_and_what_the_guest_can_reach(box):
    box.ok("vm", "run", "--name", "box", "--", "true")
    check_ssh(box)
    check_host_loopback(box)
    check_changed_host_key(box)


def check_ssh(box):
    if not shutil.which("ssh"):
        raise Skip("there is no ssh here")
    done = box.ok("vm", "ssh", "box", "--", "echo from the guest; hostname")
    equal(done.text, "from the guest\nbox\n")
    equal(box.run("vm", "ssh", "box", "--", "exit 3").status, 3)
    equal(box.ok("vm", "ssh", "box", "--", "cat", stdin=b"\0\xff\n").out, b"\0\xff\n")
    # Its own known_hosts, not the user's.
    check(not (box.home / ".ssh").exists(), "banger does not touch ~/.ssh")


def check_host_loopback(box):
    """A service on the host's loopback is no business of the guest's."""
    touched = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        def wait_for_touch():
            try:
                server.accept()[0].close()
                touched.set()
            except OSError:
                pass

        threading.Thread(target=wait_for_touch, daemon=True).start()
        port = server.getsockname()[1]
        for address in ("10.0.2.2", "127.0.0.1", "10.0.2.1"):
            done = box.run("vm", "exec", "box", "--", "timeout", "5", "bash", "-c",
                           f"exec 3<>/dev/tcp/{address}/{port} && echo connected")
            check(done.status != 0 and b"connected" not in done.out, address, done)
        check(not touched.is_set(), "the guest reached the host's loopback")
        server.shutdown(socket.SHUT_RDWR)


def check_changed_host_key(box):
    """A guest with another key than the one on record is not talked to."""
    known = box.state / "ssh/known_hosts"
    lines = known.read_text()
    check(lines and "ssh-ed25519" in lines, lines)
    pub = box.dir / "other_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", pub], check=True)
    other = (box.dir / "other_key.pub").read_text().split()[1]
    words = lines.split()
    known.write_text(lines.replace(words[words.index("ssh-ed25519") + 1], other))
    real = fingerprint(box, lines.splitlines()[0].partition(" ")[2])
    box.ok("daemon", "stop")  # the link that is up was checked when it was made
    box.ok("vm", "exec", "box", "--", "true")  # over the data port, where nobody can be in between
    done = box.run("vm", "ssh", "box", "--", "true")
    expect_key_refusal(done, real, fingerprint(box, f"ssh-ed25519 {other} x"))
    box.run("vm", "stop", "box")
    done = box.run("vm", "start", "box")
    expect_key_refusal(done, real, fingerprint(box, f"ssh-ed25519 {other} x"))
    check(box.run("vm", "ssh", "box", "--", "true").status != 0)
    known.write_text(lines)
    box.ok("vm", "start", "box")
    equal(box.sh("box", "hostname"), "box\n")


def fingerprint(box, public_line):
    path = box.dir / "key.pub"
    path.write_text(public_line)
    return subprocess.run(["ssh-keygen", "-lf", path], capture_output=True, check=True,
                          text=True).stdout.split()[1]


def expect_key_refusal(done, *fingerprints):
    equal(done.status, 6, done)
    for x in fingerprints:
        check(x in done.err.decode(), f"the error names {x}", done)


def test_an_isolated_guest_reaches_nothing(box):
    box.ok("vm", "run", "--isolated", "--name", "box", "--", "true")
    equal(box.vm("box")["is_isolated"], True)
    done = box.run("vm", "exec", "box", "--", "timeout", "5", "bash", "-c",
                   "exec 3<>/dev/tcp/10.0.2.2/53 && echo connected")
    check(done.status != 0, done)
    done = box.run("vm", "exec", "box", "--", "timeout", "10", "getent", "hosts", "example.com")
    check(done.status != 0 and not done.out, "names are not resolved", done)
    equal(box.sh("box", "echo but exec works"), "but exec works\n")
    equal(box.ok("vm", "ssh", "box", "--", "echo and ssh").text, "and ssh\n")


def mirror_answers():
    """Whether the mirror that this host's apt uses answers without a proxy, as the guest has none."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True,
                            check=False).stdout.split()
    mirrors = [uri for uri in listed if uri.startswith("http://")]
    if not mirrors:
        return False
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(mirrors[0] + "dists/bookworm/InRelease", timeout=10) as file:
            return file.read(100).startswith(b"-----BEGIN PGP SIGNED MESSAGE")
    except OSError:
        return False


@limit(300)
def test_apt_works_in_the_guest(box):
    if not mirror_answers():
        raise Skip("the mirror of this host does not answer plain HTTP without a proxy")
    done = box.run("vm", "run", "--rm", "--", "sh", "-c", "apt-get update -q && echo fetched",
                   timeout=250)
    equal(done.status, 0, done)
    check(done.out.endswith(b"fetched\n") and b"Err:" not in done.out, done)
