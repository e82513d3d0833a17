#include "protocol/values.hpp"

namespace banger {

std::string to_string(key_provenance x) {
  switch (x) {
    case key_provenance::other: return "other";
    case key_provenance::seeded: return "seeded";
    case key_provenance::first_use: return "first_use";
    case key_provenance::accepted: return "accepted";
  }
  return "other";
}

std::string to_string(vm_state x) {
  switch (x) {
    case vm_state::creating: return "creating";
    case vm_state::stopped: return "stopped";
    case vm_state::starting: return "starting";
    case vm_state::running: return "running";
    case vm_state::stopping: return "stopping";
    case vm_state::error: return "error";
    case vm_state::deleting: return "deleting";
  }
  return "vm_state(" + std::to_string(static_cast<unsigned>(x)) + ")"; // a newer peer's state
}

} // namespace banger
