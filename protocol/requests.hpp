// What a client may ask, and what the daemon sends it unasked. Requests are imperative, events past
// tense. Each says its reply and its errors; any request may also fail with timed_out or
// unreachable.
#pragma once

#include "protocol/errors.hpp"
#include "protocol/events.hpp"
#include "protocol/exec.hpp"
#include "protocol/owners.hpp"
#include "protocol/values.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

// -- the connection
// --------------------------------------------------------------------------------

/// First message of every client. Reply: welcome, from the client_session that serves this client
/// from now on. Errors: version_mismatch.
struct hello {
  std::uint32_t protocol_version = 0;
  std::string program_version;
  std::uint64_t features = 0; ///< bits of protocol/version.hpp that the client knows
};

template <class Inspector>
auto inspect(Inspector& f, hello& x) {
  return f(x.protocol_version, x.program_version, x.features);
}

struct welcome {
  std::uint32_t protocol_version = 0;
  std::string program_version;
  std::int32_t daemon_pid = 0;
  std::uint64_t features = 0; ///< what both know
  std::string host_id;        ///< 12 hex digits; another database has another one
};

template <class Inspector>
auto inspect(Inspector& f, welcome& x) {
  return f(x.protocol_version, x.program_version, x.daemon_pid, x.features, x.host_id);
}

/// Request: cancel every operation of this client. Reply: done, once they have ended.
struct cancel_operations {};

template <class Inspector>
auto inspect(Inspector& f, cancel_operations&) {
  return f();
}

/// Event: an operation of this client entered a stage.
struct stage_entered {
  std::string op;      ///< operation id
  std::string kind;    ///< "create", "start", "stop", "kill", "delete", "build"
  std::string subject; ///< name of the VM or image
  std::string stage;   ///< short present participle: "booting"
  std::string detail;  ///< may be empty
  std::int64_t elapsed_ms = 0;
};

template <class Inspector>
auto inspect(Inspector& f, stage_entered& x) {
  return f(x.op, x.kind, x.subject, x.stage, x.detail, x.elapsed_ms);
}

// -- the daemon
// ------------------------------------------------------------------------------------

/// Request. Reply: daemon_status.
struct get_daemon_status {};

template <class Inspector>
auto inspect(Inspector& f, get_daemon_status&) {
  return f();
}

/// Request: end the daemon; VMs go on running. Reply: done, just before it ends.
struct stop_daemon {};

template <class Inspector>
auto inspect(Inspector& f, stop_daemon&) {
  return f();
}

// -- VMs. `ref` is a name, an id, or the unique start of an id
// ----------------------------------------

/// Request: make a VM; it is stopped then. Reply: vm_info.
/// Errors: bad_request, already_exists, not_found (image), no_space, missing_program.
struct create_vm {
  vm_config config;
};

template <class Inspector>
auto inspect(Inspector& f, create_vm& x) {
  return f(x.config);
}

/// Request: boot it and wait until SSH works; a running VM is left alone. Reply: vm_info, running.
/// Errors: not_found, busy, hypervisor_failed, guest_not_ready, host_key_mismatch, cancelled.
struct start_vm {
  std::string ref;
  /// Of the lease that the VM lives by: refused where it is another one by now. 0: not compared.
  std::uint64_t owner_token = 0;
};

template <class Inspector>
auto inspect(Inspector& f, start_vm& x) {
  return f(x.ref, x.owner_token);
}

/// Request: shut it down, by force after `grace_ms` (0: the default of 20 s). Accepted in every
/// state; cancels a start. Reply: vm_info, stopped. Errors: not_found.
struct stop_vm {
  std::string ref;
  std::uint32_t grace_ms = 0;
};

template <class Inspector>
auto inspect(Inspector& f, stop_vm& x) {
  return f(x.ref, x.grace_ms);
}

/// Request: stop, then start. Reply and errors as start_vm.
struct restart_vm {
  std::string ref;
  std::uint32_t grace_ms = 0;
  std::uint64_t owner_token = 0; ///< as of start_vm
};

template <class Inspector>
auto inspect(Inspector& f, restart_vm& x) {
  return f(x.ref, x.grace_ms, x.owner_token);
}

/// Request: end its process now, unsynced. Reply: vm_info, stopped. Errors: not_found.
struct kill_vm {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, kill_vm& x) {
  return f(x.ref);
}

