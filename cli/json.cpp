#include "cli/json.hpp"

#include "cli/copy_render.hpp"
#include "cli/json_values.hpp"
#include "cli/render.hpp"
#include "core/base64.hpp"

namespace banger::cli {

namespace {

record to_record(const failure& why) {
  return {{"code", to_string(why.code)},
          {"what", text(why.what)},
          {"why", text(why.why)},
          {"hint", text(why.hint)},
          {"op", text(why.op)}};
}

record to_record(const vm_info& vm) {
  return {{"id", vm.id},
          {"name", vm.name},
          {"state", to_string(vm.state)},
          {"image", vm.image},
          {"vcpu_count", vm.vcpu_count},
          {"memory_mib", vm.memory_mib},
          {"disk_mib", vm.disk_mib},
          {"address", text(vm.address)},
          {"ssh_port", number(vm.ssh_port)},
          {"is_isolated", vm.is_isolated},
          {"is_ephemeral", vm.is_ephemeral},
          {"created_at_ms", number(vm.created_at_ms)},
          {"started_at_ms", number(vm.started_at_ms)},
          {"pid", number(vm.pid)},
          {"accelerator", text(vm.accelerator)},
          {"directory", text(vm.directory)},
          {"console_log", text(vm.console_log)},
          {"last_error", text(vm.last_error)},
          {"last_error_stage", text(vm.last_error_stage)},
          {"last_error_at_ms", number(vm.last_error_at_ms)},
          {"operation", text(vm.operation)},
          {"stage", text(vm.stage)},
          {"operation_since_ms", number(vm.operation_since_ms)},
          {"is_quarantined", vm.is_quarantined},
          {"running_vcpu_count", number(vm.running_vcpu_count)},
          {"running_memory_mib", number(vm.running_memory_mib)},
          {"running_disk_mib", number(vm.running_disk_mib)},
          {"driver", to_string(vm.driver)},
          {"network", to_string(vm.network)},
          {"has_nat", vm.has_nat},
          {"root_disk", to_string(vm.root_disk)},
          {"owner", text(vm.owner)}};
}

record to_record(const image_info& image) {
  return {{"name", image.name},
          {"build", image.build},
          {"suite", image.suite},
          {"init", image.init},
          {"kernel_version", image.kernel_version},
          {"created_at_ms", number(image.created_at_ms)},
          {"virtual_bytes", image.virtual_bytes},
          {"disk_bytes", image.disk_bytes},
          {"package_count", image.package_count},
          {"directory", image.directory}};
}

record to_record(const host_key_info& key) {
  return {{"vm_name", text(key.vm_name)},
          {"names", key.names},
          {"type", text(key.type)},
          {"fingerprint", text(key.fingerprint)},
          {"key", text(key.key)},
          {"provenance", to_string(key.provenance)},
          {"line", number(key.line)},
          {"is_quarantined", key.is_quarantined},
          {"offered_type", text(key.offered_type)},
          {"offered_fingerprint", text(key.offered_fingerprint)}};
}

record pairs_of(const std::vector<std::string>& pairs) {
  auto all = record::object();
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    all[pair.substr(0, equals)] = equals == std::string::npos ? "" : pair.substr(equals + 1);
  }
  return all;
}

record window_of(const window_size& x) {
  return x.rows == 0 ? record(nullptr) : record{{"rows", x.rows}, {"columns", x.columns}};
}

record to_record(const session_info& x) {
  const auto has_code = x.state == session_state::exited && x.signal == 0;
  return {{"id", x.id},
          {"name", x.config.name},
          {"vm_name", x.vm_name},
          {"state", to_string(x.state)},
          {"argv", x.config.argv},
          {"env", x.config.env},
          {"cwd", text(x.config.cwd)},
          {"input", to_string(x.config.input)},
          {"window", window_of(x.config.window)},
          {"window_policy", to_string(x.config.policy)},
          {"tags", pairs_of(x.config.tags)},
          {"required", x.config.required},
          {"journal_cap", number(x.config.journal_cap)},
          {"created_at_ms", number(x.created_at_ms)},
          {"started_at_ms", number(x.started_at_ms)},
          {"ended_at_ms", number(x.ended_at_ms)},
          {"exit_code", has_code ? record(x.exit_code) : record(nullptr)},
          {"signal", number(x.signal)},
          {"error", text(x.error)},
          {"error_step", text(x.error_step)},
          {"end_offset", is_over(x.state) ? record(x.end_offset) : record(nullptr)},
          {"client_count", x.client_count}};
}

record to_record(const attach_info& x) {
  return {{"client", x.client},
          {"role", to_string(x.role)},
          {"since_ms", x.since_ms},
          {"offset", x.offset},
          {"lag", x.lag},
          {"input_bytes", x.input_bytes},
          {"window", window_of(x.window)}};
}

bool is_utf8(const std::string& bytes) {
  return record(bytes).dump(-1, ' ', false, record::error_handler_t::ignore) ==
         record(bytes).dump(-1, ' ', false, record::error_handler_t::replace);
}

template <class T>
record list_of(const std::vector<T>& all) {
  auto items = record::array();
  for (const auto& x : all)
    items.push_back(to_record(x));
  return items;
}

template <class T>
std::string results(const std::string& kind, const std::vector<outcome<T>>& outcomes) {
  auto items = record::array();
  for (const auto& x : outcomes)
    items.push_back({{"ref", x.ref},
                     {"ok", x.value.has_value()},
                     {kind, x.value ? to_record(*x.value) : record(nullptr)},
                     {"error", x.value ? record(nullptr) : to_record(x.value.error())}});
  return to_text({{"results", items}});
}

} // namespace

