// From a folder of the host to a workspace in a guest.
#pragma once

#include "cli/session.hpp"
#include "host/paths.hpp"
#include "workspace/source.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::cli {

/// What `workspace prepare` tells.
struct workspace_info {
  std::string vm;
  std::string guest_path;
  std::string source;         ///< path of the host
  std::string mode;           ///< "shallow" or "full-copy"
  std::string head;           ///< commit; empty: none
  std::string branch;         ///< "main"; empty: detached, or none
  std::uint32_t commits = 0;  ///< of history that went along
  std::size_t made_files = 0; ///< made by git in the guest
  bool counts_sent = false;   ///< sent_files is known
  std::size_t sent_files = 0;
  std::uint64_t sent_bytes = 0;
  std::int64_t duration_ms = 0;
  std::vector<std::string> warnings;
};

/// The request that was typed.
[[nodiscard]] workspace::source_request source_request_of(const options& how);

/// Where in the guest it goes: what was asked for, or /root/NAME. Errors: bad_request.
[[nodiscard]] result<std::string> guest_path_of(const options& how, const workspace::source& from);

/// Reads the source; may take a while, and looks at nothing but the host.
[[nodiscard]] result<workspace::parcel> pack_workspace(session& talk, const host::paths& where,
                                                       const workspace::source& from,
                                                       const workspace::source_request& request);

/// What the guest keeps with a workspace, as JSON.
[[nodiscard]] std::string workspace_record(const workspace::source& from,
                                           const workspace::source_request& request,
                                           const std::string& tree);

struct sent_parcel {
  std::string out; ///< of the script
  std::uint64_t bytes = 0;
  std::string warning;
};

/// Sends it to a script in the guest that takes an archive. @param undo  a script for the guest,
/// run where what arrived there is not whole. Errors: as run_script; failed where a file could not
/// be read.
[[nodiscard]] result<sent_parcel> send_parcel(session& talk, const std::string& vm,
                                              const workspace::parcel& what,
                                              const std::vector<std::string>& script,
                                              const std::vector<std::string>& undo,
                                              const std::string& title);

/// Makes the workspace. Errors: as send_parcel; already_exists, missing_program and others of the
/// guest.
[[nodiscard]] result<workspace_info> make_workspace(session& talk, const std::string& vm,
                                                    const workspace::source& from,
                                                    const workspace::parcel& what);

/// "copied 3 files and made 120 ..., 1.2 MiB sent in 1.5 s", and warnings, on stderr.
void tell_prepared(const workspace_info& x);

} // namespace banger::cli
