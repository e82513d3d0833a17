"""Speaks to `banger rpc` and `banger mcp`: a JSON message a line."""

import json
import subprocess

from harness import check


class Client:
    """A test that waits for what never comes is ended by its own time limit."""

    def __init__(self, box, program="rpc"):
        self.process = box.start(program, stdin=subprocess.PIPE)
        self.last = 0
        self.told = []  # notifications that nobody has taken yet
        self.answers = {}  # those that nobody has asked for yet

    def raw(self, line):
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def send(self, method, **params):
        self.last += 1
        self.raw(json.dumps({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}).encode())
        return self.last

    def read(self):
        line = self.process.stdout.readline()
        check(line, "it ended", self.process.poll())
        return json.loads(line)

    def answer(self, number):
        """The answer to one request; what else comes is kept."""
        while number not in self.answers:
            message = self.read()
            if "method" in message:
                self.told.append(message)
            else:
                self.answers[message["id"]] = message
        return self.answers.pop(number)

    def ok(self, method, **params):
        answer = self.answer(self.send(method, **params))
        check("result" in answer, method, params, answer)
        return answer["result"]

    def fails(self, code, method, **params):
        answer = self.answer(self.send(method, **params))
        check("error" in answer, method, params, answer)
        check(answer["error"]["code"] == code, answer)
        return answer["error"]

    def next_told(self, *methods):
        """The params of the next notification of one of these methods."""
        while True:
            for index, message in enumerate(self.told):
                if message["method"] in methods:
                    return self.told.pop(index)["params"] | {"method": message["method"]}
            message = self.read()
            if "method" in message:
                self.told.append(message)
            else:
                self.answers[message["id"]] = message

    def close(self):
        """Ends its input. Returns the messages that still came, and its status."""
        self.process.stdin.close()
        rest = [json.loads(x) for x in self.process.stdout.read().splitlines()]
        self.process.stdin = None  # the sandbox's end communicates with it once more
        return rest, self.process.wait()
