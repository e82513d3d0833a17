"""Ports of a guest at the host's loopback: `vm port-forward` and `vm ports`, with a real guest."""

import hashlib
import json
import os
import signal
import socket
import threading

from harness import check, equal, limit, poll

# What serves in the guest: connections are told apart by their first byte.
SERVER = r"""
use strict; use warnings; use IO::Socket::IP; use IO::Select;
my ($address, $port) = @ARGV;
my $listener = IO::Socket::IP->new(LocalHost => $address, LocalPort => $port, Listen => 200,
                                   ReuseAddr => 1) or die "listen: $@";
my $all = IO::Select->new($listener);
my %kept; # of those that began with a k: how many bytes they said
sub put { my ($to, $bytes) = @_; my $at = 0;
          while ($at < length $bytes) { $at += syswrite($to, $bytes, 65536, $at) // return } }
my %began;
while (1) {
  for my $one ($all->can_read) {
    if ($one == $listener) { $all->add(scalar $listener->accept); next }
    my $got = sysread($one, my $bytes, 65536);
    if ($got) {
      $kept{$one} = 0 if !$began{$one}++ && substr($bytes, 0, 1) eq 'k';
      defined $kept{$one} ? ($kept{$one} += $got) : put($one, $bytes);
      next;
    }
    put($one, "you said $kept{$one} bytes\n") if defined $kept{$one};
    delete $kept{$one}; delete $began{$one}; $all->remove($one); close $one;
  }
}
"""


def serve(box, address, port, name):
    """Starts the server in the guest, and waits until it listens."""
    box.ok("session", "start", "box", "--name", name, "--", "perl", "-e", SERVER, address, str(port))
    poll("the server listens", lambda: any(x["port"] == port and x["protocol"] == "tcp" for x in ports(box)), 20)


def ports(box):
    return box.ok("vm", "ports", "box", "-o", "json").json["ports"]


class Forward:
    """A `vm port-forward` that runs. Its lines are read as they come."""

    def __init__(self, box, *args):
        self.process = box.start("vm", "port-forward", "box", *args)
        self.lines, self.errors = [], []
        for stream, into in ((self.process.stdout, self.lines), (self.process.stderr, self.errors)):
            threading.Thread(target=self.collect, args=(stream, into), daemon=True).start()

    @staticmethod
    def collect(stream, into):
        for line in iter(stream.readline, b""):
            into.append(line.decode().rstrip("\n"))

    def line(self, what, seconds=30):
        """The first line that ends so, once it is there."""
        def find():
            check(self.process.poll() is None, "port-forward ended", self.lines, self.errors)
            return next((x for x in self.lines if what in x), None)
        return poll(f"a line with {what!r} in {self.lines} {self.errors}", find, seconds)

    def port(self, guest_port):
        """Where on the host this port of the guest is."""
        start, _, _ = self.line(f"-> box:{guest_port}").partition(" -> ")
        check(start.startswith("forwarding 127.0.0.1:"), start)
        return int(start.rpartition(":")[2])

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(20)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def read_to_end(connection):
    pieces = []
    while piece := connection.recv(1 << 18):
        pieces.append(piece)
    return b"".join(pieces)


def helpers(box):
    """Processes in the guest that a port-forward has there."""
    return box.sh("box", "pgrep -f '[b]anger-agent forward' || true").split()


@limit(240)
def test_forward_carries_connections(box):
    box.ok("vm", "run", "--name", "box", "--", "true")
    serve(box, "127.0.0.1", 7000, "echo")
    forward = Forward(box, "0:7000", "0:7001")
    port, nobody = forward.port(7000), forward.port(7001)
    check_round_trip(port)
    check_half_close(port)
    check_bulk(port)
    check_many(port)
    check_refused(forward, nobody)
    check_round_trip(port)
    check_host_port_in_use(box, port)
    check_stopped_peer(port)
    check_end(box, forward, signal.SIGINT)
    other = Forward(box, "0:7000")
    other.port(7000)
    check_end(box, other, signal.SIGTERM)


def check_round_trip(port):
    with connect(port) as x:
        x.sendall(b"GET / HTTP/1.0\r\n\r\n")
        equal(x.recv(100), b"GET / HTTP/1.0\r\n\r\n")


def check_half_close(port):
    """The server answers only after the end of what we say."""
    with connect(port) as x:
        x.sendall(b"k" * 1000)
        x.shutdown(socket.SHUT_WR)
        equal(read_to_end(x), b"you said 1000 bytes\n")


def check_bulk(port, size=6 << 20):
    """Both ways at once; what comes back is what went."""
    data = b"." + os.urandom(size - 1)
    with connect(port) as x:
        def send():
            x.sendall(data)
            x.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        back = read_to_end(x)
        sender.join()
    equal((len(back), hashlib.sha256(back).hexdigest()), (size, hashlib.sha256(data).hexdigest()))


