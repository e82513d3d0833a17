#!/usr/bin/python3
"""Stands in for Firecracker in tests: its command line, and its API as the published description has it.

It validates every request against the description, keeps Firecracker's rules of what may come before and after the
start, and answers by the description's schemas. Taps and drives it opens as Firecracker does: devices.py. It boots
nothing: where a guest would say READY, it does.

BANGER_STAND_IN, a JSON object, has it misbehave; see Behaviour.
"""

import http.server
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time

from api_document import Document
from devices import Devices

VERSION = "1.13.1"
CONTROL_PORT = 1024  # where banger's agent in a guest goes to: core/firecracker_plan.hpp
OPTIONS = {"--api-sock": 1, "--id": 1, "--config-file": 1, "--log-path": 1, "--level": 1, "--metrics-path": 1,
           "--seccomp-filter": 1, "--start-time-us": 1, "--start-time-cpu-us": 1, "--parent-cpu-time-us": 1,
           "--module": 1, "--http-api-max-payload-size": 1, "--mmds-size-limit": 1, "--metadata": 1, "--no-api": 0,
           "--no-seccomp": 0, "--boot-timer": 0, "--show-level": 0, "--show-log-origin": 0, "--enable-pci": 0,
           "--version": 0, "--help": 0}


class Behaviour:
    """What it is told to do wrong, by request ("PUT /actions") or at its start and in its life."""

    def __init__(self, text):
        told = json.loads(text or "{}")
        self.at = told.get("at", {})  # request: "refuse", "slow", "drop", "die", "garbage", "huge", "half", "trickle"
        self.version = told.get("version", VERSION)
        self.start = told.get("start", "")  # "die", "deaf": never listens
        self.guest = told.get("guest", "ready")  # "silent", "stubborn": hears no Ctrl-Alt-Del, "panic"
        self.journal = told.get("journal", "")  # file for a line a request