/// Request: kill it and remove its disks. Accepted in every state. Reply: vm_info, its last.
/// Errors: not_found, wrong_state (the token).
struct delete_vm {
  std::string ref;
  std::uint64_t owner_token = 0; ///< as of start_vm
};

template <class Inspector>
auto inspect(Inspector& f, delete_vm& x) {
  return f(x.ref, x.owner_token);
}

/// Request. Reply: vm_info. Errors: not_found, bad_request (ambiguous).
struct get_vm {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, get_vm& x) {
  return f(x.ref);
}

/// Request. Reply: vm_list.
struct list_vms {};

template <class Inspector>
auto inspect(Inspector& f, list_vms&) {
  return f();
}

/// Request: answer when the VM is in `state`. Reply: vm_info.
/// Errors: not_found (also when it is deleted meanwhile), timed_out, wrong_state (it went to
/// error).
struct wait_vm {
  std::string ref;
  vm_state state = vm_state::running;
  std::uint32_t timeout_ms = 0; ///< 0: an hour
};

template <class Inspector>
auto inspect(Inspector& f, wait_vm& x) {
  return f(x.ref, x.state, x.timeout_ms);
}

/// Request. Reply: ssh_target. Errors: not_found, wrong_state (not running).
struct get_ssh_target {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, get_ssh_target& x) {
  return f(x.ref);
}

/// Request: a piece of the console's log. Reply: console_chunk, empty at the end. Errors:
/// not_found.
struct read_console {
  std::string ref;
  std::uint64_t offset = 0;
  std::uint32_t max_bytes = 0; ///< 0: 64 KiB, which is also the most
  bool is_from_end = false;    ///< `offset` counts back from the end
};

template <class Inspector>
auto inspect(Inspector& f, read_console& x) {
  return f(x.ref, x.offset, x.max_bytes, x.is_from_end);
}

// -- host keys
// -------------------------------------------------------------------------------------

/// Request: all pins of banger's known_hosts file. Reply: host_key_list. Errors: unsafe_path,
/// storage_failed.
struct list_host_keys {};

template <class Inspector>
auto inspect(Inspector& f, list_host_keys&) {
  return f();
}

/// Request: a VM's pinned host key. Reply: host_key_info. Errors: not_found.
struct get_host_key {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, get_host_key& x) {
  return f(x.ref);
}

/// Request: pin the key that a VM in quarantine offered, or with the fingerprint of the pinned one,
/// keep that; either ends the quarantine. Reply: host_key_info. Errors: not_found, wrong_state (no
/// other key was offered), bad_request (the fingerprint is of neither).
struct accept_host_key {
  std::string ref;
  std::string fingerprint; ///< "SHA256:..."; empty: the offered one
};

template <class Inspector>
auto inspect(Inspector& f, accept_host_key& x) {
  return f(x.ref, x.fingerprint);
}

/// Request: forget a VM's pins; the next key it offers is pinned. Reply: host_key_info, what was
/// pinned. Errors: not_found.
struct forget_host_key {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, forget_host_key& x) {
  return f(x.ref);
}

/// Request: connect to a running VM anew, only to verify its host key. Reply: done. Errors:
/// not_found, wrong_state, link_lost, host_key_mismatch, host_key_revoked, timed_out.
struct check_guest_key {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, check_guest_key& x) {
  return f(x.ref);
}

// -- images
// ----------------------------------------------------------------------------------------

/// Request. Reply: image_list.
struct list_images {};

template <class Inspector>
auto inspect(Inspector& f, list_images&) {
  return f();
}

/// Request. Reply: image_info. Errors: not_found.
struct get_image {
  std::string name;
};

template <class Inspector>
auto inspect(Inspector& f, get_image& x) {
  return f(x.name);
}

/// Request: build it; a second request for the same name joins the first. Reply: image_info.
/// Errors: bad_request, missing_program, no_space, image_failed, cancelled.
struct build_image {
  std::string name;
  std::string recipe_path; ///< absolute; empty: the recipe of that name that comes with banger
};

template <class Inspector>
auto inspect(Inspector& f, build_image& x) {
  return f(x.name, x.recipe_path);
}

/// Request. Reply: image_info, its last. Errors: not_found, wrong_state (VMs are on it).
struct delete_image {
  std::string name;
};

template <class Inspector>
auto inspect(Inspector& f, delete_image& x) {
  return f(x.name);
}

} // namespace banger
