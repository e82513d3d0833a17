// How a daemon explains itself: what it put right when it started, what became of a VM and why, and
// which actors live. Like the other values: fields are positional, so only append, and raise
// protocol_version when you do.
#pragma once

#include "protocol/values.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

/// Request: why is a VM as it is? Reply: vm_history. Errors: not_found, storage_failed.
struct get_vm_history {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, get_vm_history& x) {
  return f(x.ref);
}

/// One change of a VM's state. The newest vm_transition_limit of each VM are kept in the database.
struct vm_transition {
  std::int64_t at_ms = 0; ///< Unix time
  vm_state from = vm_state::stopped;
  vm_state to = vm_state::stopped;
  std::string operation; ///< "start", ...; "recover" where the daemon found it so when it started;
                         ///< empty where nobody asked for it
  std::string stage;     ///< of the operation
  std::string cause;     ///< what went wrong, with the system's own words; empty: it was asked for
  friend bool operator==(const vm_transition&, const vm_transition&) = default;
};

inline constexpr std::uint32_t vm_transition_limit = 50;

template <class Inspector>
auto inspect(Inspector& f, vm_transition& x) {
  return f(x.at_ms, x.from, x.to, x.operation, x.stage, x.cause);
}

struct vm_history {
  vm_info vm;
  std::vector<vm_transition> transitions; ///< the oldest first
};

template <class Inspector>
auto inspect(Inspector& f, vm_history& x) {
  return f(x.vm, x.transitions);
}

/// Request: which actors live? Reply: actor_tree.
struct get_actor_tree {};

template <class Inspector>
auto inspect(Inspector& f, get_actor_tree&) {
  return f();
}

/// One actor, as it describes itself.
struct actor_report {
  std::string name;           ///< "supervisor", "vm box", ...
  std::uint32_t depth = 0;    ///< 0: below the daemon itself
  std::string state;          ///< what it is at; "no answer" where it did not say so in time
  std::uint32_t mailbox = 0;  ///< messages that wait
  std::uint32_t restarts = 0; ///< since the daemon started
  std::string last_error;
};

template <class Inspector>
auto inspect(Inspector& f, actor_report& x) {
  return f(x.name, x.depth, x.state, x.mailbox, x.restarts, x.last_error);
}

struct actor_tree {
  std::vector<actor_report> actors; ///< each before its children
};

template <class Inspector>
auto inspect(Inspector& f, actor_tree& x) {
  return f(x.actors);
}

} // namespace banger