class Instance:
    """One microVM: what was put, and how it is."""

    def __init__(self, name, behaviour):
        self.name, self.behaviour, self.document = name, behaviour, Document()
        self.state, self.put, self.vsock, self.metrics = "Not started", {}, None, None
        self.control, self.devices = None, Devices()

    def refusal(self, method, path, body):
        """@returns Firecracker's fault_message for a request that it does not take, or None."""
        error = self.document.check_request(method, path, body)
        if error:
            return error
        has_started = self.state != "Not started"
        before = {"/boot-source", "/machine-config", "/vsock", "/entropy", "/serial", "/snapshot/load"}
        is_before = method == "PUT" and (path in before or path.startswith(("/drives/", "/network-interfaces/")))
        if has_started and is_before:
            return "The requested operation is not supported after starting the microVM."
        is_after = (method == "PATCH" and path.startswith(("/vm", "/drives/"))) or path == "/snapshot/create"
        is_after = is_after or (path == "/actions" and body["action_type"] == "SendCtrlAltDel")
        if not has_started and is_after:
            return "The requested operation is not supported before starting the microVM."
        return self.missing_file(path, body) or self.wrong_time(path, body)

    @staticmethod
    def missing_file(path, body):
        for field in ("kernel_image_path", "initrd_path", "path_on_host", "log_path", "metrics_path"):
            name = (body or {}).get(field)
            if name and not os.path.exists(name):
                return f"{path}: {name}: No such file or directory (os error 2)"
        return None

    def wrong_time(self, path, body):
        if path == "/metrics" and self.metrics:
            return "Cannot initialize the metrics system: Reinitialization of metrics not allowed."
        if path == "/actions" and body["action_type"] == "InstanceStart":
            if self.state != "Not started":
                return "The requested operation is not supported after starting the microVM."
            if "/boot-source" not in self.put:
                return "Cannot start microvm without kernel configuration."
        if path == "/snapshot/create" and self.state != "Paused":
            return "Cannot create a snapshot of a microVM that is not paused."
        return None

    def answer(self, method, path, body):
        """Does what a valid request asks for. @returns (status, body or None)."""
        if method == "GET":
            return 200, self.describe(path)
        fault = self.devices.take(path, body) if method == "PUT" else None
        if fault:
            return 400, {"fault_message": fault}
        self.put[path] = body
        if path == "/metrics":
            self.metrics = body["metrics_path"]
        elif path == "/vm":
            self.state = "Paused" if body["state"] == "Paused" else "Running"
        elif path == "/snapshot/create":
            for field in ("snapshot_path", "mem_file_path"):
                with open(body[field], "w", encoding="utf-8") as file:
                    file.write("stand-in\n")
        elif path == "/actions":
            self.act(body["action_type"])
        return 204, None

    def describe(self, path):
        if path == "/":
            return {"app_name": "Firecracker", "id": self.name, "state": self.state,
                    "vmm_version": self.behaviour.version}
        if path == "/version":
            return {"firecracker_version": self.behaviour.version}
        return {"vcpu_count": 1, "mem_size_mib": 128, **self.put.get("/machine-config", {})}

    def act(self, action):
        if action == "FlushMetrics" and self.metrics:
            with open(self.metrics, "a", encoding="utf-8") as file:
                file.write(json.dumps({"utc_timestamp_ms": int(time.time() * 1000), "net": {"rx_bytes_count": 1}}) + "\n")
        elif action == "InstanceStart":
            self.state = "Running"
            self.vsock = self.put.get("/vsock", {}).get("uds_path")
            print("stand-in: the guest boots", flush=True)
            threading.Thread(target=self.run_guest, daemon=True).start()
        elif action == "SendCtrlAltDel" and self.behaviour.guest != "stubborn":
            leave(0)

    # -- where a guest would be

    def run_guest(self):
        if self.behaviour.guest == "panic":
            leave(0)
        self.use_devices()
        if not self.vsock or self.behaviour.guest == "silent":
            return
        threading.Thread(target=self.serve_vsock, daemon=True).start()
        control = socket.socket(socket.AF_UNIX)
        try:
            control.connect(f"{self.vsock}_{CONTROL_PORT}")
        except OSError:
            return  # nobody listens: a guest would get a reset
        self.control = control
        control.sendall(b"READY 1 0.5\n")
        for line in control.makefile("rb"):
            if line == b"reboot\n" and self.behaviour.guest != "stubborn":
                leave(0)

    def use_devices(self):
        boots = self.devices.count_boot()
        if boots:
            print(f"stand-in: boot {boots} of this root disk", flush=True)
        card = self.put.get("/network-interfaces/eth0")
        if card and not self.devices.start_network(card["guest_mac"], self.put["/boot-source"]["initrd_path"]):
            print("stand-in: the guest has no network", flush=True)

    def serve_vsock(self):
        """Takes the host's connections to the guest. On port 22 there is an sshd, if the test has one."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.vsock)
        listener.listen(16)
        while True:
            connection = listener.accept()[0]
            threading.Thread(target=self.take_connection, args=(connection,), daemon=True).start()

    @staticmethod
    def take_connection(connection):
        line = b""
        while not line.endswith(b"\n") and len(line) < 32:
            byte = connection.recv(1)
            if not byte:
                return
            line += byte
        command = os.environ.get("BANGER_STAND_IN_SSHD")
        if line != b"CONNECT 22\n" or not command:
            connection.close()
            return
        connection.sendall(b"OK 1073741824\n")
        subprocess.run(json.loads(command), stdin=connection, stdout=connection, check=False)
        connection.close()


def leave(status):
    sys.stdout.flush()
    os._exit(status)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    instance = None

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"

    def serve(self):
        length = int(self.headers.get("Content-Length", 0))
        text = self.rfile.read(length)
        self.note(text)
        wrong = self.instance.behaviour.at.get(f"{self.command} {self.path}")
        if wrong and self.misbehave(wrong):
            return
        try:
            body = json.loads(text) if text else None
        except ValueError as error:
            self.reply(400, {"fault_message": f"An error occurred when deserializing the json body of a request: {error}."})
            return
        fault = self.instance.refusal(self.command, self.path, body)
        status, value = (400, {"fault_message": fault}) if fault else \
            self.instance.answer(self.command, self.path, body)
        self.check_own_answer(status, value)
        self.reply(status, value)

    do_GET = do_PUT = do_PATCH = do_DELETE = serve

    def note(self, text):
        if self.instance.behaviour.journal:
            with open(self.instance.behaviour.journal, "a", encoding="utf-8") as file:
                file.write(f"{self.command} {self.path} {text.decode(errors='replace')}\n")

    def check_own_answer(self, status, value):
        """What it answers is by the description too, or it is no stand-in for anything."""
        if value is not None and self.instance.document.operation(self.command, self.path):
            schema = self.instance.document.reply_schema(self.command, self.path, status)
            error = self.instance.document.check(schema, value) if schema else "no such answer"
            if error:
                print(f"stand-in: answer to {self.command} {self.path}: {error}", file=sys.stderr, flush=True)
                os._exit(99)

    def reply(self, status, value):
        text = json.dumps(value).encode() if value is not None else b""
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def misbehave(self, how):
        """@returns whether that was the whole answer."""
        send = self.connection.sendall
        if how == "refuse":
            self.reply(400, {"fault_message": "The stand-in was told to refuse this."})
        elif how == "pause":  # and then as it should be
            time.sleep(2)
            return False
        elif how == "slow":
            time.sleep(3600)
        elif how == "drop":
            pass
        elif how == "half":
            send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\"")
        elif how == "garbage":
            send(b"\x00\xff\x01 what is this?\r\n\r\n")
        elif how == "huge":
            send(b"HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n")
            try:
                send(b"x" * 8388608)
            except OSError:
                pass
        elif how == "trickle":  # never silent for long, and never done
            try:
                send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while True:
                    send(b"x")
                    time.sleep(0.01)
            except OSError:
                pass
        elif how == "html":
            send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<html></html>")
        elif how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif how == "die after":  # it did what it was asked, and nobody will ever know
            threading.Timer(0, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
            time.sleep(3600)
        else:
            return False
        self.close_connection = True
        return True


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # the other end left


def parse(words):
    """@returns (the options, None); as Firecracker, for an unknown one or one without its value, (None, the error)."""
    found, words = {}, list(words)
    while words:
        word = words.pop(0)
        if word not in OPTIONS:
            return None, f"Found argument '{word}' which wasn't expected, or isn't valid in this context."
        if OPTIONS[word] and not words:
            return None, f"The argument '{word}' requires a value, but none was supplied."
        found[word] = words.pop(0) if OPTIONS[word] else True
    return found, None


def main():
    options, error = parse(sys.argv[1:])
    if error:
        print(f"Arguments parsing error: {error}", file=sys.stderr)
        return 153
    behaviour = Behaviour(os.environ.get("BANGER_STAND_IN"))
    if "--version" in options or "--help" in options:
        print(f"Firecracker v{behaviour.version}\n")
        return 0
    if behaviour.start == "die":
        print("Error: the stand-in was told to die", file=sys.stderr)
        return 1
    if behaviour.start == "deaf":
        time.sleep(3600)
    Handler.instance = Instance(options.get("--id", "anonymous-instance"), behaviour)
    if "--config-file" in options:
        error = configure(Handler.instance, options["--config-file"])
        if error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
    if "--no-api" in options:
        time.sleep(3600)
    path = options.get("--api-sock", "/run/firecracker.socket")
    try:
        server = Server(path, Handler)
    except OSError as error:
        print(f"Error: RunWithApi(FailedToBindSocket({path!r})): {error}", file=sys.stderr)
        return 1
    server.serve_forever()
    return 0


def configure(instance, path):
    """A configuration file is the same requests in one. @returns what is wrong, or None."""
    with open(path, encoding="utf-8") as file:
        whole = json.load(file)
    error = instance.document.check({"$ref": "#/definitions/FullVmConfiguration"}, whole)
    if error:
        return error
    for name in ("boot-source", "machine-config", "vsock", "logger", "metrics", "entropy"):
        if name in whole:
            instance.put[f"/{name}"] = whole[name]
    for drive in whole.get("drives", []):
        instance.put[f"/drives/{drive['drive_id']}"] = drive
    instance.act("InstanceStart")
    return None


if __name__ == "__main__":
    sys.exit(main())
