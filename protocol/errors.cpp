#include "protocol/errors.hpp"

namespace banger {

std::string to_string(ec x) {
  switch (x) {
    case ec::none: return "none";
    case ec::failed: return "failed";
    case ec::bad_request: return "bad_request";
    case ec::not_found: return "not_found";
    case ec::already_exists: return "already_exists";
    case ec::wrong_state: return "wrong_state";
    case ec::busy: return "busy";
    case ec::timed_out: return "timed_out";
    case ec::cancelled: return "cancelled";
    case ec::unreachable: return "unreachable";
    case ec::version_mismatch: return "version_mismatch";
    case ec::host_key_mismatch: return "host_key_mismatch";
    case ec::host_key_revoked: return "host_key_revoked";
    case ec::missing_program: return "missing_program";
    case ec::no_space: return "no_space";
    case ec::unsafe_path: return "unsafe_path";
    case ec::hypervisor_failed: return "hypervisor_failed";
    case ec::guest_not_ready: return "guest_not_ready";
    case ec::link_lost: return "link_lost";
    case ec::storage_failed: return "storage_failed";
    case ec::image_failed: return "image_failed";
  }
  return "ec(" + std::to_string(static_cast<unsigned>(x)) + ")"; // a newer peer's code
}

std::string to_string(const failure& x) {
  if (x.why.empty())
    return x.what;
  return x.what.empty() ? x.why : x.what + ": " + x.why;
}

} // namespace banger
