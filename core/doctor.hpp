// What this host has of what banger can use, and what to do about what it lacks. Pure: facts in,
// rows out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace banger::core {

enum class device_access : std::uint8_t {
  usable,    ///< it can be opened
  forbidden, ///< it is there, and not for this user
  absent,    ///< there is no file, or no driver behind it
};

enum class kernel_feature : std::uint8_t {
  present,  ///< loaded, or a part of the kernel
  loadable, ///< a module that root can load
  absent,
};

enum class helper_state : std::uint8_t { reachable, forbidden, silent, absent };

/// As they were found.
struct host_facts {
  std::map<std::string, std::string> programs;  ///< path by name; without those that are not there
  std::map<std::string, device_access> devices; ///< by path
  std::map<std::string, kernel_feature> features; ///< by module
  helper_state helper = helper_state::absent;
  std::string helper_socket; ///< path
  bool forwards_ipv4 = false;
  bool has_default_image = false;
  bool has_daemon = false; ///< the two below are known
  std::string dns_listen;
  std::string dns_trouble;
};

enum class check_state : std::uint8_t {
  ok,
  missing,  ///< without it banger does not do what it shall
  optional, ///< it is not there, and not needed for the default
};

[[nodiscard]] std::string to_string(check_state x);

struct check_row {
  std::string name;
  check_state state = check_state::ok;
  std::string found;
  std::string fix; ///< what to do to have it; empty where it is ok
  friend bool operator==(const check_row&, const check_row&) = default;
};

/// What diagnose() wants to know of.
[[nodiscard]] std::vector<std::string> wanted_programs();
[[nodiscard]] std::vector<std::string> wanted_devices();
[[nodiscard]] std::vector<std::string> wanted_features();

/// A row for each check: what the default needs comes first.
[[nodiscard]] std::vector<check_row> diagnose(const host_facts& facts);

} // namespace banger::core
