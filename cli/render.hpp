// Turns answers into text for people and for programs. Pure: no clock, no terminal; `now_ms` is
// told.
#pragma once

#include "core/guest_ports.hpp"
#include "protocol/diagnosis.hpp"
#include "protocol/errors.hpp"
#include "protocol/requests.hpp"
#include "protocol/values.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace banger::cli {

/// Rows of equal length, the first one the heading; columns aligned, two spaces between them.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);

/// "3 s", "5 min", "2 h", "4 d".
[[nodiscard]] std::string duration(std::int64_t ms);

/// "3.1s", for progress.
[[nodiscard]] std::string seconds(std::int64_t ms);

/// "101.5 MiB".
[[nodiscard]] std::string bytes(std::uint64_t count);

[[nodiscard]] std::string vm_table(const std::vector<vm_info>& vms, std::int64_t now_ms);

/// VMs of several hosts; `here` is this machine's name in it.
struct vm_of_host {
  std::string host; ///< empty: this machine
  vm_info vm;
};
[[nodiscard]] std::string vm_table(const std::vector<vm_of_host>& vms, std::int64_t now_ms);
[[nodiscard]] std::string vm_details(const vm_info& vm, std::int64_t now_ms);
[[nodiscard]] std::string image_table(const std::vector<image_info>& images, std::int64_t now_ms);
[[nodiscard]] std::string key_table(const std::vector<host_key_info>& keys);
[[nodiscard]] std::string key_details(const host_key_info& key);
[[nodiscard]] std::string image_details(const image_info& image, std::int64_t now_ms);
[[nodiscard]] std::string status_details(const daemon_status& status, std::int64_t now_ms);
[[nodiscard]] std::string history_details(const vm_history& past, std::int64_t now_ms);
[[nodiscard]] std::string port_table(const std::vector<core::guest_port>& ports);
[[nodiscard]] std::string tree_table(const actor_tree& tree);
[[nodiscard]] std::string event_line(const event_happened& event);

/// Text of others on one line of a terminal: control characters as \\n, \\t or \\x1b.
[[nodiscard]] std::string printable(std::string_view text);

/// "banger: what: why" and, where there is one, "hint: ...", each with its line feed.
[[nodiscard]] std::string error_lines(const failure& why, bool is_coloured);

} // namespace banger::cli
