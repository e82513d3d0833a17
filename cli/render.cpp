#include "cli/render.hpp"

#include "core/sizes.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace banger::cli {

namespace {

constexpr std::int64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

std::string ago(std::int64_t at_ms, std::int64_t now_ms) {
  return at_ms == 0 ? "-" : duration(now_ms - at_ms) + " ago";
}

std::string clock_time(std::int64_t ms) {
  auto seconds_since = static_cast<std::time_t>(ms / second);
  std::tm parts{};
  ::gmtime_r(&seconds_since, &parts);
  char text[96];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(ms % second));
  return text;
}

/// What a person wants to know of the state: an operation says more than it.
std::string state_text(const vm_info& vm) {
  auto text = to_string(vm.state) + (vm.is_quarantined ? " (host key changed)" : "");
  return vm.stage.empty() ? text : text + " (" + vm.stage + ")";
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const auto& word : words)
    out += (out.empty() ? "" : between) + word;
  return out;
}

std::string details(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> shown;
  for (const auto& row : rows)
    if (!row[1].empty())
      shown.push_back({row[0] + ":", row[1]});
  return table(shown);
}

/// @param running  0: it does not run
std::string with_running(std::uint32_t wanted, std::uint32_t running,
                         std::string (*show)(std::uint64_t)) {
  const auto text = show(wanted);
  return running == 0 || running == wanted
             ? text
             : text + " (until its next start: " + show(running) + ")";
}

std::string plain(std::uint64_t x) {
  return std::to_string(x);
}

std::string dns_text(const daemon_status& x) {
  return x.dns_trouble.empty() ? x.dns_listen : "none served: " + printable(x.dns_trouble);
}

/// "2 CPUs, 6.1G of 7.8G memory free, 41G disk free".
std::string capacity_text(const daemon_status& x) {
  const auto size = core::format_mib;
  return std::to_string(x.cpu_count) + (x.cpu_count == 1 ? " CPU, " : " CPUs, ") +
         size(x.memory_free_mib) + " of " + size(x.memory_mib) + " memory free, " +
         size(x.disk_free_mib) + " disk free";
}

std::string or_dash(std::string x) {
  return x.empty() ? "-" : std::move(x);
}

std::string reconciled_text(const reconcile_report& x) {
  std::string text;
  auto add = [&](std::uint32_t count, const char* what) {
    if (count > 0)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  add(x.adopted, "adopted");
  add(x.settled, "settled");
  add(x.rolled_back, "rolled back");
  add(x.failed, "failed");
  add(x.cleared, "of no VM cleared");
  add(x.pending, "not at rest yet");
  return (text.empty() ? "all as it was left" : text) + " (" + std::to_string(x.took_ms) + " ms)";
}

} // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size())
        out.append(widths[i] - row[i].size() + 2, ' ');
    }
    out += '\n';
  }
  return out;
}

std::string duration(std::int64_t ms) {
  ms = std::max<std::int64_t>(ms, 0);
  if (ms < minute)
    return std::to_string(ms / second) + " s";
  if (ms < hour)
    return std::to_string(ms / minute) + " min";
  if (ms < 2 * day)
    return std::to_string(ms / hour) + " h";
  return std::to_string(ms / day) + " d";
}

std::string seconds(std::int64_t ms) {
  auto tenths = std::max<std::int64_t>(ms, 0) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
}

std::string bytes(std::uint64_t count) {
  constexpr std::uint64_t mib = 1U << 20;
  return count < mib ? std::to_string(count / 1024) + " KiB" : core::format_mib(count / mib);
}

namespace {

constexpr std::initializer_list<const char*> vm_columns{
    "NAME", "STATE", "IMAGE", "VCPU", "MEMORY", "DISK", "ADDRESS", "UPTIME", "CREATED"};

std::vector<std::string> vm_row(const vm_info& vm, std::int64_t now_ms) {
  return {vm.name,
          state_text(vm),
          vm.image,
          std::to_string(vm.vcpu_count),
          core::format_mib(vm.memory_mib),
          core::format_mib(vm.disk_mib),
          vm.address,
          vm.started_at_ms == 0 ? "-" : duration(now_ms - vm.started_at_ms),
          ago(vm.created_at_ms, now_ms)};
}

} // namespace

