// Commands in a guest: what a client asks and sends, and what it is sent. Fields are positional:
// only append, and raise protocol_version when you do.
#pragma once

#include "protocol/errors.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

/// Request: run a command. Reply: exec_opened once it runs; then exec_output, exec_input_wanted
/// and, last, exec_ended events. Errors: not_found, wrong_state, link_lost, host_key_mismatch. The
/// command is ended when this client goes away.
struct open_exec {
  std::string ref;
  std::vector<std::string> argv; ///< any bytes but NUL
  std::vector<std::string> env;  ///< "NAME=value", added to the guest's own
  std::string cwd;               ///< empty: root's home
  std::uint32_t output_credit =
      0; ///< bytes of output that may be sent before the first exec_credit
};

template <class Inspector>
auto inspect(Inspector& f, open_exec& x) {
  return f(x.ref, x.argv, x.env, x.cwd, x.output_credit);
}

struct exec_opened {
  std::uint64_t exec = 0; ///< names this command on this connection
  std::uint32_t input_credit =
      0; ///< bytes of input that may be sent before the first exec_input_wanted
};

template <class Inspector>
auto inspect(Inspector& f, exec_opened& x) {
  return f(x.exec, x.input_credit);
}

/// Client to daemon: bytes for the command's stdin, within the credit.
struct exec_input {
  std::uint64_t exec = 0;
  std::string bytes;
};

template <class Inspector>
auto inspect(Inspector& f, exec_input& x) {
  return f(x.exec, x.bytes);
}

/// Client to daemon: end of stdin.
struct exec_input_ended {
  std::uint64_t exec = 0;
};

template <class Inspector>
auto inspect(Inspector& f, exec_input_ended& x) {
  return f(x.exec);
}

/// Client to daemon: send this signal to the command's process group.
struct exec_signal {
  std::uint64_t exec = 0;
  std::int32_t signal = 0; ///< Linux number
};

template <class Inspector>
auto inspect(Inspector& f, exec_signal& x) {
  return f(x.exec, x.signal);
}

/// Client to daemon: this many more bytes of output may be sent.
struct exec_credit {
  std::uint64_t exec = 0;
  std::uint32_t bytes = 0;
};

template <class Inspector>
auto inspect(Inspector& f, exec_credit& x) {
  return f(x.exec, x.bytes);
}

/// Daemon to client: output of the command.
struct exec_output {
  std::uint64_t exec = 0;
  bool is_stderr = false;
  std::string bytes;
};

template <class Inspector>
auto inspect(Inspector& f, exec_output& x) {
  return f(x.exec, x.is_stderr, x.bytes);
}

/// Daemon to client: this many more bytes of input may be sent.
struct exec_input_wanted {
  std::uint64_t exec = 0;
  std::uint32_t bytes = 0;
};

template <class Inspector>
auto inspect(Inspector& f, exec_input_wanted& x) {
  return f(x.exec, x.bytes);
}

/// Daemon to client: the command is over; nothing follows for it.
struct exec_ended {
  std::uint64_t exec = 0;
  std::int32_t exit_code = 0; ///< meaningful where signal is 0 and the failure's code is none
  std::int32_t signal = 0;    ///< the signal that killed it
  failure why{ec::none, {}, {}, {}}; ///< set where the command's end is not known, or it never ran
};

template <class Inspector>
auto inspect(Inspector& f, exec_ended& x) {
  return f(x.exec, x.exit_code, x.signal, x.why);
}

} // namespace banger
