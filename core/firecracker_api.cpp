#include "core/firecracker_api.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

namespace banger::core::firecracker {

namespace {

using nlohmann::json;

/// A path need not be UTF-8, and JSON has to be: what is not becomes U+FFFD, and Firecracker says
/// that there is no such file.
std::string text_of(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

request put(std::string path, const json& body) {
  return {"PUT", std::move(path), text_of(body)};
}

request patch(std::string path, const json& body) {
  return {"PATCH", std::move(path), text_of(body)};
}

request get(std::string path) {
  return {"GET", std::move(path), {}};
}

const char* name_of(log_level x) {
  switch (x) {
    case log_level::error: return "Error";
    case log_level::warning: return "Warning";
    case log_level::info: return "Info";
    case log_level::debug: return "Debug";
    case log_level::trace: return "Trace";
    case log_level::off: return "Off";
  }
  return "Info";
}

const char* name_of(action x) {
  switch (x) {
    case action::instance_start: return "InstanceStart";
    case action::send_ctrl_alt_del: return "SendCtrlAltDel";
    case action::flush_metrics: return "FlushMetrics";
  }
  return "FlushMetrics";
}

/// Sets a field only where it differs from Firecracker's default.
void add_unless(json& body, const char* key, bool value, bool otherwise) {
  if (value != otherwise)
    body[key] = value;
}

void add_if_any(json& body, const char* key, const std::string& value) {
  if (!value.empty())
    body[key] = value;
}

json parse(std::string_view text) {
  return json::parse(text, nullptr, false);
}

std::string string_in(const json& object, const char* key) {
  if (!object.is_object())
    return {};
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::string asked_for(const request& x) {
  return "ask Firecracker: " + x.method + " " + x.path;
}

} // namespace

request to_request(const machine_config& x) {
  json body{{"vcpu_count", x.vcpu_count}, {"mem_size_mib", x.memory_mib}};
  add_unless(body, "smt", x.has_smt, false);
  add_unless(body, "track_dirty_pages", x.tracks_dirty_pages, false);
  return put("/machine-config", body);
}

request to_request(const boot_source& x) {
  json body{{"kernel_image_path", x.kernel}};
  add_if_any(body, "initrd_path", x.initrd);
  add_if_any(body, "boot_args", x.arguments);
  return put("/boot-source", body);
}

request to_request(const drive& x) {
  json body{{"drive_id", x.id},
            {"path_on_host", x.path},
            {"is_root_device", x.is_root},
            {"is_read_only", x.is_read_only}};
  if (x.caching == cache::writeback)
    body["cache_type"] = "Writeback";
  if (x.engine == io_engine::async)
    body["io_engine"] = "Async";
  return put("/drives/" + x.id, body);
}

request to_request(const drive_update& x) {
  return patch("/drives/" + x.id, {{"drive_id", x.id}, {"path_on_host", x.path}});
}

request to_request(const network_interface& x) {
  json body{{"iface_id", x.id}, {"host_dev_name", x.tap}};
  add_if_any(body, "guest_mac", x.mac);
  if (x.mtu)
    body["mtu"] = *x.mtu;
  return put("/network-interfaces/" + x.id, body);
}

request to_request(const vsock& x) {
  return put("/vsock", {{"guest_cid", x.guest_cid}, {"uds_path", x.path}});
}

request to_request(const logger& x) {
  json body{{"log_path", x.path}, {"level", name_of(x.level)}};
  add_unless(body, "show_level", x.shows_level, false);
  add_unless(body, "show_log_origin", x.shows_origin, false);
  return put("/logger", body);
}

request to_request(const metrics& x) {
  return put("/metrics", {{"metrics_path", x.path}});
}

request to_request(const entropy_device&) {
  return put("/entropy", json::object());
}

request to_request(const serial_device& x) {
  return put("/serial", {{"serial_out_path", x.path}});
}

request to_request(action x) {
  return put("/actions", {{"action_type", name_of(x)}});
}

request to_request(run_state x) {
  return patch("/vm", {{"state", x == run_state::paused ? "Paused" : "Resumed"}});
}

request to_request(const snapshot_create& x) {
  json body{{"snapshot_path", x.state_path}, {"mem_file_path", x.memory_path}};
  if (x.is_diff)
    body["snapshot_type"] = "Diff";
  return put("/snapshot/create", body);
}

request to_request(const snapshot_load& x) {
  json body{{"snapshot_path", x.state_path},
            {"mem_backend", {{"backend_type", "File"}, {"backend_path", x.memory_path}}}};
  add_unless(body, "track_dirty_pages", x.tracks_dirty_pages, false);
  add_unless(body, "resume_vm", x.resumes, false);
  for (const auto& network : x.networks)
    body["network_overrides"].push_back({{"iface_id", network.id}, {"host_dev_name", network.tap}});
  if (!x.vsock_path.empty())
    body["vsock_override"] = {{"uds_path", x.vsock_path}};
  return put("/snapshot/load", body);
}

request to_request(const get_instance_info&) {
  return get("/");
}

request to_request(const get_version&) {
  return get("/version");
}

request to_request(const get_machine_config&) {
  return get("/machine-config");
}

result<std::string> read_reply(const request& asked, int status, const std::string& body) {
  if (status == 200 || status == 204)
    return status == 200 ? body : std::string{};
  auto why = string_in(parse(body), "fault_message");
  if (why.empty())
    why = "it answered with HTTP status " + std::to_string(status);
  for (auto& byte : why)
    if (byte == '\n' || byte == '\r')
      byte = ' '; // an error is one line
  return fail(ec::hypervisor_failed, asked_for(asked), why);
}

result<instance_info> parse_instance_info(std::string_view body) {
  const auto object = parse(body);
  instance_info x;
  x.id = string_in(object, "id");
  x.version = string_in(object, "vmm_version");
  const auto state = string_in(object, "state");
  const auto is_known = state == "Not started" || state == "Running" || state == "Paused";
  if (x.id.empty() || x.version.empty() || !is_known)
    return fail(ec::hypervisor_failed, "ask Firecracker how it is",
                "its answer is not what its API promises");
  x.state = state == "Running"  ? instance_state::running
            : state == "Paused" ? instance_state::paused
                                : instance_state::not_started;
  return x;
}

result<version> parse_version(std::string_view text) {
  auto bad = fail(ec::hypervisor_failed, "read Firecracker's version",
                  "'" + std::string{text.substr(0, 60)} + "' is none");
  constexpr std::string_view name = "Firecracker ";
  if (text.starts_with(name))
    text.remove_prefix(name.size());
  if (text.starts_with('v'))
    text.remove_prefix(1);
  version x;
  const auto* at = text.data();
  const auto* end = at + text.size();
  for (auto* part : {&x.major, &x.minor, &x.patch}) {
    if (part != &x.major && (at == end || *at++ != '.'))
      return bad;
    auto [next, error] = std::from_chars(at, end, *part);
    if (error != std::errc{})
      return bad;
    at = next;
  }
  return x;
}

} // namespace banger::core::firecracker