def check_many(port, count=50):
    all_at_once = [connect(port) for _ in range(count)]
    for i, x in enumerate(all_at_once):
        x.sendall(b"number %d" % i)
    for i, x in enumerate(all_at_once):
        equal(x.recv(100), b"number %d" % i)
    for x in all_at_once:
        x.close()


def check_refused(forward, port):
    for _ in range(5):
        with connect(port) as x:
            try:
                equal(x.recv(1), "a reset")
            except ConnectionResetError:
                pass
    forward.port(7000)  # it still runs
    poll("it is told", lambda: forward.errors, 10)
    check(len(forward.errors) <= 3, "not a line each", forward.errors)
    equal(forward.errors[0], "banger: connect to box:7001: Connection refused")


def check_host_port_in_use(box, port):
    box.fails(4, "vm", "port-forward", "box", f"{port}:80", says="another program listens there")
    box.fails(2, "vm", "port-forward", "box", "nonsense", says="forward 'nonsense'")
    box.fails(2, "vm", "port-forward", "box", "192.0.2.1:0:80", says="no such address")
    box.fails(3, "vm", "port-forward", "nobody", "0:80")


def check_stopped_peer(port):
    """One that is not read from does not hold up others."""
    with connect(port) as stopped:
        stopped.setblocking(False)
        with open("/dev/zero", "rb") as zeros:
            chunk = b"." + zeros.read(65535)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += stopped.send(chunk)
        except BlockingIOError:
            pass
        check(sent < 64 << 20, "it is not hoarded")
    check_round_trip(port)


def check_end(box, forward, number):
    port = forward.port(7000)
    x = connect(port)
    x.sendall(b"x")
    equal(x.recv(1), b"x")
    equal(forward.end(number), 0)
    try:
        equal(x.recv(1), b"")
    except ConnectionResetError:
        pass
    x.close()
    poll("the guest is rid of it", lambda: not helpers(box), 20)
    try:
        connect(port).close()
        check(False, "nobody listens any more")
    except ConnectionRefusedError:
        pass


@limit(240)
def test_forward_follows_what_listens(box):
    box.ok("vm", "run", "--name", "box", "--", "true")
    equal([x["port"] for x in ports(box) if x["protocol"] == "tcp"], [22])
    forward = Forward(box, "--auto", "-o", "json")
    serve(box, "::1", 7100, "six")
    # Its number is taken on the host before it listens in the guest, so another one is chosen.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        serve(box, "0.0.0.0", number, "other")
        first, second = [json.loads(forward.line(f'"guest_port":{x}')) for x in (7100, number)]
        check(second["port"] != number, second)
    equal((first["type"], first["vm"], first["address"], first["process"]),
          ("forwarding", "box", "127.0.0.1", "perl"))
    for x in (first, second):
        check_round_trip(x["port"])
    box.ok("session", "kill", "box/six")
    closed = json.loads(forward.line('"type":"closed"'))
    equal((closed["guest_port"], closed["port"]), (7100, first["port"]))
    check_round_trip(second["port"])
    check(not any('"guest_port":22' in x for x in forward.lines), "sshd is not forwarded")
    table = box.ok("vm", "ports", "box").text.splitlines()
    equal(table[0].split(), ["PROTOCOL", "ADDRESS", "PORT", "PID", "PROCESS"])
    check(any(x.split()[:3] == ["tcp", "0.0.0.0", str(number)] and x.endswith("perl") for x in table), table)
    equal(forward.end(), 0)
    poll("the guest is rid of it", lambda: not helpers(box), 20)


@limit(240)
def test_forward_ends_with_its_vm(box):
    box.ok("vm", "run", "--name", "box", "--", "true")
    for how, says in ((("stop",), "the VM is stop"), (("kill",), "the VM is stop"),
                      (("delete",), "the VM ")):
        forward = Forward(box, "0:80", "0:81")
        forward.port(81)
        box.ok("vm", *how, "box")
        equal(forward.process.wait(30), 1, forward.errors)
        poll(f"it says {says!r}: {forward.errors}", lambda: any(says in x for x in forward.errors), 5)
        check(forward.errors[0].startswith("banger: forward ports of vm 'box': "), forward.errors)
        if how[0] != "delete":
            box.fails(4, "vm", "port-forward", "box", "0:80")
            box.fails(4, "vm", "ports", "box")
            box.ok("vm", "start", "box")


def test_forward_ends_with_its_daemon(box):
    """Its connections went through it; the guest is rid of its end."""
    box.ok("vm", "run", "--name", "box", "--", "true")
    forward = Forward(box, "0:80")
    forward.port(80)
    os.kill(box.daemon_pid(), signal.SIGKILL)
    equal(forward.process.wait(20), 5, forward.errors)
    poll("the guest is rid of it", lambda: not helpers(box), 30)