std::string vm_table(const std::vector<vm_info>& vms, std::int64_t now_ms) {
  std::vector<std::vector<std::string>> rows{{vm_columns.begin(), vm_columns.end()}};
  for (const auto& vm : vms)
    rows.push_back(vm_row(vm, now_ms));
  return table(rows);
}

std::string vm_table(const std::vector<vm_of_host>& vms, std::int64_t now_ms) {
  std::vector<std::vector<std::string>> rows{{vm_columns.begin(), vm_columns.end()}};
  rows.front().insert(rows.front().begin(), "HOST");
  for (const auto& x : vms) {
    rows.push_back(vm_row(x.vm, now_ms));
    rows.back().insert(rows.back().begin(), x.host.empty() ? "-" : x.host);
  }
  return table(rows);
}

std::string network_text(const vm_info& vm) {
  if (vm.network == network_kind::tap)
    return vm.has_nat ? "tap, with NAT" : "tap, without NAT";
  return vm.is_isolated ? "none" : to_string(vm.network);
}

std::string vm_details(const vm_info& vm, std::int64_t now_ms) {
  auto error = vm.last_error;
  if (!error.empty() && !vm.last_error_stage.empty())
    error += " (while " + vm.last_error_stage + ", " + ago(vm.last_error_at_ms, now_ms) + ")";
  return details(
      {{"name", vm.name},
       {"id", vm.id},
       {"state", state_text(vm)},
       {"last error", error},
       {"image", vm.image},
       {"vcpu", with_running(vm.vcpu_count, vm.running_vcpu_count, plain)},
       {"memory", with_running(vm.memory_mib, vm.running_memory_mib, core::format_mib)},
       {"disk", with_running(vm.disk_mib, vm.running_disk_mib, core::format_mib)},
       {"network", network_text(vm)},
       {"root disk", vm.driver == vm_driver::firecracker && vm.root_disk == root_disk_kind::overlay
                         ? "copy"
                         : to_string(vm.root_disk)},
       {"address", vm.address + " port " + std::to_string(vm.ssh_port) + " (ssh)"},
       {"driver", to_string(vm.driver)},
       {"accelerator", vm.accelerator},
       {"process", vm.pid == 0 ? "" : std::to_string(vm.pid)},
       {"uptime", vm.started_at_ms == 0 ? "" : duration(now_ms - vm.started_at_ms)},
       {"created", clock_time(vm.created_at_ms)},
       {"ephemeral", vm.is_ephemeral ? "yes" : ""},
       {"owner", vm.owner},
       {"folder", vm.directory},
       {"console log", vm.console_log}});
}

std::string image_table(const std::vector<image_info>& images, std::int64_t now_ms) {
  std::vector<std::vector<std::string>> rows{
      {"NAME", "SUITE", "INIT", "KERNEL", "PACKAGES", "SIZE", "BUILT"}};
  for (const auto& image : images)
    rows.push_back({image.name, image.suite, image.init, image.kernel_version,
                    std::to_string(image.package_count), bytes(image.disk_bytes),
                    ago(image.created_at_ms, now_ms)});
  return table(rows);
}

std::string image_details(const image_info& image, std::int64_t now_ms) {
  return details(
      {{"name", image.name},
       {"build", image.build},
       {"suite", image.suite},
       {"init", image.init},
       {"kernel", image.kernel_version},
       {"packages", std::to_string(image.package_count)},
       {"root disk", bytes(image.virtual_bytes)},
       {"size", bytes(image.disk_bytes)},
       {"built", clock_time(image.created_at_ms) + " (" + ago(image.created_at_ms, now_ms) + ")"},
       {"folder", image.directory}});
}

std::string key_table(const std::vector<host_key_info>& keys) {
  std::vector<std::vector<std::string>> rows{
      {"VM", "TYPE", "FINGERPRINT", "FROM", "STATE", "NAMES"}};
  for (const auto& key : keys) {
    rows.push_back({key.vm_name.empty() ? "-" : key.vm_name, key.type, key.fingerprint,
                    to_string(key.provenance), key.is_quarantined ? "refused another" : "pinned",
                    printable(joined(key.names, ","))});
  }
  return table(rows);
}

