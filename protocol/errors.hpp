// Every way a request can fail, as a value: the code decides the exit status, the texts are the
// line a user reads. No CAF here, so that core/, host/ and the command line can use it.
#pragma once

#include <cstdint>
#include <string>

namespace banger {

/// What kind of failure it is. The number is the wire value: append, never reorder.
enum class ec : std::uint8_t {
  none = 0,
  failed,            ///< anything without a code of its own; the text says it
  bad_request,       ///< the request itself is wrong: a name, a size, a flag
  not_found,         ///< no VM, image or file of that name
  already_exists,    ///< the name is taken
  wrong_state,       ///< it exists, but not in a state that allows this
  busy,              ///< another operation runs on it; the text names it and since when
  timed_out,         ///< a deadline passed
  cancelled,         ///< somebody asked for the operation to end
  unreachable,       ///< the daemon does not answer
  version_mismatch,  ///< client and daemon speak different protocol versions
  host_key_mismatch, ///< the guest offered another host key than the pinned one
  host_key_revoked,  ///< the guest offered a key that is marked @revoked
  missing_program,   ///< a program is not installed; the hint names the package
  no_space,          ///< the disk is full
  unsafe_path,       ///< a file or folder has an owner, a mode or a type we do not accept
  hypervisor_failed, ///< QEMU did not start, or died
  guest_not_ready,   ///< the guest did not come up in time
  link_lost,         ///< the SSH connection to the guest broke
  storage_failed,    ///< SQLite or a file of ours could not be read or written
  image_failed,      ///< an image could not be built
};

/// A failure as it travels from where it happened to the user: "<what>: <why>", then a hint.
struct failure {
  ec code = ec::failed;
  std::string what; ///< what did not work, in the user's words: "start vm 'box'"
  std::string why;  ///< the reason: "qemu exited with status 1: ..."
  std::string hint; ///< what to do next; empty where there is nothing useful to say
  std::string op{}; ///< id of the operation that failed; empty outside of one
  friend bool operator==(const failure&, const failure&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, failure& x) {
  return f(x.code, x.what, x.why, x.hint, x.op);
}

/// The code's name, e.g. "not_found". Stable: JSON output shows it.
[[nodiscard]] std::string to_string(ec x);

/// "what: why", the line after "banger: ".
[[nodiscard]] std::string to_string(const failure& x);

} // namespace banger
