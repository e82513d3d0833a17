// What Firecracker's API is asked for, between the daemon's own actors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

/// One HTTP request to the API, ready to be sent.
struct firecracker_call {
  std::string method; ///< "GET", "PUT" or "PATCH"
  std::string path;   ///< "/drives/root"
  std::string body;   ///< JSON; empty for GET
  friend bool operator==(const firecracker_call&, const firecracker_call&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, firecracker_call& x) {
  return f(x.method, x.path, x.body);
}

/// Request: send these, one after the other. Reply: done, once the last was accepted. Errors:
/// hypervisor_failed, timed_out; those behind the one that failed are not sent.
struct call_firecracker {
  std::vector<firecracker_call> calls;
  bool is_new = false; ///< it was just started: wait until it listens, and look how old it is
  std::uint32_t limit_ms = 0; ///< for all of it
};

template <class Inspector>
auto inspect(Inspector& f, call_firecracker& x) {
  return f(x.calls, x.is_new, x.limit_ms);
}

} // namespace banger
