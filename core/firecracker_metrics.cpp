#include "core/firecracker_metrics.hpp"

#include <nlohmann/json.hpp>

namespace banger::core::firecracker {

namespace {

std::uint64_t counter(const nlohmann::json& line, const char* group, const char* name) {
  auto found = line.find(group);
  if (found == line.end() || !found->is_object())
    return 0;
  auto value = found->find(name);
  return value != found->end() && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
}

} // namespace

result<void> add_metrics(metrics_sum& sum, std::string_view text) {
  const auto line = nlohmann::json::parse(text, nullptr, false);
  const auto time = line.is_object() ? line.find("utc_timestamp_ms") : line.end();
  if (!line.is_object() || time == line.end() || !time->is_number_integer())
    return fail(ec::hypervisor_failed, "read Firecracker's metrics", "a line of them is damaged");
  sum.at_ms = time->get<std::int64_t>();
  ++sum.lines;
  sum.net_rx_bytes += counter(line, "net", "rx_bytes_count");
  sum.net_tx_bytes += counter(line, "net", "tx_bytes_count");
  sum.block_read_bytes += counter(line, "block", "read_bytes");
  sum.block_write_bytes += counter(line, "block", "write_bytes");
  sum.vsock_rx_bytes += counter(line, "vsock", "rx_bytes_count");
  sum.vsock_tx_bytes += counter(line, "vsock", "tx_bytes_count");
  sum.seccomp_faults += counter(line, "seccomp", "num_faults");
  return {};
}

result<metrics_sum> parse_metrics(std::string_view text) {
  metrics_sum sum;
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos;
       text.remove_prefix(end + 1))
    if (end > 0)
      if (auto added = add_metrics(sum, text.substr(0, end)); !added)
        return tl::make_unexpected(added.error());
  return sum;
}

} // namespace banger::core::firecracker
