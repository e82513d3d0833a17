#include "cli/rpc_records.hpp"

namespace banger::cli::rpc {

namespace {

field time_field(const char* name, const char* about) {
  return an_integer(name, std::string{about} + "; Unix time in milliseconds");
}

const std::vector<std::string>& vm_states() {
  static const std::vector<std::string> all{"creating", "stopped", "starting", "running",
                                            "stopping", "error",   "deleting"};
  return all;
}

/// Null where it does not run, or is not known.
field measured(const char* name, const char* about) {
  return nullable(an_integer(name, about));
}

} // namespace

const shape& nothing_shape() {
  static const shape x = answer_shape("nothing", {});
  return x;
}

const shape& vm_shape() {
  static const shape x = answer_shape(
      "vm", {a_text("id", "12 hex digits, for life"),
             a_text("name", "a host name, unique"),
             a_choice("state", "where it stands", vm_states()),
             a_text("image", "that it was made from"),
             an_integer("vcpu_count", "virtual processors"),
             an_integer("memory_mib", "memory in MiB"),
             an_integer("disk_mib", "size of the disk on /root in MiB"),
             nullable(a_text("address", "that reaches the guest from the host")),
             nullable(an_integer("ssh_port", "at this address")),
             a_flag("is_isolated", "it has no way out to any network"),
             a_flag("is_ephemeral", "it is deleted when the client that made it goes"),
             nullable(time_field("created_at_ms", "when it was made")),
             nullable(time_field("started_at_ms", "when it was started; null unless running")),
             nullable(an_integer("pid", "of the hypervisor")),
             nullable(a_text("accelerator", "kvm or tcg; null unless running")),
             nullable(a_text("directory", "its folder on the host")),
             nullable(a_text("console_log", "path of its serial console's log")),
             nullable(a_text("last_error", "why it is in state error, or stopped by itself")),
             nullable(a_text("last_error_stage", "the stage that failed")),
             nullable(time_field("last_error_at_ms", "when")),
             nullable(a_text("operation", "that runs on it now")),
             nullable(a_text("stage", "of the operation")),
             nullable(time_field("operation_since_ms", "when it began")),
             a_flag("is_quarantined", "it offered a host key that is not the pinned one"),
             nullable(an_integer("running_vcpu_count", "that it was started with")),
             nullable(an_integer("running_memory_mib", "likewise")),
             nullable(an_integer("running_disk_mib", "likewise")),
             a_choice("driver", "what runs it", {"qemu", "firecracker"}),
             a_choice("network", "how it reaches networks", {"user", "tap"}),
             a_flag("has_nat", "of a tap: other networks than the bridge's are reached"),
             a_choice("root_disk", "what its root disk is made of", {"overlay", "snapshot"}),
             nullable(a_text("owner", "whose lease it lives by"))});
  return x;
}

const shape& vm_list_shape() {
  static const shape x = answer_shape("vm_list", {a_list("vms", "by name", vm_shape())});
  return x;
}

const shape& vm_stats_shape() {
  static const shape x = answer_shape(
      "vm_stats",
      {a_text("id", ""),
       a_text("name", ""),
       a_choice("state", "where it stands", vm_states()),
       time_field("at_ms", "when this was so"),
       measured("uptime_ms", "since its start"),
       an_integer("vcpu_count", "that it runs with, or would"),
       an_integer("memory_mib", "likewise"),
       an_integer("process_count", "of the host: the hypervisor and the network's"),
       measured("cpu_ms", "processor time of these since its start"),
       measured("interval_ms", "since the last look by anybody"),
       measured("interval_cpu_ms", "processor time in it"),
       nullable(a_field(kind::number, "cpu_percent", "of one processor, in the interval")),
       measured("resident_bytes", "memory of these processes"),
       measured("proportional_bytes", "likewise, shared pages counted in parts"),
       measured("guest_memory_bytes", "that the guest's kernel manages"),
       measured("guest_memory_used_bytes", "and uses"),
       an_integer("disk_allocated_bytes", "of the host's disk"),
       an_integer("disk_virtual_bytes", "as the guest sees its disks"),
       measured("received_bytes", "by the guest, in Ethernet frames"),
       measured("sent_bytes", "likewise")});
  return x;
}

const shape& vm_history_shape() {
  static const shape change =
      answer_shape("vm_transition",
                   {time_field("at_ms", "when"), a_choice("from", "the state before", vm_states()),
                    a_choice("to", "the state after", vm_states()),
                    nullable(a_text("operation", "that did it; null: nobody asked for it")),
                    nullable(a_text("stage", "of the operation")),
                    nullable(a_text("cause", "what went wrong; null: it was asked for"))});
  static const shape x = answer_shape(
      "vm_history", {a_record("vm", "as it is now", vm_shape()),
                     a_list("transitions", "the newest 50, the oldest first", change)});
  return x;
}

const shape& window_shape() {
  static const shape x = answer_shape(
      "window", {an_integer("rows", "", 1, UINT16_MAX), an_integer("columns", "", 1, UINT16_MAX)});
  return x;
}

const shape& session_shape() {
  static const shape x = answer_shape(
      "session",
      {a_text("id", "12 hex digits, for life"),
       a_text("name", "unique in its VM"),
       a_text("vm_name", "the VM it is in"),
       a_choice("state", "where it stands",
                {"starting", "running", "stopping", "exited", "failed", "lost"}),
       a_field(kind::texts, "argv", "its command"),
       a_field(kind::texts, "env", "\"NAME=value\", added to the guest's own"),
       nullable(a_text("cwd", "null: root's home")),
       a_choice("input", "what its standard input is", {"pipe", "closed", "pty"}),
       nullable(a_record("window", "of its terminal, at its start", window_shape())),
       a_choice("window_policy", "whose size its terminal has", {"smallest", "newest"}),
       a_field(kind::pairs, "tags", "for the user alone"),
       a_field(kind::texts, "required", "commands that the guest must have"),
       nullable(an_integer("journal_cap", "bytes of output that are kept; null: 64 MiB")),
       nullable(time_field("created_at_ms", "when it was asked for")),
       nullable(time_field("started_at_ms", "when it was started")),
       nullable(time_field("ended_at_ms", "when it ended")),
       nullable(an_integer("exit_code", "of its command", INT32_MIN)),
       nullable(an_integer("signal", "that ended it")),
       nullable(a_text("error", "why it failed, or is lost")),
       nullable(a_text("error_step", "of its start")),
       nullable(an_integer("end_offset", "bytes of output; null until it is over")),
       an_integer("client_count", "attached now")});
  return x;
}

const shape& session_list_shape() {
  static const shape x = answer_shape(
      "session_list", {a_list("sessions", "by VM, the oldest first", session_shape())});
  return x;
}

const shape& image_shape() {
  static const shape x = answer_shape(
      "image",
      {a_text("name", ""), a_text("build", "of which VMs are made"),
       a_text("suite", "Debian release"), a_text("init", "banger or systemd"),
       a_text("kernel_version", ""), nullable(time_field("created_at_ms", "when it was built")),
       an_integer("virtual_bytes", "size of the root disk as a guest sees it"),
       an_integer("disk_bytes", "that it takes on the host"), an_integer("package_count", ""),
       a_text("directory", "on the host")});
  return x;
}

const shape& image_list_shape() {
  static const shape x = answer_shape("image_list", {a_list("images", "by name", image_shape())});
  return x;
}

const shape& event_shape() {
  static const shape x = answer_shape(
      "event", {an_integer("sequence", "grows by one, over all runs of the daemon"),
                time_field("at_ms", "when"), a_text("kind", "\"vm.state\", \"image.built\", ..."),
                nullable(a_text("subject", "name of the VM, session or image")),
                nullable(a_text("detail", "the new state, or the error"))});
  return x;
}

const shape& daemon_shape() {
  static const shape found = answer_shape(
      "reconciled",
      {an_integer("adopted", "VMs whose processes live on"),
       an_integer("settled", "VMs that had died, or were half started or stopped"),
       an_integer("rolled_back", "VMs half made or half deleted"),
       an_integer("failed", "VMs that could not be brought to rest"),
       an_integer("cleared", "processes and folders of no VM"),
       an_integer("pending", "VMs it has not finished with"), an_integer("took_ms", "")});
  static const shape x =
      answer_shape("daemon", {a_text("program_version", ""),
                              an_integer("protocol_version", ""),
                              an_integer("pid", ""),
                              time_field("started_at_ms", "when it began"),
                              a_text("socket", ""),
                              a_text("database", ""),
                              a_text("log", ""),
                              an_integer("vm_count", ""),
                              an_integer("running_count", ""),
                              an_integer("client_count", ""),
                              an_integer("worker_count", "threads"),
                              a_record("reconciled", "what it found when it started", found),
                              nullable(a_text("dns_listen", "where names of VMs are asked for")),
                              nullable(a_text("dns_trouble", "why not, where it is wanted")),
                              a_text("host_id", "of its database"),
                              nullable(a_text("listen", "where other machines may connect")),
                              an_integer("cpu_count", ""),
                              an_integer("vcpus_running", "of all VMs that run"),
                              an_integer("memory_mib", ""),
                              an_integer("memory_free_mib", ""),
                              an_integer("memory_running_mib", "promised to VMs that run"),
                              an_integer("disk_free_mib", "where VMs are")});
  return x;
}

const shape& bytes_shape() {
  static const shape x =
      answer_shape("bytes", {a_field(kind::data, "data", "as `encoding` says"),
                             a_choice("encoding", "base64 where it is not UTF-8, or was asked for",
                                      {"utf-8", "base64"})});
  return x;
}

const shape& failure_shape() {
  static const shape x = answer_shape(
      "failure", {a_text("code", "\"not_found\", ...: those of --output json"),
                  nullable(a_text("doing", "what did not work")), nullable(a_text("why", "")),
                  nullable(a_text("hint", "what to do about it")),
                  an_integer("exit_code", "that the banger command would end with")});
  return x;
}

} // namespace banger::cli::rpc
