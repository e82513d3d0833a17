#include "core/exit_code.hpp"

namespace banger::core {

int exit_code(ec code) {
  constexpr int interrupted = exit_signalled + 2; // SIGINT
  switch (code) {
    case ec::none: return exit_ok;
    case ec::bad_request: return exit_usage;
    case ec::not_found: return exit_not_found;
    case ec::already_exists:
    case ec::wrong_state:
    case ec::busy: return exit_conflict;
    case ec::unreachable:
    case ec::version_mismatch: return exit_unreachable;
    case ec::host_key_mismatch:
    case ec::host_key_revoked: return exit_host_key;
    case ec::timed_out: return exit_timed_out;
    case ec::cancelled: return interrupted;
    case ec::failed:
    case ec::missing_program:
    case ec::no_space:
    case ec::unsafe_path:
    case ec::hypervisor_failed:
    case ec::guest_not_ready:
    case ec::link_lost:
    case ec::storage_failed:
    case ec::image_failed: return exit_failed;
  }
  return exit_failed; // a newer daemon's code
}

} // namespace banger::core
