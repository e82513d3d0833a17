// Guest sessions: what a client may ask of them and what it is told. A session is a command in a VM
// that goes on without the client, and the daemon, that started it; any number of clients attach to
// it. docs/sessions.md is its guest's half. Fields are positional: only append, and raise
// protocol_version when you do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

/// Where a session stands. The number is the wire and the stored value: append, never reorder.
enum class session_state : std::uint8_t {
  starting,
  running,
  stopping, ///< somebody asked for its end
  exited,   ///< its command has ended, by itself or by a signal
  failed,   ///< its command never ran; `error` says why
  lost,     ///< its guest, or what watched over it there, is gone
};

[[nodiscard]] std::string to_string(session_state x);

/// True where nothing more happens to it.
[[nodiscard]] constexpr bool is_over(session_state x) {
  return x >= session_state::exited;
}

/// What the command's standard input is. The number is the wire and the stored value.
enum class session_input_kind : std::uint8_t {
  pipe,
  closed,
  pty, ///< and its output: all three are one terminal
};

[[nodiscard]] std::string to_string(session_input_kind x);

/// Whose window size a terminal has. The number is the wire and the stored value.
enum class window_policy : std::uint8_t { smallest, newest };

[[nodiscard]] std::string to_string(window_policy x);

/// Of a terminal, in characters; 0: unknown.
struct window_size {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  friend bool operator==(const window_size&, const window_size&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, window_size& x) {
  return f(x.rows, x.columns);
}

/// What a user asks for. Any bytes but NUL in its texts.
struct session_config {
  std::string name; ///< as a VM's, unique in its VM; empty: the daemon picks one
  std::vector<std::string> argv;
  std::vector<std::string> env; ///< "NAME=value", added to the guest's own
  std::string cwd;              ///< empty: root's home
  session_input_kind input = session_input_kind::pipe;
  window_size window; ///< of a pty, until somebody attaches; 0: 24 x 80
  window_policy policy = window_policy::smallest;
  std::vector<std::string> tags;     ///< "NAME=value", for the user alone
  std::vector<std::string> required; ///< commands that must be in the guest's PATH
  std::uint64_t journal_cap = 0;     ///< bytes of output that are kept; 0: 64 MiB
  friend bool operator==(const session_config&, const session_config&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, session_config& x) {
  return f(x.name, x.argv, x.env, x.cwd, x.input, x.window, x.policy, x.tags, x.required,
           x.journal_cap);
}

/// One observation of a session.
struct session_info {
  std::string id; ///< 12 hex digits, for life
  std::string vm_name;
  session_config config; ///< as it was asked for, with the name it has
  session_state state = session_state::starting;
  std::int64_t created_at_ms = 0; ///< Unix time
  std::int64_t started_at_ms = 0; ///< 0: it never was
  std::int64_t ended_at_ms = 0;   ///< 0: it has not, or nobody knows when
  std::int32_t exit_code = 0;     ///< of exited, where signal is 0; of failed, a shell's
  std::int32_t signal = 0;        ///< that ended it
  std::string error;              ///< why it failed or is lost
  std::string error_step;         ///< of its start: "cwd", "require", "exec", ...
  std::uint64_t end_offset = 0;   ///< bytes of output; known once it is over
  std::uint32_t client_count = 0; ///< attached now
  friend bool operator==(const session_info&, const session_info&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, session_info& x) {
  return f(x.id, x.vm_name, x.config, x.state, x.created_at_ms, x.started_at_ms, x.ended_at_ms,
           x.exit_code, x.signal, x.error, x.error_step, x.end_offset, x.client_count);
}

struct session_list {
  std::vector<session_info> sessions; ///< by VM, the oldest first
};

template <class Inspector>
auto inspect(Inspector& f, session_list& x) {
  return f(x.sessions);
}

// -- requests. `ref` is "VM/NAME": a VM's ref, and a session's name, id or the unique start of an
// id
// ----------------------------------------------------------------------------------------

/// Request: start a command that outlives us. Reply: session_info, running. Errors: not_found,
/// wrong_state (the VM does not run), already_exists (the name), bad_request, failed (with the step
/// that failed; the session is kept, in state failed), link_lost.
struct start_session {
  std::string ref; ///< of the VM
  session_config config;
};

template <class Inspector>
auto inspect(Inspector& f, start_session& x) {
  return f(x.ref, x.config);
}

/// Request. Reply: session_list.
struct list_sessions {
  std::string ref; ///< of a VM; empty: of all
};

template <class Inspector>
auto inspect(Inspector& f, list_sessions& x) {
  return f(x.ref);
}

/// Request. Reply: session_info. Errors: not_found, bad_request (ambiguous).
struct get_session {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, get_session& x) {
  return f(x.ref);
}

/// Request: answer when it is over. Reply: session_info. Errors: not_found, also where it is
/// deleted meanwhile; timed_out.
struct wait_session {
  std::string ref;
  std::uint32_t timeout_ms = 0; ///< 0: 49 days
};

template <class Inspector>
auto inspect(Inspector& f, wait_session& x) {
  return f(x.ref, x.timeout_ms);
}

/// Request: end its command, by SIGTERM and after `grace_ms` by SIGKILL. Reply: session_info, over;
/// at once where it is. Errors: not_found, wrong_state (its VM does not run), timed_out.
struct stop_session {
  std::string ref;
  std::uint32_t grace_ms = 0; ///< 0: the default of 10 s
};

template <class Inspector>
auto inspect(Inspector& f, stop_session& x) {
  return f(x.ref, x.grace_ms);
}

/// Request: send a signal to the command's process group, and its terminal's. Reply: session_info.
/// Errors: not_found, wrong_state (it is over), bad_request.
struct signal_session {
  std::string ref;
  std::int32_t signal = 0; ///< Linux number
};

template <class Inspector>
auto inspect(Inspector& f, signal_session& x) {
  return f(x.ref, x.signal);
}

/// Request: forget it and its output. Reply: session_info, its last. Errors: not_found, wrong_state
/// (it runs, and `is_forced` is false).
struct delete_session {
  std::string ref;
  bool is_forced = false; ///< kill it first
};

template <class Inspector>
auto inspect(Inspector& f, delete_session& x) {
  return f(x.ref, x.is_forced);
}

} // namespace banger
