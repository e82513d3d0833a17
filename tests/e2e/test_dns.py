"""Names of running VMs, asked for as any program does."""

import os
import random
import shutil
import socket
import struct

from harness import Skip, check, enter_own_network, equal, limit

A, NS, SOA, AAAA, ANY = 1, 2, 6, 28, 255
NOERROR, FORMERR, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 3, 4, 5


def free_port(address):
    with socket.socket() as any_socket:
        any_socket.bind((address, 0))
        return any_socket.getsockname()[1]


def configure(box, text):
    folder = box.home / ".config/banger"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(text)


def serve(box, address="127.77.0.1"):
    """Lets the next daemon serve names. Returns where."""
    where = (address, free_port(address))
    configure(box, f'[dns]\nlisten = "{address}:{where[1]}"\n')
    return where


def message(name, kind=A, flags=0x0100, net_class=1):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".") if x)
    return b"id" + struct.pack(">HHHHH", flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, net_class)


def read_answer(answer):
    """(code, addresses) of an answer; each of the latter with its time to live."""
    check(answer[:2] == b"id", answer)
    flags, _, answers = struct.unpack(">HHH", answer[2:8])
    check(flags & 0x8000, answer)
    at = answer.index(b"\0", 12) + 5
    found = []
    for _ in range(answers):
        kind, _, ttl, size = struct.unpack(">HHIH", answer[at + 2:at + 12])
        if kind == A:
            found.append((socket.inet_ntoa(answer[at + 12:at + 12 + size]), ttl))
        at += 12 + size
    return flags & 15, found


def ask(where, name, kind=A):
    """As resolvers do it: once more where a datagram was lost, which it is where a queue is full."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(3)
        for _ in range(4):
            link.sendto(message(name, kind), where)
            try:
                answer, sender = link.recvfrom(4096)
            except TimeoutError:
                continue
            equal(sender, where)
            return read_answer(answer)
    raise AssertionError(f"no answer to {name}")


def receive_whole(link):
    size = struct.unpack(">H", receive_exactly(link, 2))[0]
    return receive_exactly(link, size)


def receive_exactly(link, size):
    data = b""
    while len(data) < size:
        more = link.recv(size - len(data))
        check(more, "the connection ended", data)
        data += more
    return data


@limit(240)
def test_names_are_those_of_running_vms(box):
    where = serve(box)
    box.ok("vm", "create", "--name", "box")
    equal(box.ok("daemon", "status", "-o", "json").json["dns_listen"], "%s:%d" % where)
    check(f"{where[0]}:{where[1]}" in box.ok("daemon", "status").text)
    equal(ask(where, "box.vm"), (NXDOMAIN, []))
    box.ok("vm", "start", "box")
    vm = box.vm("box")
    for name in ("box.vm", "BOX.vm", "box.VM"):
        equal(ask(where, name), (NOERROR, [(vm["address"], 0)]))
    with socket.create_connection((vm["address"], vm["ssh_port"]), timeout=10) as link:
        check(link.recv(4) == b"SSH-", "the address is the guest's")
    for name in ("other.vm", "x.box.vm", vm["id"] + ".vm", vm["id"][:6] + ".vm", "bo.vm"):
        equal(ask(where, name), (NXDOMAIN, []))
    equal(ask(where, "box.vm", AAAA), (NOERROR, []))
    for name in ("example.com", "box", "."):
        equal(ask(where, name), (REFUSED, []))
    check_dig(box, where, vm["address"])
    box.ok("daemon", "stop")
    box.ok("daemon", "start")
    equal(ask(where, "box.vm"), (NOERROR, [(vm["address"], 0)]), "the next daemon serves it too")
    box.ok("vm", "kill", "box")
    equal(ask(where, "box.vm"), (NXDOMAIN, []), "at once")
    box.ok("vm", "delete", "box")
    equal(ask(where, "box.vm"), (NXDOMAIN, []))


def check_dig(box, where, address):
    """As BIND's own client sees it: whatever is odd about an answer, it says."""
    if not shutil.which("dig"):
        raise Skip("there is no dig here: apt-get install bind9-dnsutils")

    def dig(*words):
        return box.run_program("dig", f"@{where[0]}", "-p", str(where[1]), "+tries=1", *words).text

    for way in ("+notcp", "+tcp"):
        equal(dig("+short", way, "box.vm"), address + "\n")
        whole = dig(way, "box.vm")
        check("status: NOERROR" in whole and " aa " in whole and "ANSWER: 1" in whole, whole)
        check("WARNING: recursion requested but not available" in whole, whole)
        for wrong in ("malformed", "Warning:", "FORMERR", "mismatch"):
            check(wrong not in whole, whole)
        check("status: NXDOMAIN" in (denied := dig(way, "other.vm")) and "SOA\tlocalhost." in denied, denied)
        check("status: NOERROR" in (empty := dig(way, "box.vm", "AAAA")) and "SOA\tlocalhost." in empty, empty)
        check("status: REFUSED" in dig(way, "example.com"))
        check("status: NOTIMP" in dig(way, "+opcode=status", "+noedns", "box.vm"))
        check("status: BADVERS" in dig(way, "+edns=1", "+noednsneg", "box.vm"))
        check("SOA\tlocalhost." in dig(way, "vm", "SOA"))
        check("NS\tlocalhost." in dig(way, "vm", "NS"))
    check("Transfer failed" in dig("vm", "AXFR"))


