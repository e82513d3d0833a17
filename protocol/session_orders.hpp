// Messages about guest sessions between the daemon's own actors. None of them crosses the socket.
#pragma once

#include "protocol/sessions.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

/// What a session is: the row of the `guest_sessions` table. `info.vm_name` and `info.client_count`
/// are no part of it.
struct session_record {
  std::string vm_id;
  session_info info;
  bool is_settled = false; ///< its end was told by the guest, not concluded from the VM's
  friend bool operator==(const session_record&, const session_record&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, session_record& x) {
  return f(x.vm_id, x.info, x.is_settled);
}

/// Request to the store: make this the session's row. Reply: done, once it is on disk. Errors:
/// storage_failed, already_exists.
struct save_session {
  session_record record;
};

template <class Inspector>
auto inspect(Inspector& f, save_session& x) {
  return f(x.record);
}

/// Request to the store: remove the session's row. Reply: done. Errors: storage_failed.
struct forget_session {
  std::string id;
};

template <class Inspector>
auto inspect(Inspector& f, forget_session& x) {
  return f(x.id);
}

/// Request to the store: the sessions of a VM. Reply: session_records. Errors: storage_failed.
struct load_sessions {
  std::string vm_id;
};

template <class Inspector>
auto inspect(Inspector& f, load_sessions& x) {
  return f(x.vm_id);
}

struct session_records {
  std::vector<session_record> all;
};

template <class Inspector>
auto inspect(Inspector& f, session_records& x) {
  return f(x.all);
}

/// To a session: its VM runs, or does no more.
struct guest_appeared {};

template <class Inspector>
auto inspect(Inspector& f, guest_appeared&) {
  return f();
}

struct guest_vanished {
  std::string reason; ///< "the VM was stopped"
};

template <class Inspector>
auto inspect(Inspector& f, guest_vanished& x) {
  return f(x.reason);
}

/// Event: a session has changed. From it to its VM, and from there to the supervisor.
struct session_changed {
  std::string vm_id;
  session_info info;
  bool is_gone = false; ///< it was deleted
};

template <class Inspector>
auto inspect(Inspector& f, session_changed& x) {
  return f(x.vm_id, x.info, x.is_gone);
}

/// Request: whom do I attach to? Reply: attach_host_actor. Errors: not_found.
struct find_session {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, find_session& x) {
  return f(x.ref);
}

/// Request from a VM to a new session: run. Reply: session_info. Errors: as start_session.
struct launch_session {};

template <class Inspector>
auto inspect(Inspector& f, launch_session&) {
  return f();
}

/// Request to a guest_sweep: what sessions does the guest keep? Reply: guest_session_ids.
struct list_guest_sessions {};

template <class Inspector>
auto inspect(Inspector& f, list_guest_sessions&) {
  return f();
}

struct guest_session_ids {
  std::vector<std::string> all;
};

template <class Inspector>
auto inspect(Inspector& f, guest_session_ids& x) {
  return f(x.all);
}

/// Request to a guest_sweep, behind the first: remove these; one that runs is left alone. Reply:
/// done.
struct remove_guest_sessions {
  std::vector<std::string> ids;
};

template <class Inspector>
auto inspect(Inspector& f, remove_guest_sessions& x) {
  return f(x.ids);
}

} // namespace banger
