"""What the tests of banger-tls share: certificates, good ones and bad ones, a relay, somebody in the daemon's place, and
the runner."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

TLS = os.environ.get("BANGER_TLS_BIN", "build/banger-tls")
PATIENCE = float(os.environ.get("BANGER_E2E_PATIENCE", "1"))
SKIPPED = 77


class Skip(Exception):
    pass


def sh(*command, status=0, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert status is None or done.returncode == status, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def poll(what, probe, seconds=10):
    deadline = time.monotonic() + seconds * PATIENCE
    while not (value := probe()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)
    return value


def cert(folder, *args, status=0):
    return sh(TLS, "cert", *args, "--dir", str(folder), status=status)


class Pki:
    """An authority with a host, a client, and whatever else a test wants of it; made once for all tests."""

    def __init__(self, folder):
        self.dir = Path(folder)
        self.ca = self.dir / "ca"
        cert(self.ca, "init")
        cert(self.ca, "issue", "build", "--host", "localhost", "--host", "127.0.0.1", "--host", "::1", "--host", "10.9.0.1")
        cert(self.ca, "issue", "ann")
        self.host, self.client = self.ca / "build", self.ca / "ann"

    def copy(self, name, of):
        """A folder of its own, whose files a test can change."""
        shutil.rmtree(self.dir / name, ignore_errors=True)
        shutil.copytree(of, self.dir / name)
        return self.dir / name

    def forged(self, name, of, usage="clientAuth", days=("-1d", "+1d"), signer=None, san=None, extended=True):
        """A copy of a folder whose certificate `openssl ca` has made: with any dates and usage, by any signer."""
        folder = self.copy(name, of)
        signer = signer or self.ca
        work = Path(tempfile.mkdtemp(dir=self.dir))
        (work / "index.txt").touch()
        dates = {"-2d": -2, "-1d": -1, "+1d": 1, "+2d": 2}
        start, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 86400 * dates[x])) for x in days)
        (work / "ext").write_text("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                                  + (f"extendedKeyUsage={usage}\n" if extended else "")
                                  + (f"subjectAltName={san}\n" if san else ""))
        (work / "conf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={work}/index.txt\nrand_serial=yes\ndefault_md=sha256\n"
                                   f"policy=p\nnew_certs_dir={work}\nunique_subject=no\n[p]\ncommonName=supplied\n")
        key = folder / "key.pem"
        sh("openssl", "req", "-new", "-key", str(key), "-subj", f"/CN={name}", "-out", str(work / "csr"))
        sh("openssl", "ca", "-batch", "-config", str(work / "conf"), "-in", str(work / "csr"), "-out", str(folder / "cert.pem"),
           "-notext", "-startdate", start, "-enddate", end, "-extfile", str(work / "ext"), "-cert", str(signer / "ca.pem"),
           "-keyfile", str(signer / "ca.key"))
        return folder

    def self_signed(self, name, of):
        folder = self.copy(name, of)
        sh("openssl", "req", "-x509", "-key", str(folder / "key.pem"), "-subj", f"/CN={name}", "-days", "1", "-addext",
           "extendedKeyUsage=clientAuth", "-out", str(folder / "cert.pem"))
        return folder

    def other_ca(self):
        """A second authority, with a host and a client of the same names."""
        folder = self.dir / "other"
        if not folder.exists():
            cert(folder, "init")
            cert(folder, "issue", "build", "--host", "localhost", "--host", "127.0.0.1")
            cert(folder, "issue", "ann")
        return folder


class Echo:
    """In the daemon's place: sends back what comes, and at its end ends too."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(300)
        self.taken = 0
        self.open = set()
        self.start()

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            self.taken += 1
            self.open.add(peer)
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        try:
            while data := peer.recv(1 << 16):
                peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.open.discard(peer)
        peer.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Relay:
    """banger-tls listen, and what it says."""

    def __init__(self, folder, certs, address="127.0.0.1:0", echo=True, before=()):
        self.dir = Path(tempfile.mkdtemp(dir=folder))
        self.socket = self.dir / "s"
        self.echo = Echo(self.socket) if echo else None
        self.log_path = self.dir / "log"
        self.process = subprocess.Popen([*before, TLS, "listen", "--address", address, "--socket", self.socket, "--certs", certs],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=open(self.log_path, "w"), text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening "), (line, self.log)
        self.place = line.split()[1]
        self.port = int(self.place.rpartition(":")[2])

    @property
    def log(self):
        return self.log_path.read_text()

    def says(self, words, seconds=10):
        return poll(f"the log has {words!r}, and not only {self.log!r}", lambda: words in self.log, seconds)

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def tcp(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def client(self, certs, **how):
        return tls_client(self.port, certs, **how)

    def connect(self, certs, *more, host="127.0.0.1", **how):
        return Connect(certs, f"{host}:{self.port}", *more, **how)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(10)
        assert status == 0, (status, self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end()
        self.process.stdout.close()
        if self.echo:
            self.echo.close()


def tls_client(port, certs, most=ssl.TLSVersion.TLSv1_3, host="127.0.0.1"):
    """Python's own TLS; certs None: without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = most
    if certs:
        context.load_cert_chain(certs / "cert.pem", certs / "key.pem")
    return context.wrap_socket(socket.create_connection((host, port), timeout=20))


def tls_server(certs, wants=True, ca=None):
    """A context of Python's, for a host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs / "cert.pem", certs / "key.pem")
    if wants:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations((ca or certs) / "ca.pem")
    return context


class Connect:
    """banger-tls connect on a socket pair."""

    def __init__(self, certs, address, *more, before=()):
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(30)
        with theirs:
            self.process = subprocess.Popen([*before, TLS, "connect", "--address", address, "--certs", certs, *more],
                                            stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def ends(self, seconds=20):
        """Its exit status and what it said."""
        said = self.process.communicate(timeout=seconds * PATIENCE)[1]
        self.socket.close()
        return self.process.returncode, said

    def refused(self, status, *words):
        """It ends with this status and one line that has all these words."""
        got, said = self.ends()
        assert got == status and said.count("\n") == 1 and all(word in said for word in words), (got, said, words)


def receive(sock, count):
    data = bytearray()
    while len(data) < count:
        more = sock.recv(min(1 << 16, count - len(data)))
        if not more:
            break
        data += more
    return bytes(data)


def echoes(sock, data=b"hello"):
    sock.sendall(data)
    return receive(sock, len(data)) == data


def main(tests):
    """Runs those of a module's test_* whose name has one of the words. @param tests  its globals()"""
    words = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="btls-") as folder:
        pki = Pki(folder)
        for name, test in list(tests.items()):
            if not name.startswith("test_") or (words and not any(word in name for word in words)):
                continue
            since = time.monotonic()
            verdict = "ok  "
            try:
                test(pki)
            except Skip as why:
                print(f"  {why}")
                verdict = "skip"
            except BaseException:
                traceback.print_exc()
                verdict = "FAIL"
                failed += 1
            print(verdict, name[5:], f"({time.monotonic() - since:.2f} s)", flush=True)
    return int(failed > 0)