@limit(120)
def test_nothing_that_is_sent_hurts_the_others(box):
    where = serve(box)
    box.ok("daemon", "start")
    noise = random.Random(7)
    good = message("box.vm")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        for _ in range(3000):
            bad = bytearray(good)
            for _ in range(noise.randrange(1, 6)):
                bad[noise.randrange(len(bad))] = noise.randrange(256)
            link.sendto(bytes(bad[:noise.randrange(len(bad) + 1)]), where)
            link.sendto(noise.randbytes(noise.randrange(600)), where)
    equal(ask(where, "box.vm"), (NXDOMAIN, []))
    check_streams(where)
    # More connections than it keeps: the oldest make room.
    silent = [socket.create_connection(where, timeout=10) for _ in range(100)]
    with socket.create_connection(where, timeout=10) as link:
        link.sendall(struct.pack(">H", len(good)) + good)
        equal(read_answer(receive_whole(link)), (NXDOMAIN, []))
    for link in silent:
        link.close()
    check(not [x for x in box.ok("daemon", "tree", "-o", "json").json["actors"] if x["restarts"]])
    equal(ask(where, "box.vm"), (NXDOMAIN, []))


def check_streams(where):
    good = message("box.vm")
    whole = struct.pack(">H", len(good)) + good
    with socket.create_connection(where, timeout=10) as link:  # many at once, and in pieces
        link.sendall(whole * 50)
        for _ in range(50):
            equal(read_answer(receive_whole(link)), (NXDOMAIN, []))
        for byte in whole:
            link.sendall(bytes([byte]))
        equal(read_answer(receive_whole(link)), (NXDOMAIN, []))
    with socket.create_connection(where, timeout=10) as link:  # one that is done with asking
        link.sendall(whole)
        link.shutdown(socket.SHUT_WR)
        equal(read_answer(receive_whole(link)), (NXDOMAIN, []))
        equal(link.recv(1), b"")
    for garbage in (b"\xff\xff" + bytes(9000), b"\0\0", b"\0\5hello", b"GET / HTTP/1.1\r\n\r\n" * 300):
        with socket.create_connection(where, timeout=10) as link:
            try:
                link.sendall(garbage)
                equal(link.recv(100), b"", garbage[:10])
            except ConnectionError:
                pass


@limit(120)
def test_a_port_that_is_taken_keeps_nobody_from_their_vms(box):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.77.0.1", 0))
        configure(box, f'[dns]\nlisten = "127.77.0.1:{other.getsockname()[1]}"\n')
        box.ok("vm", "create", "--name", "box")
        status = box.ok("daemon", "status", "-o", "json").json
        equal(status["dns_listen"], None)
        check("in use" in status["dns_trouble"], status)
        check("none served" in box.ok("daemon", "status").text)
        done = box.run("doctor")
        equal(done.status, 1, done)
        check("not served: listen on 127.77.0.1" in done.text, done)
    box.ok("daemon", "stop")
    box.ok("daemon", "start")
    equal(box.ok("daemon", "status", "-o", "json").json["dns_trouble"], None)
    box.ok("daemon", "stop")
    configure(box, '[dns]\nlisten = "0.0.0.0:5300"\n')
    status = box.ok("daemon", "start", "-o", "json").json
    check("not a loopback address" in status["dns_trouble"], status)


def test_without_configuration_nobody_listens(box):
    box.ok("daemon", "start")
    status = box.ok("daemon", "status", "-o", "json").json
    equal((status["dns_listen"], status["dns_trouble"]), (None, None))
    check("dns_responder" not in box.ok("daemon", "tree").text)


@limit(180)
def test_the_resolver_of_the_c_library_finds_a_vm(box):
    """Port 53, in a network and with a resolv.conf of its own."""
    if os.geteuid() != 0:
        raise Skip("port 53 is root's")
    enter_own_network()
    configure(box, '[dns]\nlisten = "127.0.0.53:53"\n')
    box.ok("vm", "run", "--name", "box", "--", "true")
    address = box.vm("box")["address"]
    resolv = box.dir / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.53\noptions timeout:2 attempts:1\n")

    # Not ahosts: getaddrinfo(3) asks for no address of a kind that the machine has at its loopback only.
    def resolve(name, database="hosts"):
        return box.run_program("unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && getent "$1" "$2"',
                               str(resolv), database, name)

    found = resolve("box.vm")
    check(found.status == 0 and found.text.split()[0] == address, found)
    equal(resolve("other.vm").status, 2)
    box.ok("vm", "stop", "box")
    equal(resolve("box.vm").status, 2)


def test_doctor_starts_nothing_and_changes_nothing(box):
    done = box.run("doctor", "-o", "json")
    rows = {x["name"]: x for x in done.json["checks"]}
    check(not box.state.exists(), "it starts no daemon")
    equal(rows["image debian"]["state"], "ok")
    equal(done.status, 1 if any(x["state"] == "missing" for x in rows.values()) else 0, done)
    for row in rows.values():
        equal(row["fix"] is None, row["state"] == "ok", row)
    for name in ("/dev/kvm", "/dev/mapper/control", "/dev/loop-control", "/dev/net/tun", "kernel: bridge",
                 "kernel: nf_tables", "IPv4 forwarding", "banger-helper", "firecracker", "names of VMs"):
        check(rows[name]["state"] in ("ok", "optional"), rows[name])
    equal(rows["qemu-system-x86_64"]["found"], shutil.which("qemu-system-x86_64"))
    table = box.run("doctor").text
    check(table.startswith("CHECK ") and "To have what is not there:" in table, table)
    (box.images / "debian").rename(box.images / "other")
    done = box.run("doctor")
    equal(done.status, 1, done)
    check("banger image build" in done.text, done)