std::string json(const vm_info& vm) {
  return to_text(to_record(vm));
}

std::string json(const vm_list& vms) {
  return to_text({{"vms", list_of(vms.vms)}});
}

std::string json(const image_info& image) {
  return to_text(to_record(image));
}

std::string json(const image_list& images) {
  return to_text({{"images", list_of(images.images)}});
}

std::string json(const host_key_info& key) {
  return to_text(to_record(key));
}

std::string json(const host_key_list& keys) {
  return to_text({{"path", keys.path}, {"keys", list_of(keys.keys)}});
}

std::string json(const key_verdict& x) {
  auto keys = record::array();
  for (const auto& key : x.found.keys)
    keys.push_back(
        {{"type", key.type}, {"fingerprint", key.fingerprint}, {"line", key.line_number}});
  return to_text({{"verdict", verdict_name(x.found.status)},
                  {"file", x.file},
                  {"host", x.host},
                  {"port", x.port},
                  {"name", x.found.name},
                  {"offered", {{"type", x.offered.type}, {"fingerprint", x.fingerprint}}},
                  {"keys", keys}});
}

std::string json(const daemon_status& status) {
  return to_text({{"program_version", status.program_version},
                  {"protocol_version", status.protocol_version},
                  {"pid", status.pid},
                  {"started_at_ms", status.started_at_ms},
                  {"socket", status.socket},
                  {"database", status.database},
                  {"log", status.log},
                  {"vm_count", status.vm_count},
                  {"running_count", status.running_count},
                  {"client_count", status.client_count},
                  {"worker_count", status.worker_count},
                  {"reconciled",
                   {{"adopted", status.reconciled.adopted},
                    {"settled", status.reconciled.settled},
                    {"rolled_back", status.reconciled.rolled_back},
                    {"failed", status.reconciled.failed},
                    {"cleared", status.reconciled.cleared},
                    {"pending", status.reconciled.pending},
                    {"took_ms", status.reconciled.took_ms}}},
                  {"dns_listen", text(status.dns_listen)},
                  {"dns_trouble", text(status.dns_trouble)},
                  {"host_id", status.host_id},
                  {"listen", text(status.listen)},
                  {"cpu_count", status.cpu_count},
                  {"vcpus_running", status.vcpus_running},
                  {"memory_mib", status.memory_mib},
                  {"memory_free_mib", status.memory_free_mib},
                  {"memory_running_mib", status.memory_running_mib},
                  {"disk_free_mib", status.disk_free_mib}});
}

std::string json(const vm_history& past) {
  auto all = record::array();
  for (const auto& x : past.transitions)
    all.push_back({{"at_ms", x.at_ms},
                   {"from", to_string(x.from)},
                   {"to", to_string(x.to)},
                   {"operation", text(x.operation)},
                   {"stage", text(x.stage)},
                   {"cause", text(x.cause)}});
  return to_text({{"vm", to_record(past.vm)}, {"transitions", all}});
}

std::string json(const actor_tree& tree) {
  auto all = record::array();
  for (const auto& x : tree.actors)
    all.push_back({{"name", text(x.name)},
                   {"depth", x.depth},
                   {"state", text(x.state)},
                   {"mailbox", x.mailbox},
                   {"restarts", x.restarts},
                   {"last_error", text(x.last_error)}});
  return to_text({{"actors", all}});
}

std::string json(const event_happened& event) {
  return to_text({{"sequence", event.sequence},
                  {"at_ms", event.at_ms},
                  {"kind", event.kind},
                  {"subject", text(event.subject)},
                  {"detail", text(event.detail)}},
                 -1);
}

