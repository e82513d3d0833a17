"""banger mcp: sandboxes as the tools of a coding agent."""

import base64
import re
import signal
import subprocess

from harness import check, equal, kill, poll
from rpc_client import Client

TEXT = "one\ntwo\nthr\u20ace\n"


class Agent(Client):
    def __init__(self, box):
        super().__init__(box, "mcp")

    def begin(self, tool, /, **arguments):
        return self.send("tools/call", name=tool, arguments=arguments, _meta={"progressToken": f"p{self.last}"})

    def outcome(self, number):
        """(failed, text) of a call."""
        result = self.answer(number)["result"]
        equal([x["type"] for x in result["content"]], ["text"])
        return result["isError"], result["content"][0]["text"]

    def does(self, tool, /, **arguments):
        failed, text = self.outcome(self.begin(tool, **arguments))
        check(not failed, tool, arguments, text)
        return text

    def refuses(self, tool, says, /, **arguments):
        failed, text = self.outcome(self.begin(tool, **arguments))
        check(failed and says in text, tool, arguments, text)


def test_mcp_gives_an_agent_sandboxes(box):
    agent = Agent(box)
    check_handshake(agent)
    check_arguments(agent)
    check_creation(agent)
    check_exec(agent)
    check_files(agent)
    check_sessions(agent)
    check_the_hosts_files(box, agent)
    check_cancellation(box, agent)
    check_a_killed_daemon(box, agent)
    check_the_end(box, agent)


