#include "cli/stats_render.hpp"

#include "cli/json_values.hpp"
#include "cli/render.hpp"
#include "core/process_usage.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace banger::cli {

namespace {

bool is_running(const vm_stats& x) {
  return x.process_count != 0;
}

std::string used_of(std::uint64_t used, std::uint64_t all) {
  return bytes(used) + " / " + bytes(all);
}

std::string percent(const vm_stats& x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f%%", core::cpu_percent(x.interval_cpu_ms, x.interval_ms));
  return text;
}

std::vector<std::string> row_of(const vm_stats& x) {
  const auto memory = x.proportional_bytes != 0 ? x.proportional_bytes : x.resident_bytes;
  auto where = [](bool is_known, const std::string& text) { return is_known ? text : "-"; };
  const auto runs = is_running(x);
  return {
      x.name,
      to_string(x.state),
      where(runs, percent(x)),
      where(runs, seconds(static_cast<std::int64_t>(x.cpu_ms))),
      where(runs, bytes(memory)),
      where(x.guest_memory_bytes != 0, used_of(x.guest_memory_used_bytes, x.guest_memory_bytes)),
      used_of(x.disk_allocated_bytes, x.disk_virtual_bytes),
      where(x.has_network, bytes(x.received_bytes)),
      where(x.has_network, bytes(x.sent_bytes)),
      where(runs, duration(x.uptime_ms))};
}

record to_record(const vm_stats& x) {
  const auto runs = is_running(x);
  auto while_running = [runs](auto value) { return runs ? record(value) : record(nullptr); };
  auto of_network = [&x](std::uint64_t value) {
    return x.has_network ? record(value) : record(nullptr);
  };
  const auto tenths = std::round(10 * core::cpu_percent(x.interval_cpu_ms, x.interval_ms));
  return {{"id", x.id},
          {"name", x.name},
          {"state", to_string(x.state)},
          {"at_ms", x.at_ms},
          {"uptime_ms", while_running(x.uptime_ms)},
          {"vcpu_count", x.vcpu_count},
          {"memory_mib", x.memory_mib},
          {"process_count", x.process_count},
          {"cpu_ms", while_running(x.cpu_ms)},
          {"interval_ms", while_running(x.interval_ms)},
          {"interval_cpu_ms", while_running(x.interval_cpu_ms)},
          {"cpu_percent", while_running(tenths / 10)},
          {"resident_bytes", number(x.resident_bytes)},
          {"proportional_bytes", number(x.proportional_bytes)},
          {"guest_memory_bytes", number(x.guest_memory_bytes)},
          {"guest_memory_used_bytes", number(x.guest_memory_used_bytes)},
          {"disk_allocated_bytes", x.disk_allocated_bytes},
          {"disk_virtual_bytes", x.disk_virtual_bytes},
          {"received_bytes", of_network(x.received_bytes)},
          {"sent_bytes", of_network(x.sent_bytes)}};
}

} // namespace

std::string stats_table(const std::vector<vm_stats>& all) {
  std::vector<std::vector<std::string>> rows{{"NAME", "STATE", "CPU", "CPU TIME", "MEMORY",
                                              "GUEST MEMORY", "DISK", "RECEIVED", "SENT",
                                              "UPTIME"}};
  for (const auto& x : all)
    rows.push_back(row_of(x));
  return table(rows);
}

std::string stats_json(const std::vector<vm_stats>& all, bool in_one_line) {
  auto items = record::array();
  for (const auto& x : all)
    items.push_back(to_record(x));
  return to_text({{"stats", items}}, in_one_line ? -1 : 2);
}

void count_from(const std::vector<vm_stats>& before, std::vector<vm_stats>& now) {
  for (auto& x : now) {
    const auto last = std::find_if(before.begin(), before.end(), [&](const vm_stats& y) {
      return y.id == x.id && y.process_count != 0 && y.cpu_ms <= x.cpu_ms &&
             y.clock_ms < x.clock_ms && y.uptime_ms <= x.uptime_ms;
    });
    if (last == before.end() || x.process_count == 0)
      continue;
    x.interval_ms = static_cast<std::uint64_t>(x.clock_ms - last->clock_ms);
    x.interval_cpu_ms = x.cpu_ms - last->cpu_ms;
  }
}

} // namespace banger::cli
