// Answers as JSON for programs: every field is always there; what has no value is null. The root
// and the items of a list are records; names are those of the protocol's structs. Times are Unix
// milliseconds.
#pragma once

#include "core/guest_ports.hpp"
#include "core/known_hosts.hpp"
#include "protocol/attach.hpp"
#include "protocol/diagnosis.hpp"
#include "protocol/errors.hpp"
#include "protocol/requests.hpp"
#include "protocol/result.hpp"
#include "protocol/values.hpp"

#include <string>
#include <vector>

namespace banger::cli {

/// What a known_hosts file says of a key that a host offers.
struct key_verdict {
  std::string file;
  std::string host;
  std::uint16_t port = 22;
  core::host_key offered;
  std::string fingerprint; ///< of the offered key
  core::known_hosts::verdict found;
};

/// "trusted", "unknown", "mismatch" or "revoked".
[[nodiscard]] const char* verdict_name(core::known_hosts::outcome x);

[[nodiscard]] std::string json(const vm_info& vm);
[[nodiscard]] std::string json(const vm_list& vms);
[[nodiscard]] std::string json(const image_info& image);
[[nodiscard]] std::string json(const image_list& images);
[[nodiscard]] std::string json(const host_key_info& key);
[[nodiscard]] std::string json(const host_key_list& keys);
[[nodiscard]] std::string json(const key_verdict& x);
[[nodiscard]] std::string json(const session_info& x);
[[nodiscard]] std::string json(const session_list& all);
[[nodiscard]] std::string json(const attach_list& all);
[[nodiscard]] std::string json(const daemon_status& status);
[[nodiscard]] std::string json(const vm_history& past);
[[nodiscard]] std::string json(const actor_tree& tree);
[[nodiscard]] std::string json(const event_happened& event); ///< one line
[[nodiscard]] std::string json(const owner_lease& lease);
[[nodiscard]] std::string json(const events_subscribed& at);
[[nodiscard]] std::string json(const events_missed& gap); ///< one line: {"missed": {...}}
[[nodiscard]] std::string json(const std::vector<core::guest_port>& ports);
[[nodiscard]] std::string json(const failure& why); ///< {"error": {...}}

struct vm_of_host;

/// A host that did not answer.
struct host_failure {
  std::string host;
  failure why;
};
/// {"vms": [VM with "host", ...], "failures": [{"host", "error"}, ...]}
[[nodiscard]] std::string json(const std::vector<vm_of_host>& vms,
                               const std::vector<host_failure>& failures);

/// One thing a verb was done to, and how it went.
template <class T>
struct outcome {
  std::string ref;
  result<T> value;
};

/// {"results": [...]}
[[nodiscard]] std::string json(const std::vector<outcome<vm_info>>& outcomes);
[[nodiscard]] std::string json(const std::vector<outcome<image_info>>& outcomes);
[[nodiscard]] std::string json(const std::vector<outcome<session_info>>& outcomes);

// One line each: what an attach prints.
[[nodiscard]] std::string output_json(const attach_output& x);
[[nodiscard]] std::string gap_json(const attach_gap& x);
[[nodiscard]] std::string notice_json(const std::string& text);
[[nodiscard]] std::string end_json(const session_info& x);

// One line each: what a port-forward prints.
/// @param type  "forwarding" or "closed"
[[nodiscard]] std::string forward_json(const char* type, const std::string& address,
                                       std::uint16_t port, const std::string& vm,
                                       std::uint16_t guest_port, const std::string& process);
/// @param held  how many were refused since the last line, and not told
[[nodiscard]] std::string refused_json(const std::string& vm, std::uint16_t guest_port,
                                       const std::string& why, std::uint64_t held);

struct copy_figures; // copy_render.hpp
[[nodiscard]] std::string json(const copy_figures& x);

/// @param why  why the daemon's version is not known; none, or unreachable where none runs
[[nodiscard]] std::string version_json(const std::string& client, const std::string& daemon,
                                       const failure& why);
[[nodiscard]] std::string ssh_config_json(bool is_installed, const std::string& config,
                                          const std::string& user_config);
[[nodiscard]] std::string stopped_json(bool was_running);

} // namespace banger::cli
