#!/usr/bin/env python3
"""banger cert's work: what it writes, by OpenSSL's own judgement, and what it does not write over.

Usage: test_certs.py [WORD...]     only tests whose name has one of the words"""

import json
import os
import signal
import subprocess
import sys
import time

from world import TLS, cert, main, sh


def fresh(pki, name):
    folder = pki.dir / name
    cert(folder, "init")
    return folder


def text_of(path):
    return sh("openssl", "x509", "-in", str(path), "-noout", "-text")


def mode_of(path):
    return oct(path.stat().st_mode & 0o7777)


def listed(folder):
    return json.loads(cert(folder, "list", "--json"))["certificates"]


def serials_of_list(folder):
    text = sh("openssl", "crl", "-in", str(folder / "ca.crl"), "-CAfile", str(folder / "ca.pem"), "-noout", "-text")
    assert "verify OK" in text, text
    return {line.split()[-1].lower() for line in text.splitlines() if "Serial Number:" in line}


def test_an_authority(pki):
    folder = fresh(pki, "one")
    text = text_of(folder / "ca.pem")
    for words in ("CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "NIST CURVE: P-256", "ecdsa-with-SHA256"):
        assert words in text, text
    assert text.count("critical") == 2, text
    sh("openssl", "x509", "-in", str(folder / "ca.pem"), "-noout", "-checkend", str(9 * 365 * 86400))
    assert (mode_of(folder), mode_of(folder / "ca.key"), mode_of(folder / "index.txt")) == ("0o700", "0o600", "0o600")
    assert serials_of_list(folder) == set()
    before = {x: x.read_bytes() for x in folder.iterdir() if x.name != ".lock"}
    assert "there are keys already" in cert(folder, "init", status=4)
    assert before == {x: x.read_bytes() for x in folder.iterdir() if x.name != ".lock"}


def test_what_openssl_says_of_certificates(pki):
    folder = fresh(pki, "two")
    cert(folder, "issue", "build", "--host", "build.lan", "--host", "192.0.2.1", "--host", "2001:db8::1", "--days", "30")
    cert(folder, "issue", "ann")
    cert(folder, "issue", "both", "--host", "x.lan", "--client")
    for name, purposes in (("build", ["sslserver"]), ("ann", ["sslclient"]), ("both", ["sslserver", "sslclient"])):
        for purpose in ("sslserver", "sslclient"):
            sh("openssl", "verify", "-x509_strict", "-CAfile", str(folder / name / "ca.pem"), "-CRLfile", str(folder / name / "ca.crl"),
               "-crl_check", "-purpose", purpose, str(folder / name / "cert.pem"), status=0 if purpose in purposes else 2)
        assert mode_of(folder / name / "key.pem") == "0o600" and mode_of(folder / name) == "0o700"
        assert sorted(x.name for x in (folder / name).iterdir()) == ["ca.crl", "ca.pem", "cert.pem", "key.pem"]
    text = text_of(folder / "build" / "cert.pem")
    assert "DNS:build.lan, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1" in text, text
    sh("openssl", "x509", "-in", str(folder / "build" / "cert.pem"), "-noout", "-checkend", str(29 * 86400))
    sh("openssl", "x509", "-in", str(folder / "build" / "cert.pem"), "-noout", "-checkend", str(31 * 86400), status=1)
    assert len({x["serial"] for x in listed(folder)}) == 3


def test_revoked_ones_are_in_the_list_and_stay_there(pki):
    folder = fresh(pki, "three")
    for name in ("ann", "bob"):
        cert(folder, "issue", name)
    assert "has a good one" in cert(folder, "issue", "ann", status=4)
    cert(folder, "issue", "ann", "--renew")
    old, new = (x["serial"] for x in listed(folder) if x["name"] == "ann")
    said = cert(folder, "revoke", "ann")
    assert "copy" in said and "ca.crl" in said, said
    assert len(serials_of_list(folder)) == 2, (old, new)
    cert(folder, "issue", "ann")  # the name is free again
    cert(folder, "issue", "cid")
    assert len(serials_of_list(folder)) == 2
    assert (folder / "cid" / "ca.crl").read_bytes() == (folder / "ca.crl").read_bytes()
    (folder / "ca.crl").unlink()  # as a crash between the two would leave it: to say it again mends it
    cert(folder, "revoke", "bob")
    assert len(serials_of_list(folder)) == 3
    assert "was revoked before" in cert(folder, "revoke", "bob")
    assert "no certificate has that name" in cert(folder, "revoke", "eve", status=3)
    assert [x["state"] for x in listed(folder)] == ["revoked", "revoked", "revoked", "valid", "valid"]


def test_output_for_programs(pki):
    folder = fresh(pki, "four")
    cert(folder, "issue", "build", "--host", "build.lan")
    now = time.time() * 1000
    x = json.loads(cert(folder, "show", "build", "--json"))
    assert (x["name"], x["kind"], x["state"], x["hosts"], x["revoked_at_ms"]) == ("build", "host", "valid", ["build.lan"], None), x
    assert abs(x["expires_at_ms"] - now - 365 * 86400_000) < 60_000
    error = json.loads(cert(folder, "show", "eve", "--json", status=3))["error"]
    assert error["code"] == "not_found" and error["hint"] == "banger cert list"
    assert "build.lan" in cert(folder, "show", "build") and "NAME   KIND  STATE" in cert(folder, "list")


def test_bad_names_and_numbers(pki):
    folder = fresh(pki, "five")
    for args in (("issue",), ("issue", "../x"), ("issue", "A"), ("issue", "a/b"), ("issue", "a", "b"), ("issue", "a", "--host", "*.lan"),
                 ("issue", "a", "--host", "a,DNS:b"), ("issue", "a", "--host", ""), ("issue", "a", "--days", "0"),
                 ("issue", "a", "--days", "3651"), ("issue", "a", "--days", "x"), ("issue", "a", "--client"), ("list", "a"),
                 ("init", "a"), ("issu", "a"), ("issue", "a", "--renew=1"), ()):
        cert(folder, *args, status=2)
    assert listed(folder) == []
    assert "there is none" in cert(pki.dir / "nowhere", "list", status=3)


def test_damage_is_told_and_nothing_is_made_of_it(pki):
    folder = fresh(pki, "six")
    cert(folder, "issue", "ann")
    index = (folder / "index.txt").read_text()
    (folder / "index.txt").write_text(index + "5a\tbob\n")
    assert "line 3 is damaged" in cert(folder, "issue", "bob", status=1)
    (folder / "index.txt").write_text(index)
    os.chmod(folder / "ca.key", 0o644)
    assert "others may read it" in cert(folder, "issue", "bob", status=1)
    os.chmod(folder / "ca.key", 0o600)
    cert(folder, "issue", "bob")
    os.chmod(folder, 0o755)
    assert "chmod" in cert(folder, "init", status=1)
    os.chmod(folder, 0o700)


def test_one_at_a_time(pki):
    folder = fresh(pki, "seven")
    all_at_once = [subprocess.Popen([TLS, "cert", "issue", f"n{i}", "--dir", folder], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                   for i in range(8)]
    ends = [(x.communicate()[1], x.returncode) for x in all_at_once]
    done = [x for x in ends if x[1] == 0]
    assert done and all(status == 0 or (status == 4 and b"another banger cert is at work" in said) for said, status in ends), ends
    assert len(listed(folder)) == len(done)


def test_a_kill_leaves_nothing_valid_that_is_not_listed(pki):
    folder = fresh(pki, "eight")
    for i in range(30):
        work = subprocess.Popen([TLS, "cert", "issue", f"n{i}", "--dir", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            work.wait(0.001 * i)
        except subprocess.TimeoutExpired:
            work.send_signal(signal.SIGKILL)
        work.wait()
    known = {x["serial"] for x in listed(folder)}
    for path in folder.glob("*/cert.pem"):
        serial = sh("openssl", "x509", "-in", str(path), "-noout", "-serial").strip().partition("=")[2].lower()
        assert serial in known, path
    cert(folder, "issue", "last")
    assert serials_of_list(folder) == set()


if __name__ == "__main__":
    sys.exit(main(globals()))
