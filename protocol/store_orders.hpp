// Messages to the store; none of them crosses the socket.
#pragma once

#include "protocol/diagnosis.hpp"
#include "protocol/vm_record.hpp"

#include <string>
#include <vector>

namespace banger {

/// Request: make this the VM's row, and add what has become of it since. Reply: done, once it is on
/// disk. Errors: storage_failed, already_exists.
struct save_vm {
  vm_record record;
  std::vector<vm_transition> transitions;
};

template <class Inspector>
auto inspect(Inspector& f, save_vm& x) {
  return f(x.record, x.transitions);
}

/// The row of an owner's lease. It ends at that time since the boot, which counts suspended time
/// too; after another boot it has ended.
struct owner_record {
  std::string owner;
  std::uint64_t token = 0;
  std::uint32_t ttl_ms = 0;
  std::string boot_id;
  std::int64_t ends_at_boot_ms = 0;
  friend bool operator==(const owner_record&, const owner_record&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, owner_record& x) {
  return f(x.owner, x.token, x.ttl_ms, x.boot_id, x.ends_at_boot_ms);
}

/// Request: make this the owner's row. Reply: done, once it is on disk. Errors: storage_failed.
struct save_owner {
  owner_record record;
};

template <class Inspector>
auto inspect(Inspector& f, save_owner& x) {
  return f(x.record);
}

/// Request: may this be done now to a VM of this owner? Reply: done. Errors: wrong_state.
struct check_owner {
  std::string owner;
  bool needs_lease = true; ///< the VM is to run
  bool has_token = false;  ///< false: by hand, or by who does not know of tokens
  std::uint64_t token = 0;
};

template <class Inspector>
auto inspect(Inspector& f, check_owner& x) {
  return f(x.owner, x.needs_lease, x.has_token, x.token);
}

/// From now on, tell that actor of all events, and nobody else.
struct report_events {};

template <class Inspector>
auto inspect(Inspector& f, report_events&) {
  return f();
}

/// Self-tick of the store: what has been asked for so far goes to disk together.
struct commit_writes {};

template <class Inspector>
auto inspect(Inspector& f, commit_writes&) {
  return f();
}

/// Request: a VM's transitions. Reply: vm_transitions. Errors: storage_failed.
struct load_transitions {
  std::string vm_id;
};

template <class Inspector>
auto inspect(Inspector& f, load_transitions& x) {
  return f(x.vm_id);
}

struct vm_transitions {
  std::vector<vm_transition> all; ///< the oldest first
};

template <class Inspector>
auto inspect(Inspector& f, vm_transitions& x) {
  return f(x.all);
}

/// Request: a VM's record. Reply: vm_record. Errors: not_found, storage_failed.
struct load_vm {
  std::string id;
};

template <class Inspector>
auto inspect(Inspector& f, load_vm& x) {
  return f(x.id);
}

/// Request: remove the VM's row. Reply: done, once it is on disk. Errors: storage_failed.
struct forget_vm {
  std::string id;
};

template <class Inspector>
auto inspect(Inspector& f, forget_vm& x) {
  return f(x.id);
}

} // namespace banger
