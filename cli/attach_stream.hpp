// A client's attach to a guest session: output to our streams, our input to the command, until the
// session is over or we detach. Survives the daemon: where that goes, it waits for the next one and
// goes on at the byte where it was.
#pragma once

#include "cli/options.hpp"
#include "client/connection.hpp"
#include "host/paths.hpp"
#include "protocol/attach.hpp"
#include "protocol/result.hpp"
#include "protocol/sessions.hpp"

#include <cstdint>
#include <string>

namespace banger::cli {

inline constexpr int exit_dropped = 254; ///< the attach ended, the session did not
inline constexpr int exit_not_attached = 255;

/// What to show, and how.
struct attach_wish {
  attach_session request;   ///< without credit, client and window
  bool takes_input = false; ///< from stdin
  std::string detach_keys;  ///< bytes; empty: none
  bool shows_stdout = true;
  bool shows_stderr = true;
  bool is_status_passed = true; ///< exit as the command did
};

/// @returns the exit status; all there is to say has been printed
[[nodiscard]] int attach_and_stream(client::connection link, const host::paths& where,
                                    const options& how, const attach_wish& wish);

/// "name, process 4711": what others see us as.
[[nodiscard]] std::string client_label();

/// How a session's end is told by an exit status: the command's own, 128+n for signal n.
[[nodiscard]] int status_of(const session_info& session);

} // namespace banger::cli
