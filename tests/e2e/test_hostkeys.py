"""Whom a client talks to is known: pinned before the first boot, and a change is refused everywhere."""

import os
import subprocess

from harness import check, equal, limit


@limit(240)
def test_host_keys_are_pinned_and_a_change_is_refused(box):
    box.ok("vm", "run", "--name", "box", "--", "true")
    check_pinned(box)
    check_plain_ssh(box)
    check_a_change_is_refused(box)
    check_the_new_key_can_be_accepted(box)
    check_a_boot_brings_the_old_one_back(box)
    check_first_use(box)
    check_delete_forgets(box)


def known_hosts(box):
    return (box.state / "ssh" / "known_hosts").read_text()


def key_of(box):
    return box.ok("hostkey", "show", "box", "-o", "json").json


def guest_fingerprint(box):
    line = box.sh("box", "ssh-keygen -lf /run/banger/ssh_host_ed25519_key.pub 2>/dev/null || "
                         "ssh-keygen -lf /run/banger/ssh_host_ed25519_key")
    return line.split()[1]


def check_pinned(box):
    key = key_of(box)
    equal((key["vm_name"], key["provenance"], key["type"]), ("box", "seeded", "ssh-ed25519"))
    equal(key["fingerprint"], guest_fingerprint(box))
    vm = box.vm("box")
    equal(sorted(key["names"]), sorted(["box.vm", f"[{vm['address']}]:{vm['ssh_port']}"]))
    listed = box.ok("hostkey", "list", "-o", "json").json
    equal([x["vm_name"] for x in listed["keys"]], ["box"])
    equal(os.stat(listed["path"]).st_mode & 0o777, 0o600)
    for name in key["names"]:  # OpenSSH finds the same key in the file
        done = subprocess.run(["ssh-keygen", "-F", name, "-f", listed["path"]],
                              capture_output=True, text=True)
        check(key["key"] in done.stdout, name, done)
    verdict = box.ok("hostkey", "verify", "--file", listed["path"], "--host", "box.vm", "--key",
                     f"{key['type']} {key['key']}", "-o", "json").json
    equal((verdict["verdict"], verdict["offered"]["fingerprint"]), ("trusted", key["fingerprint"]))
    box.fails(1, "hostkey", "verify", "--file", "/nowhere/known_hosts", "--host", "box.vm", "--key",
              f"{key['type']} {key['key']}", says="/nowhere/known_hosts")
    box.fails(3, "hostkey", "show", "nobody", says="nobody")
    box.fails(4, "hostkey", "accept", "box", says="no other key")


def ssh(box, *words):
    """Plain ssh with the user's own configuration; its home is that of the user database."""
    return subprocess.run(["ssh", "-F", box.home / ".ssh" / "config", "-o", "BatchMode=yes", *words],
                          env=box.environment({}), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60)


def check_plain_ssh(box):
    config = box.home / ".ssh" / "config"
    config.parent.mkdir(mode=0o700)
    mine = "# mine\nHost other\n  Port 1"
    config.write_text(mine)
    config.chmod(0o640)
    for _ in range(2):
        box.ok("ssh-config", "--install")
    text = config.read_text()
    check(text.endswith(mine) and text.count("\n") == mine.count("\n") + 1, text)
    equal(config.stat().st_mode & 0o777, 0o640)
    done = ssh(box, "box.vm", "echo $((6*7)); exit 3")
    equal((done.returncode, done.stdout), (3, "42\n"), done)
    done = ssh(box, "nobody.vm", "true")
    equal(done.returncode, 255)
    check("no VM 'nobody'" in done.stderr, done.stderr)
    box.fails(2, "ssh-proxy", "box.vm", says="ssh")


def check_a_change_is_refused(box):
    """The guest's root makes a new key while the VM runs."""
    old = key_of(box)["fingerprint"]
    box.sh("box", "cd /run/banger; rm ssh_host_ed25519_key*; "
                  "ssh-keygen -qt ed25519 -N '' -f ssh_host_ed25519_key")
    new = guest_fingerprint(box)  # over the connection that was verified before
    check(new != old)
    before = known_hosts(box)
    # Until somebody connects anew nobody knows. ssh itself refuses, and banger says why.
    done = box.run("vm", "ssh", "box", "--", "true")
    equal(done.status, 6, done)
    for piece in (old, new, box.vm("box")["address"], "man-in-the-middle", "known_hosts", "line ",
                  f"banger hostkey accept box --fingerprint {new}"):
        check(piece in done.err.decode(), piece, done)
    vm = box.vm("box")
    equal((vm["state"], vm["is_quarantined"]), ("running", True))
    check("host key changed" in box.ok("vm", "list").text)
    for words in (("vm", "exec", "box", "--", "true"), ("vm", "ssh", "box", "--", "true")):
        check("man-in-the-middle" in box.run(*words).err.decode())
        equal(box.run(*words).status, 6)
    equal(ssh(box, "box.vm", "true").returncode, 255)
    equal(known_hosts(box), before)
    key = key_of(box)
    equal((key["fingerprint"], key["offered_fingerprint"], key["is_quarantined"]), (old, new, True))


def check_the_new_key_can_be_accepted(box):
    new = key_of(box)["offered_fingerprint"]
    box.fails(2, "hostkey", "accept", "box", "--fingerprint", "SHA256:nonsense", says="nonsense")
    box.ok("hostkey", "accept", "box", "--fingerprint", new)
    key = key_of(box)
    equal((key["fingerprint"], key["provenance"], key["is_quarantined"]), (new, "accepted", False))
    box.ok("vm", "ssh", "box", "--", "true")
    box.ok("vm", "exec", "box", "--", "true")
    equal(ssh(box, "box.vm", "true").returncode, 0)
    check(not box.vm("box")["last_error"])


def check_a_boot_brings_the_old_one_back(box):
    """banger gives the guest its key at each boot, so that one needs nobody's consent."""
    box.ok("vm", "restart", "box")
    key = key_of(box)
    equal((key["provenance"], key["is_quarantined"]), ("seeded", False))
    equal(key["fingerprint"], guest_fingerprint(box))
    box.ok("vm", "ssh", "box", "--", "true")


def check_first_use(box):
    fingerprint = key_of(box)["fingerprint"]
    box.ok("hostkey", "forget", "box")
    check("box.vm" not in known_hosts(box))
    equal(key_of(box)["fingerprint"], None)
    equal(ssh(box, "box.vm", "true").returncode, 0)  # ssh pins what it sees
    key = key_of(box)
    equal((key["fingerprint"], key["provenance"]), (fingerprint, "other"))
    box.ok("vm", "restart", "box")  # and the daemon for the address
    equal(key_of(box)["fingerprint"], fingerprint)


def check_delete_forgets(box):
    box.ok("vm", "delete", "box")
    equal(known_hosts(box).count("box.vm"), 0)
    equal(box.ok("hostkey", "list", "-o", "json").json["keys"], [])
    box.ok("ssh-config", "--uninstall")
    equal((box.home / ".ssh" / "config").read_text(), "# mine\nHost other\n  Port 1")
    box.ok("vm", "run", "--name", "box", "--", "true")  # the name is pinned afresh
    equal(key_of(box)["provenance"], "seeded")
