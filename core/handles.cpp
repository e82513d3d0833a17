#include "core/handles.hpp"

#include <limits>
#include <nlohmann/json.hpp>

namespace banger::core {

namespace {

constexpr int format = 1;

nlohmann::json to_json(const process_identity& x) {
  return {{"pid", x.pid}, {"start_ticks", x.start_ticks}};
}

nlohmann::json to_json(const host_handles& x) {
  return {
      {"helper_socket", x.helper_socket}, {"tap", x.tap}, {"address", x.address}, {"disk", x.disk}};
}

host_handles host_from(const nlohmann::json& json) {
  return {json.at("helper_socket").get<std::string>(), json.at("tap").get<std::string>(),
          json.at("address").get<std::string>(), json.at("disk").get<std::string>()};
}

/// A pid outside of its range is left as 0, which is nobody: cut short, it would be somebody else.
process_identity identity_from(const nlohmann::json& json) {
  auto pid = json.at("pid").get<std::int64_t>();
  auto is_pid = pid > 0 && pid <= std::numeric_limits<std::int32_t>::max();
  return {is_pid ? static_cast<std::int32_t>(pid) : 0, json.at("start_ticks").get<std::uint64_t>()};
}

} // namespace

std::string port_socket(const std::string& directory) {
  return directory + "/port.sock";
}

std::string render_handles(const vm_handles& x) {
  nlohmann::json json{{"format", format},
                      {"vm_id", x.vm_id},
                      {"directory", x.directory},
                      {"boot_id", x.boot_id},
                      {"qemu", to_json(x.qemu)},
                      {"net", to_json(x.net)},
                      {"qmp_socket", x.qmp_socket},
                      {"control_socket", x.control_socket},
                      {"accelerator", x.accelerator},
                      {"driver", to_string(x.driver)},
                      {"started_at_ms", x.started_at_ms}};
  if (x.host) // only then: a daemon before this one reads the handles of all other VMs
    json["host"] = to_json(*x.host);
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

result<vm_handles> parse_handles(std::string_view text) {
  try {
    auto json = nlohmann::json::parse(text);
    if (auto found = json.at("format").get<int>(); found != format)
      return fail(ec::version_mismatch, "read handles", "their format is " + std::to_string(found));
    vm_handles x;
    x.vm_id = json.at("vm_id").get<std::string>();
    x.directory = json.at("directory").get<std::string>();
    x.boot_id = json.at("boot_id").get<std::string>();
    x.qemu = identity_from(json.at("qemu"));
    x.net = identity_from(json.at("net"));
    x.qmp_socket = json.at("qmp_socket").get<std::string>();
    x.control_socket = json.at("control_socket").get<std::string>();
    x.accelerator = json.at("accelerator").get<std::string>();
    x.started_at_ms = json.at("started_at_ms").get<std::int64_t>();
    // Older programs knew QEMU alone.
    if (json.value("driver", std::string{}) == to_string(vm_driver::firecracker))
      x.driver = vm_driver::firecracker;
    if (auto host = json.find("host"); host != json.end())
      x.host = host_from(*host);
    return x;
  } catch (const nlohmann::json::exception& why) {
    return fail(ec::storage_failed, "read handles", why.what());
  }
}

} // namespace banger::core
