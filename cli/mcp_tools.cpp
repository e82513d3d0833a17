#include "cli/mcp_tools.hpp"

#include <algorithm>

namespace banger::cli::mcp {

namespace {

using namespace rpc;

field sandbox_name() {
  return required(a_text("sandbox", "name of the sandbox"));
}
field session_name() {
  return required(a_text("session", "\"SANDBOX/NAME\", as session_start and session_list say"));
}

/// What runs: exactly one of the first two.
std::vector<field> command_fields(std::vector<field> before) {
  for (auto& x :
       {a_text("command", "a line for sh; either this or argv"),
        a_field(kind::texts, "argv", "program and arguments, taken as they are"),
        a_text("cwd", "absolute folder (/root)"), a_field(kind::pairs, "env", "NAME: value")})
    before.push_back(x);
  return before;
}

std::vector<field> joined(std::vector<field> a, const std::vector<field>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<tool> sandbox_tools() {
  return {
      {"sandbox_create",
       "Create a sandbox",
       "Create and boot a Linux virtual machine of your own (Debian; you are root) and wait until "
       "it can be used, seconds without load. Its disk stays until it is deleted, which happens at "
       "the end of this server unless keep is true.",
       {"",
        {a_text("name", "a-z, 0-9 and '-'; chosen for you otherwise"),
         a_text("image", "what it boots (debian)"),
         an_integer("vcpu", "virtual processors (1)", 1, 64),
         an_integer("memory_mib", "memory in MiB (512)", 128, 1 << 20),
         an_integer("disk_mib", "size of /root in MiB (8192)", 64, 16 << 20),
         a_flag("isolated", "no network at all (false)"),
         a_flag("keep", "do not delete it with this server (false)")}}},
      {"sandbox_start",
       "Start a sandbox",
       "Boot a sandbox that is stopped. One that runs is left alone.",
       {"", {sandbox_name()}}},
      {"sandbox_list",
       "List sandboxes",
       "All virtual machines on this host, also those of the user. Use only those that you made or "
       "were told to use.",
       {"", {}},
       true},
      {"sandbox_delete",
       "Delete a sandbox",
       "Delete a sandbox and its disks, running or not. There is no way back.",
       {"", {sandbox_name()}},
       false,
       true},
  };
}

std::vector<tool> file_tools() {
  return {
      {"sandbox_exec",
       "Run a command",
       "Run a command in a sandbox as root and wait for its end. Returns its exit code, stdout and "
       "stderr; of long output the beginning and the end. It is killed after timeout_s: what runs "
       "longer, or is to be written to, goes to session_start. Each call is a new process; cwd and "
       "variables do not carry over.",
       {"", joined(command_fields({sandbox_name()}),
                   {a_field(kind::data, "stdin", "text for its standard input (none)"),
                    an_integer("timeout_s", "seconds until it is killed (120)", 1, most_seconds),
                    an_integer("max_output", "bytes of stdout and of stderr to return (32768)", 256,
                               most_output)})},
       false,
       true,
       true},
      {"sandbox_write_file",
       "Write a file",
       "Write a file in a sandbox, whole or not at all; folders are made. An existing file is "
       "replaced and keeps its mode.",
       {"",
        {sandbox_name(), required(a_text("path", "absolute, or below /root")),
         required(a_field(kind::data, "content", "as encoding says")),
         a_choice("encoding", "of content (utf-8)", {"utf-8", "base64"}),
         a_text("mode", "octal, like 0755 (that of the file before, or 0644)"),
         a_flag("append", "to the end of the file instead (false)")}},
       false,
       true},
      {"sandbox_read_file",
       "Read a file",
       "Read a file in a sandbox, or a part of it: by lines (first_line, line_count) or by bytes "
       "(offset). Says how large the file is and where to go on. What is not UTF-8 comes as "
       "base64.",
       {"",
        {sandbox_name(), required(a_text("path", "absolute, or below /root")),
         an_integer("first_line", "from 1", 1, INT32_MAX),
         an_integer("line_count", "lines (to the end)", 1, INT32_MAX),
         an_integer("offset", "byte to begin at (0)"),
         an_integer("max_bytes", "to return at most (65536)", 1, most_output),
         a_choice("encoding", "base64: also of text (auto)", {"auto", "base64"})}},
       true},
      {"sandbox_upload",
       "Copy from the host",
       "Copy a file or a folder of the host into a sandbox.",
       {"",
        {sandbox_name(), required(a_text("source", "absolute path on the host")),
         required(
             a_text("destination",
                    "path in the sandbox; into the folder where it is one, or ends with '/'"))}},
       false,
       true},
      {"sandbox_prepare_workspace",
       "Bring a repository",
       "Bring the git repository around a path of the host into a sandbox as it is now, with "
       "changes that are not committed. Returns where it is. Nothing is shared: the user fetches "
       "what you change with 'banger workspace sync SANDBOX --to host'.",
       {"",
        {sandbox_name(), required(a_text("path", "absolute path on the host")),
         a_text("guest_path", "where to (/root/NAME)"),
         a_flag("include_untracked", "files that git does not know, too (false)")}}},
  };
}

std::vector<tool> session_tools() {
  return {
      {"session_start",
       "Start a command in the background",
       "Start a command in a sandbox that goes on by itself: builds, servers, REPLs. Its output is "
       "kept (64 MiB) and read with session_read. Returns its name.",
       {"", joined(command_fields({sandbox_name(), a_text("name", "chosen for you otherwise")}),
                   {a_flag("terminal", "on a terminal, for programs that want one (false)")})},
       false,
       true,
       true},
      {"session_read",
       "Read a session's output",
       "Output of a session from a byte offset on, stdout and stderr as they came, and its state. "
       "Begin at 0 and go on at the offset that the last read said: nothing is missed or told "
       "twice, and what is lost is said. With wait_s it waits for output, or the command's end.",
       {"",
        {session_name(), an_integer("offset", "byte to begin at (0)"),
         an_integer("max_bytes", "to return at most (32768)", 64, most_output),
         an_integer("wait_s", "seconds to wait where there is nothing yet (0)", 0, most_seconds)}},
       true},
      {"session_send",
       "Write to a session",
       "Give a session's command input. Answered when the sandbox has taken it.",
       {"",
        {session_name(), required(a_field(kind::data, "text", "what to send; may be empty")),
         a_flag("enter", "a line feed behind it (true)"),
         a_flag("end", "then end its input: end of file (false)")}},
       false,
       true,
       true},
      {"session_stop",
       "Stop a session",
       "End a session's command: SIGTERM, then SIGKILL. Its output stays readable.",
       {"",
        {session_name(), an_integer("grace_s", "seconds between the two (10)", 1, most_seconds)}},
       false,
       true},
      {"session_list",
       "List sessions",
       "Sessions with their state and command.",
       {"", {a_text("sandbox", "only those of this one")}},
       true},
  };
}

record listed(const tool& x) {
  return {{"name", x.name},
          {"title", x.title},
          {"description", x.about},
          {"inputSchema", schema_of(x.arguments, false)},
          {"annotations",
           {{"title", x.title},
            {"readOnlyHint", x.is_reading},
            {"destructiveHint", x.is_destructive},
            {"idempotentHint", x.is_reading},
            {"openWorldHint", x.is_open}}}};
}

} // namespace

const std::vector<tool>& tools() {
  static const auto all = [] {
    auto made = sandbox_tools();
    for (auto more : {file_tools(), session_tools()})
      made.insert(made.end(), more.begin(), more.end());
    return made;
  }();
  return all;
}

const tool* find_tool(std::string_view name) {
  const auto found =
      std::find_if(tools().begin(), tools().end(), [&](const tool& x) { return x.name == name; });
  return found == tools().end() ? nullptr : &*found;
}

record tool_list() {
  auto all = record::array();
  for (const auto& x : tools())
    all.push_back(listed(x));
  return {{"tools", all}};
}

} // namespace banger::cli::mcp