std::string key_details(const host_key_info& key) {
  auto is_pinned = !key.type.empty();
  auto text = details(
      {{"vm", key.vm_name},
       {"host key", is_pinned ? key.type + " " + key.fingerprint : "none is pinned"},
       {"from", is_pinned ? to_string(key.provenance) : ""},
       {"names", printable(joined(key.names, ", "))},
       {"offered", key.is_quarantined ? key.offered_type + " " + key.offered_fingerprint : ""}});
  if (key.is_quarantined)
    text +=
        "The offered key is not trusted, and nobody is let through to the VM. If it was changed "
        "on purpose:\n  banger hostkey accept " +
        key.vm_name + " --fingerprint " + key.offered_fingerprint + "\n";
  return text;
}

std::string status_details(const daemon_status& status, std::int64_t now_ms) {
  return details({{"daemon", "running, process " + std::to_string(status.pid)},
                  {"version", status.program_version},
                  {"protocol", std::to_string(status.protocol_version)},
                  {"uptime", duration(now_ms - status.started_at_ms)},
                  {"VMs", std::to_string(status.vm_count) +
                              ", of them running: " + std::to_string(status.running_count)},
                  {"host", status.host_id + ", " + capacity_text(status)},
                  {"at its start", reconciled_text(status.reconciled)},
                  {"clients", std::to_string(status.client_count)},
                  {"workers", std::to_string(status.worker_count)},
                  {"names of VMs", dns_text(status)},
                  {"socket", status.socket},
                  {"database", status.database},
                  {"log", status.log}});
}

std::string history_details(const vm_history& past, std::int64_t now_ms) {
  const auto& vm = past.vm;
  auto text = vm.name + " is " + to_string(vm.state);
  if (!past.transitions.empty())
    text += " for " + duration(now_ms - past.transitions.back().at_ms);
  if (!vm.last_error.empty())
    text += ": " + printable(vm.last_error);
  text += "\n";
  if (past.transitions.empty())
    return text + "Nothing has become of it yet.\n";
  std::vector<std::vector<std::string>> rows{{"WHEN", "WHAT", "OPERATION", "STAGE", "CAUSE"}};
  for (const auto& x : past.transitions)
    rows.push_back({clock_time(x.at_ms),
                    x.from == x.to ? to_string(x.to) : to_string(x.from) + " -> " + to_string(x.to),
                    or_dash(x.operation), or_dash(x.stage), or_dash(printable(x.cause))});
  return text + table(rows);
}

std::string port_table(const std::vector<core::guest_port>& ports) {
  std::vector<std::vector<std::string>> rows{{"PROTOCOL", "ADDRESS", "PORT", "PID", "PROCESS"}};
  for (const auto& x : ports)
    rows.push_back({x.protocol, printable(x.address), std::to_string(x.port),
                    x.pid == 0 ? "-" : std::to_string(x.pid), or_dash(printable(x.process))});
  return table(rows);
}

std::string tree_table(const actor_tree& tree) {
  std::vector<std::vector<std::string>> rows{
      {"ACTOR", "STATE", "MAILBOX", "RESTARTS", "LAST ERROR"}};
  for (const auto& x : tree.actors)
    rows.push_back({std::string(std::size_t{2} * x.depth, ' ') + x.name, x.state,
                    std::to_string(x.mailbox), std::to_string(x.restarts),
                    or_dash(printable(x.last_error))});
  return table(rows);
}

std::string event_line(const event_happened& event) {
  return clock_time(event.at_ms) + "  " + event.kind + "  " + event.subject +
         (event.detail.empty() ? "" : "  " + event.detail) + "\n";
}

std::string printable(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (char c : text) {
    auto code = static_cast<unsigned char>(c);
    if (code >= 32 && code != 127)
      out += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else
      out += std::string{"\\x"} + digits[code >> 4] + digits[code & 15];
  }
  return out;
}

std::string error_lines(const failure& why, bool is_coloured) {
  auto line =
      (is_coloured ? "\033[31mbanger:\033[0m " : "banger: ") + printable(to_string(why)) + "\n";
  if (!why.hint.empty())
    line += "hint: " + printable(why.hint) + "\n";
  return line;
}

} // namespace banger::cli
