#include "cli/rpc_methods.hpp"

#include "cli/rpc_records.hpp"
#include "core/suggest.hpp"

#include <algorithm>

namespace banger::cli::rpc {

namespace {

// Of what is asked for. Zero and the empty text are the default, as in the protocol.
constexpr std::int64_t u32 = UINT32_MAX;

field token() {
  return an_integer("owner_token",
                    "of the lease that it lives by, which must be its newest; 0: whoever asks (0)");
}

field vm_ref() {
  return required(a_text("ref", "of a VM: its name, its id or the start of its id"));
}
field session_ref() {
  return required(a_text("ref", "of a session: \"VM/NAME\""));
}
field grace() {
  return an_integer("grace_ms", "time to end by itself; 0: the default", 0, u32);
}
field timeout() {
  return an_integer("timeout_ms", "0: the daemon's longest", 0, u32);
}
field data() {
  return a_field(kind::data, "data", "the bytes, as `encoding` says");
}
field encoding_in() {
  return a_choice("encoding", "of `data` (utf-8)", {"utf-8", "base64"});
}
field encoding_out() {
  return a_choice("encoding", "base64: of all output; auto: where it is not UTF-8 (auto)",
                  {"auto", "base64"});
}
field end_flag() {
  return a_flag("end", "then the command's input ends");
}
field exec_number() {
  return required(an_integer("exec", "as vm.exec answered", 1));
}
field attach_number() {
  return required(an_integer("attach", "as session.attach answered", 1));
}
std::vector<field> command_fields() {
  return {required(a_field(kind::texts, "argv", "the command, a program of the guest first")),
          a_field(kind::texts, "env", "\"NAME=value\", added to the guest's own"),
          a_text("cwd", "folder of the guest (root's home)")};
}
std::vector<field> joined(std::vector<field> a, const std::vector<field>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<field> sizes() {
  return {an_integer("vcpu_count", "virtual processors", 0, u32),
          an_integer("memory_mib", "memory in MiB", 0, u32),
          an_integer("disk_mib", "size of the disk on /root in MiB", 0, u32)};
}

const shape& exec_result() {
  static const shape output = answer_shape(
      "output", joined(bytes_shape().fields,
                       {an_integer("size", "bytes that were written, also those left out"),
                        a_flag("is_truncated", "what is behind max_bytes was left out")}));
  static const shape x = answer_shape(
      "exec_result", {nullable(an_integer("exit_code", "null where a signal ended it", INT32_MIN)),
                      nullable(an_integer("signal", "that ended it")),
                      a_record("stdout", "", output), a_record("stderr", "", output)});
  return x;
}

const shape& attached() {
  static const shape x =
      answer_shape("attached", {an_integer("attach", "names it in what follows"),
                                a_record("session", "as it is now", session_shape()),
                                an_integer("offset", "of the first byte of output that comes")});
  return x;
}

const shape& detached() {
  static const shape x = answer_shape(
      {}, {an_integer("input_bytes", "of this attach, that the command's input took")});
  return x;
}

const shape& sent() {
  static const shape x = answer_shape({}, {an_integer("sent_bytes", "that arrived")});
  return x;
}

const shape& subscribed() {
  static const shape x = answer_shape({}, {an_integer("first", "sequence of the first one to come"),
                                           an_integer("newest", "of the newest there was")});
  return x;
}

const shape& lease() {
  static const shape x =
      answer_shape({}, {a_text("owner", ""), an_integer("token", ""), an_integer("ttl_ms", ""),
                        a_field(kind::texts, "vms", "names of all VMs it has here"),
                        an_integer("stamp", "of this answer, for a later renewal"),
                        an_integer("left_ms", "of the lease; 0: there is none")});
  return x;
}

const shape& anything() {
  static const shape x{"schema", {}};
  return x;
}

std::vector<method> vm_methods() {
  const auto config = joined(
      joined({a_text("name", "a host name; the daemon picks one"), a_text("image", "(debian)")},
             sizes()),
      {a_flag("is_isolated", "no way out to any network"),
       a_flag("is_ephemeral", "delete it when this program ends"),
       a_choice("driver", "what runs it (qemu)", {"qemu", "firecracker"}),
       a_choice("network", "user, without root; tap, with an address of its own (user)",
                {"user", "tap"}),
       a_flag("has_nat", "of a tap: other networks than the bridge's are reached (true)"),
       a_choice("root_disk", "what its root disk is made of (overlay)", {"overlay", "snapshot"}),
       a_text("owner", "whose lease it lives by: see owner.renew"),
       an_integer("owner_token", "the lease's token (0)")});
  return {
      {"vm.create", "make a VM; it is stopped then", {"", config}, &vm_shape()},
      {"vm.start", "boot it and wait until it can be used", {"", {vm_ref(), token()}}, &vm_shape()},
      {"vm.stop", "shut it down; its disks stay", {"", {vm_ref(), grace()}}, &vm_shape()},
      {"vm.restart", "stop it, then start it", {"", {vm_ref(), grace(), token()}}, &vm_shape()},
      {"vm.kill", "end it at once, as if its plug were pulled", {"", {vm_ref()}}, &vm_shape()},
      {"vm.delete",
       "remove it and its disks, running or not",
       {"", {vm_ref(), token()}},
       &vm_shape()},
      {"vm.list", "all VMs", {"", {}}, &vm_list_shape()},
      {"vm.show", "one VM", {"", {vm_ref()}}, &vm_shape()},
      {"vm.wait",
       "answer when it is in a state",
       {"",
        {vm_ref(), a_choice("state", "to wait for (running)", {"running", "stopped"}), timeout()}},
       &vm_shape()},
      {"vm.set",
       "change what it may have; a running VM has it from its next start on",
       {"", joined(joined({vm_ref()}, sizes()),
                   {a_choice("nat", "whether its tap reaches other networks", {"on", "off"})})},
       &vm_shape()},
      {"vm.stats", "what it takes of the host", {"", {vm_ref()}}, &vm_stats_shape()},
      {"vm.history", "how it came to be as it is", {"", {vm_ref()}}, &vm_history_shape()},
  };
}

std::vector<method> exec_methods() {
  return {
      {"vm.exec",
       "run a command to its end; with `stream` answer {\"exec\"} when it runs, then tell of it",
       {"",
        joined(
            joined({vm_ref()}, command_fields()),
            {a_field(kind::data, "input", "for its stdin, which then ends"),
             a_choice("input_encoding", "of `input` (utf-8)", {"utf-8", "base64"}), encoding_out(),
             an_integer("max_bytes", "of stdout and of stderr that are kept (1048576)", 0, 4 << 20),
             a_flag("stream", "tell output as it comes; without `input`, stdin stays open")})},
       &exec_result()},
      {"exec.input",
       "write to a streaming command's stdin; answered when it is on its way",
       {"", {exec_number(), data(), encoding_in(), end_flag()}},
       &nothing_shape()},
      {"exec.signal",
       "send a signal to a streaming command's process group",
       {"", {exec_number(), required(a_field(kind::signal, "signal", "\"TERM\", or 15"))}},
       &nothing_shape()},
  };
}

std::vector<method> session_methods() {
  const auto config =
      joined(joined({vm_ref(), a_text("name", "its name in the VM; the daemon picks one")},
                    command_fields()),
             {a_choice("input", "what its stdin is (pipe)", {"pipe", "closed", "pty"}),
              a_record("window", "of a pty, until somebody attaches", window_shape()),
              a_choice("window_policy", "whose size a pty has (smallest)", {"smallest", "newest"}),
              a_field(kind::pairs, "tags", "for you"),
              a_field(kind::texts, "required", "commands that the guest must have"),
              an_integer("journal_cap", "bytes of output that are kept; 0: 64 MiB")});
  return {
      {"session.start",
       "start a command that outlives this program",
       {"", config},
       &session_shape()},
      {"session.list",
       "all sessions, or those of one VM",
       {"", {a_text("ref", "of a VM; none: of all")}},
       &session_list_shape()},
      {"session.show", "one session", {"", {session_ref()}}, &session_shape()},
      {"session.wait",
       "answer when it is over",
       {"", {session_ref(), timeout()}},
       &session_shape()},
      {"session.stop",
       "end its command, by SIGTERM and then by SIGKILL",
       {"", {session_ref(), grace()}},
       &session_shape()},
      {"session.kill",
       "send a signal to its command's process group",
       {"", {session_ref(), a_field(kind::signal, "signal", "\"TERM\", or 15 (KILL)")}},
       &session_shape()},
      {"session.delete",
       "forget it and its output",
       {"", {session_ref(), a_flag("is_forced", "kill it first, where it runs")}},
       &session_shape()},
      {"session.attach",
       "tell its output from a place on, and take its input",
       {"",
        {session_ref(),
         a_choice("role", "what this client may do (viewer)", {"viewer", "writer", "exclusive"}),
         a_flag("takes_over", "of exclusive: also from another one"),
         a_choice("origin",
                  "where output begins: at byte `from`, now, the last `from` bytes, or at"
                  " Unix time `from` (offset)",
                  {"offset", "now", "last", "since_ms"}),
         an_integer("from", "as `origin` says (0)"),
         a_flag("follows", "go on as more comes (true)"), encoding_out(),
         a_record("window", "of our terminal", window_shape())}},
       &attached()},
      {"session.input",
       "write to its command's stdin; answered when it is on its way",
       {"", {attach_number(), data(), encoding_in(), end_flag()}},
       &nothing_shape()},
      {"session.resize",
       "our terminal has this size now",
       {"", {attach_number(), required(a_record("window", "", window_shape()))}},
       &nothing_shape()},
      {"session.detach",
       "end an attach; its input is given to the command first",
       {"", {attach_number()}},
       &detached()},
      {"session.send",
       "give its command one input, whole; answered when it has arrived",
       {"", {session_ref(), data(), encoding_in(), end_flag()}},
       &sent()},
  };
}

std::vector<method> other_methods() {
  return {
      {"image.list", "all images", {"", {}}, &image_list_shape()},
      {"image.show", "one image", {"", {required(a_text("name", ""))}}, &image_shape()},
      {"events.subscribe",
       "tell every event from now on, once; `since` wins over `last`",
       {"",
        {an_integer("last", "and first the last so many that are kept"),
         an_integer("since", "and first those behind the event with this sequence")}},
       &subscribed()},
      {"owner.renew",
       "say that an owner of VMs lives, and will say so again in time; else they are killed",
       {"",
        {required(a_text("owner", "its name")),
         an_integer("token", "only grows: a lower one than the newest is refused (0)"),
         required(an_integer("ttl_ms", "until the next renewal is due", 1'000, 3'600'000)),
         an_integer("stamp", "of an earlier answer: the lease counts from then; 1: none yet; 0: it "
                             "counts from now (0)")}},
       &lease()},
      {"daemon.status", "the daemon, and what it found when it started", {"", {}}, &daemon_shape()},
      {"rpc.cancel",
       "cancel this client's operations (create, start, stop, ...), as Ctrl-C does; answered when "
       "they have ended",
       {"", {}},
       &nothing_shape()},
      {"rpc.describe", "this schema", {"", {}}, &anything()},
  };
}

} // namespace

const std::vector<method>& methods() {
  static const auto all = [] {
    auto made = vm_methods();
    for (auto more : {exec_methods(), session_methods(), other_methods()})
      made.insert(made.end(), more.begin(), more.end());
    return made;
  }();
  return all;
}

const method* find_method(std::string_view name) {
  const auto found = std::find_if(methods().begin(), methods().end(),
                                  [&](const method& x) { return x.name == name; });
  return found == methods().end() ? nullptr : &*found;
}

std::string nearest_method(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& x : methods())
    names.push_back(x.name);
  return core::nearest(name, names);
}

} // namespace banger::cli::rpc
