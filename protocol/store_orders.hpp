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