def check_handshake(agent):
    for asked, agreed in [("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"), ("2024-11-05", "2024-11-05"),
                          ("2099-01-01", "2025-06-18")]:
        hello = agent.ok("initialize", protocolVersion=asked, capabilities={}, clientInfo={"name": "t", "version": "1"})
        equal((hello["protocolVersion"], hello["capabilities"]), (agreed, {"tools": {}}))
    agent.raw(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    equal(agent.ok("ping"), {})
    tools = {x["name"]: x for x in agent.ok("tools/list")["tools"]}
    equal(len(tools), 14)
    equal(tools["sandbox_exec"]["inputSchema"]["required"], ["sandbox"])
    equal(tools["sandbox_list"]["annotations"]["readOnlyHint"], True)
    agent.fails(-32601, "resources/list")
    agent.fails(-32602, "tools/call", name="no_such_tool", arguments={})
    agent.raw(b"hello")
    equal(agent.read()["error"]["code"], -32700)


def check_arguments(agent):
    """What a model gets wrong it can read, and try again."""
    agent.refuses("sandbox_exec", "the field 'sandbox' is missing")
    agent.refuses("sandbox_exec", "did you mean 'command'?", sandbox="box", comand="ls")
    agent.refuses("sandbox_exec", "either command", sandbox="box")
    agent.refuses("sandbox_exec", "either command", sandbox="box", command="ls", argv=["ls"])
    agent.refuses("sandbox_exec", "'timeout_s' must be an integer from 1 to 3600", sandbox="box", command="ls", timeout_s=0)
    agent.refuses("sandbox_exec", "sandbox_create makes a sandbox", sandbox="nobody", command="ls")
    agent.refuses("session_read", "no VM 'nobody'", session="nobody/x")
    equal(agent.does("sandbox_list"), "there are no sandboxes")


def check_creation(agent):
    call = agent.begin("sandbox_create", name="box", disk_mib=256, keep=True)
    failed, text = agent.outcome(call)
    check(not failed and text.startswith("box: running, image debian, 1 vcpu, 512 MiB\n"), text)
    told = [x["params"] for x in agent.told]
    equal({x["progressToken"] for x in told}, {f"p{call - 1}"})
    equal([x["progress"] for x in told], list(range(1, len(told) + 1)))
    check("booting" in [x["message"] for x in told], told)
    agent.told.clear()
    agent.refuses("sandbox_create", "name", name="box")
    check("box: running" in agent.does("sandbox_list"), "it is not in the list")
    check("box: running" in agent.does("sandbox_start", sandbox="box"), "it runs already")


def check_exec(agent):
    equal(agent.does("sandbox_exec", sandbox="box", command="pwd; echo oh >&2; exit 3"),
          "exit code 3\n--- stdout\n/root\n--- stderr\noh")
    equal(agent.does("sandbox_exec", sandbox="box", argv=["sh", "-c", 'cat; printf "%s|" "$A" "$PWD" "$@"', "sh", "it's", "$x"],
                     stdin="in|", env={"A": "b c"}, cwd="/tmp"), "exit code 0\n--- stdout\nin|b c|/tmp|it's|$x|")
    long = agent.does("sandbox_exec", sandbox="box", command="seq 1 100000", max_output=256)
    check(re.search(r"stdout\n1\n2\n.*\[588639 bytes left out here\]\n.*\n100000\n", long, re.S), long)
    check("session_start" in long, "it does not say where the rest is", long)
    check("killed after 1 s" in agent.outcome(agent.begin("sandbox_exec", sandbox="box", command="echo early; sleep 1000",
                                                          timeout_s=1))[1], "it is not killed")
    poll("it is gone in the guest too",
         lambda: agent.does("sandbox_exec", sandbox="box", command="pgrep -x sleep") == "exit code 1", 10)


def check_files(agent):
    equal(agent.does("sandbox_write_file", sandbox="box", path="a b/f", content=TEXT, mode="0750"), "wrote 16 bytes to a b/f")
    equal(agent.does("sandbox_exec", sandbox="box", command="stat -c %a 'a b/f'; ls -A 'a b'"),
          "exit code 0\n--- stdout\n750\nf")
    equal(agent.does("sandbox_read_file", sandbox="box", path="/root/a b/f"), "bytes 0 to 16 of 16:\n" + TEXT)
    equal(agent.does("sandbox_read_file", sandbox="box", path="a b/f", first_line=2, line_count=1),
          "1 line from line 2 of 3; go on at line 3:\ntwo\n")
    equal(agent.does("sandbox_read_file", sandbox="box", path="a b/f", offset=8, max_bytes=5),
          "bytes 8 to 11 of 16; go on at offset 11:\nthr")
    binary = bytes(range(256)) * 1000
    agent.does("sandbox_write_file", sandbox="box", path="bin", content=base64.b64encode(binary).decode(), encoding="base64")
    said, text = agent.does("sandbox_read_file", sandbox="box", path="bin", max_bytes=1 << 20).split("\n")
    equal((said, base64.b64decode(text) == binary), ("bytes 0 to 256000 of 256000, in base64:", True))
    agent.refuses("sandbox_read_file", "No such file", sandbox="box", path="nothing")
    agent.refuses("sandbox_read_file", "it is a folder", sandbox="box", path="/root")
    agent.refuses("sandbox_write_file", "it is a folder", sandbox="box", path="/root", content="x")
    agent.refuses("sandbox_write_file", "is not base64", sandbox="box", path="x", content="?", encoding="base64")
    agent.refuses("sandbox_write_file", "octal", sandbox="box", path="x", content="?", mode="rwx")


def check_sessions(agent):
    equal(agent.does("session_start", sandbox="box", name="s", command="while read -r x; do echo \"got $x\"; done; exit 7"),
          "box/s running")
    equal(agent.does("session_read", session="box/s"), "box/s running; no output from offset 0 on; next offset 0")
    waiting = agent.begin("session_read", session="box/s", wait_s=60)
    equal(agent.does("session_send", session="box/s", text="one"), "sent 4 bytes")
    equal(agent.outcome(waiting), (False, "box/s running; output from offset 0; next offset 8:\ngot one\n"))
    agent.does("session_send", session="box/s", text="t\u20aco\n", enter=False)
    equal(agent.does("session_read", session="box/s", offset=8, wait_s=60),
          "box/s running; output from offset 8; next offset 18:\ngot t\u20aco\n")
    agent.does("session_send", session="box/s", text="", enter=False, end=True)
    equal(agent.does("session_read", session="box/s", offset=18, wait_s=60),
          "box/s exited with 7; no output from offset 18 on; next offset 18")
    agent.does("session_start", sandbox="box", name="long", command="seq 1 100000; sleep 1000")
    agent.does("session_read", session="box/long", wait_s=60)
    got, offset = "", 0
    while len(got) < 588895:  # piece by piece, each where the one before ended
        said, text = agent.does("session_read", session="box/long", offset=offset, max_bytes=100_000, wait_s=60).split("\n", 1)
        equal(int(re.search(r"output from offset (\d+);", said)[1]), offset)
        offset = int(re.search(r"next offset (\d+)", said)[1])
        got += text
    check(got == "".join(f"{i}\n" for i in range(1, 100001)), "not what it wrote")
    check("ended by SIGTERM" in agent.does("session_stop", session="box/long"), "it is not stopped")
    listed = agent.does("session_list", sandbox="box").splitlines()
    equal([x.split(":")[0] for x in listed], ["box/s", "box/long"])
    agent.refuses("session_send", "it is over", session="box/s", text="x")


def check_the_hosts_files(box, agent):
    file = box.home / "file"
    file.write_bytes(b"of the host\n")
    agent.does("sandbox_upload", sandbox="box", source=str(file), destination="/tmp/")
    equal(agent.does("sandbox_exec", sandbox="box", command="cat /tmp/file"), "exit code 0\n--- stdout\nof the host")
    agent.refuses("sandbox_upload", "No such file", sandbox="box", source="/no/file", destination="/tmp/")
    agent.refuses("sandbox_upload", "absolute", sandbox="box", source="file", destination="/tmp/")
    for tool, more in (("sandbox_upload", {"source": str(file), "destination": "/tmp/"}),
                       ("sandbox_prepare_workspace", {"path": str(file)})):
        agent.refuses(tool, "name", sandbox="--help", **more)
    work = box.home / "work"
    work.mkdir()
    (work / "f").write_text("committed")
    git = ["git", "-C", work, "-c", "user.name=n", "-c", "user.email=e"]
    for line in (["init", "-q"], ["add", "f"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *line], check=True, env=box.environment({}))
    (work / "f").write_text("changed")
    check("/root/work" in agent.does("sandbox_prepare_workspace", sandbox="box", path=str(work)), "it does not say where")
    equal(agent.does("sandbox_exec", sandbox="box", command="git status --short; cat f", cwd="/root/work"),
          "exit code 0\n--- stdout\n M f\nchanged")


def cancel(agent, number):
    agent.raw(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}' % number)


def check_cancellation(box, agent):
    """What is cancelled is not answered, and leaves nothing."""
    agent.told.clear()
    number = agent.begin("sandbox_exec", sandbox="box", command="echo up; sleep 1000")
    agent.next_told("notifications/progress")
    cancel(agent, number)
    poll("its command is gone",
         lambda: agent.does("sandbox_exec", sandbox="box", command="pgrep -x sleep") == "exit code 1", 10)
    agent.does("session_start", sandbox="box", name="quiet", command="sleep 1000")
    number = agent.begin("session_read", session="box/quiet", wait_s=60)
    cancel(agent, number)
    poll("nobody reads any more",
         lambda: not agent.outcome(agent.begin("session_read", session="box/quiet"))[0], 10)
    number = agent.begin("sandbox_create", name="gone", keep=True)
    while agent.next_told("notifications/progress")["message"] != "booting":
        pass
    cancel(agent, number)
    poll("what was being made is gone", lambda: list(box.vms()) == ["box"], 20)
    cancel(agent, 12345)  # is nothing
    equal(agent.ok("ping"), {})
    equal(agent.answers, {}, "a cancelled call was answered")


def check_a_killed_daemon(box, agent):
    number = agent.begin("sandbox_exec", sandbox="box", command="sleep 1000")
    agent.does("sandbox_exec", sandbox="box", command="true")
    kill(box.daemon_pid())
    failed, text = agent.outcome(number)
    check(failed and "Try again" in text, text)
    equal(agent.does("sandbox_exec", sandbox="box", command="echo back"), "exit code 0\n--- stdout\nback")


def check_the_end(box, agent):
    """A sandbox that was not kept goes with the server, a kept one stays."""
    equal(agent.does("sandbox_delete", sandbox="box"), "deleted box")
    poll("it is not listed any more", lambda: agent.does("sandbox_list") == "there are no sandboxes", 10)
    agent.refuses("sandbox_delete", "no VM 'box'", sandbox="box")
    agent.ok("ping")
    number = agent.begin("sandbox_create", name="brief")
    while agent.next_told("notifications/progress")["message"] != "booting":
        pass
    agent.process.send_signal(signal.SIGTERM)
    rest, status = agent.close()
    answers = [x for x in rest if x.get("id") == number]
    check(len(answers) == 1 and answers[0]["result"]["isError"], rest)
    equal(status, 128 + signal.SIGTERM)
    poll("no sandbox is left", lambda: not box.vms(), 20)