std::string json(const std::vector<vm_of_host>& vms, const std::vector<host_failure>& failures) {
  auto all = record::array(), errors = record::array();
  for (const auto& x : vms) {
    all.push_back(to_record(x.vm));
    all.back()["host"] = text(x.host);
  }
  for (const auto& x : failures)
    errors.push_back({{"host", text(x.host)}, {"error", to_record(x.why)}});
  return to_text({{"vms", all}, {"failures", errors}});
}

std::string json(const events_subscribed& at) {
  return to_text({{"first", at.first}, {"newest", at.newest}});
}

std::string json(const owner_lease& lease) {
  return to_text({{"owner", lease.owner},
                  {"token", lease.token},
                  {"ttl_ms", lease.ttl_ms},
                  {"vms", lease.vms},
                  {"stamp", lease.stamp},
                  {"left_ms", lease.left_ms}});
}

std::string json(const events_missed& gap) {
  return to_text({{"missed", {{"from", gap.from}, {"to", gap.to}}}}, -1);
}

std::string json(const failure& why) {
  return to_text({{"error", to_record(why)}});
}

std::string json(const std::vector<outcome<vm_info>>& outcomes) {
  return results("vm", outcomes);
}

std::string json(const std::vector<outcome<image_info>>& outcomes) {
  return results("image", outcomes);
}

std::string json(const session_info& x) {
  return to_text(to_record(x));
}

std::string json(const session_list& all) {
  return to_text({{"sessions", list_of(all.sessions)}});
}

std::string json(const attach_list& all) {
  return to_text({{"session", to_record(all.session)}, {"attaches", list_of(all.attaches)}});
}

std::string json(const std::vector<outcome<session_info>>& outcomes) {
  return results("session", outcomes);
}

std::string output_json(const attach_output& x) {
  const auto is_text = is_utf8(x.bytes);
  return to_text({{"type", "output"},
                  {"stream", x.is_stderr ? "stderr" : "stdout"},
                  {"offset", x.offset},
                  {"size", x.bytes.size()},
                  {"text", is_text ? record(x.bytes) : record(nullptr)},
                  {"base64", is_text ? record(nullptr) : record(core::base64_encode(x.bytes))}},
                 -1);
}

std::string gap_json(const attach_gap& x) {
  return to_text({{"type", "gap"}, {"from", x.from}, {"to", x.to}}, -1);
}

std::string notice_json(const std::string& what) {
  return to_text({{"type", "notice"}, {"text", what}}, -1);
}

std::string end_json(const session_info& x) {
  return to_text({{"type", "end"}, {"session", to_record(x)}}, -1);
}

std::string json(const std::vector<core::guest_port>& ports) {
  auto all = record::array();
  for (const auto& x : ports)
    all.push_back({{"protocol", x.protocol},
                   {"address", x.address},
                   {"port", x.port},
                   {"pid", number(x.pid)},
                   {"process", text(x.process)}});
  return to_text({{"ports", all}});
}

std::string forward_json(const char* type, const std::string& address, std::uint16_t port,
                         const std::string& vm, std::uint16_t guest_port,
                         const std::string& process) {
  return to_text({{"type", type},
                  {"address", address},
                  {"port", port},
                  {"vm", vm},
                  {"guest_port", guest_port},
                  {"process", text(process)}},
                 -1);
}

std::string refused_json(const std::string& vm, std::uint16_t guest_port, const std::string& why,
                         std::uint64_t held) {
  return to_text({{"type", "refused"},
                  {"vm", vm},
                  {"guest_port", guest_port},
                  {"why", why},
                  {"held_back", held}},
                 -1);
}

std::string version_json(const std::string& client, const std::string& daemon, const failure& why) {
  auto is_known = why.code == ec::none || why.code == ec::unreachable;
  return to_text({{"client", client},
                  {"daemon", text(daemon)},
                  {"error", is_known ? record(nullptr) : to_record(why)}});
}

std::string ssh_config_json(bool is_installed, const std::string& config,
                            const std::string& user_config) {
  return to_text(
      {{"is_installed", is_installed}, {"config", config}, {"user_config", user_config}});
}

std::string json(const copy_figures& x) {
  return to_text({{"files", x.files},
                  {"directories", x.directories},
                  {"links", x.links},
                  {"bytes", x.bytes},
                  {"bytes_sent", x.bytes_sent},
                  {"left_out", x.left_out},
                  {"duration_ms", x.duration_ms}});
}

std::string stopped_json(bool was_running) {
  return to_text({{"was_running", was_running}});
}

} // namespace banger::cli
