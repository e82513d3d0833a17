#include "protocol/values.hpp"

#include "protocol/attach.hpp"
#include "protocol/sessions.hpp"

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

std::string to_string(vm_driver x) {
  return x == vm_driver::firecracker ? "firecracker" : "qemu";
}

std::string to_string(session_state x) {
  switch (x) {
    case session_state::starting: return "starting";
    case session_state::running: return "running";
    case session_state::stopping: return "stopping";
    case session_state::exited: return "exited";
    case session_state::failed: return "failed";
    case session_state::lost: return "lost";
  }
  return "session_state(" + std::to_string(static_cast<unsigned>(x)) + ")";
}

std::string to_string(session_input_kind x) {
  switch (x) {
    case session_input_kind::pipe: return "pipe";
    case session_input_kind::closed: return "closed";
    case session_input_kind::pty: return "pty";
  }
  return "pipe";
}

std::string to_string(window_policy x) {
  return x == window_policy::newest ? "newest" : "smallest";
}

std::string to_string(attach_role x) {
  switch (x) {
    case attach_role::viewer: return "viewer";
    case attach_role::writer: return "writer";
    case attach_role::exclusive: return "exclusive";
    case attach_role::sender: return "sender";
  }
  return "viewer";
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

std::string to_string(network_kind x) {
  switch (x) {
    case network_kind::user: return "user";
    case network_kind::tap: return "tap";
  }
  return "network_kind(" + std::to_string(static_cast<unsigned>(x)) + ")";
}

std::string to_string(root_disk_kind x) {
  switch (x) {
    case root_disk_kind::overlay: return "overlay";
    case root_disk_kind::snapshot: return "snapshot";
  }
  return "root_disk_kind(" + std::to_string(static_cast<unsigned>(x)) + ")";
}

} // namespace banger
