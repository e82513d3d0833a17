// What of the host goes into a workspace: a repository without its history, or a folder as it is.
#pragma once

#include "host/process.hpp"
#include "workspace/snapshot.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace banger::workspace {

struct source_request {
  std::string path; ///< of the host
  bool is_full_copy = false;
  snapshot_request how;
};

/// Where a workspace comes from. Cheap to find; nothing has been read yet.
struct source {
  std::string top;                 ///< absolute
  std::string prefix;              ///< where in it the path was: "sub/", or empty
  std::optional<repository> where; ///< nothing: no repository
  bool is_full_copy = false;
};

/// Errors: as find_repository; bad_request.
[[nodiscard]] result<source> find_source(const source_request& request, int cancel_fd);

/// What tar(1) has to be told to make an archive of root's on its stdout.
[[nodiscard]] std::vector<std::string> packing_options();

/// What tar(1) has to pack.
struct parcel {
  work_folder folder;
  std::vector<std::string> tar_arguments; ///< all but the program
  std::string tree;                       ///< see snapshot::tree; empty without a repository
  std::string from;                       ///< see snapshot::from
  std::uint32_t depth = 0;                ///< commits of history
  std::size_t made_files = 0;             ///< that git makes in the guest
  std::optional<std::size_t> sent_files;  ///< nothing: all there are
  std::uint64_t pack_bytes = 0;
  std::vector<std::string> warnings;
};

/// Makes ready what is to be sent, with `record` as what the guest shall know of it
/// (.git/banger/workspace). Errors: as take_snapshot.
[[nodiscard]] result<parcel> pack(const source& from, const source_request& request,
                                  const std::string& parent, int cancel_fd);

/// Adds what the guest shall know of where its workspace came from. @param head  the commit that is
/// checked out. Errors: failed, no_space.
[[nodiscard]] result<void> add_record(const parcel& what, std::string_view head,
                                      std::string_view record);

/// A running tar, whose archive comes out of `out`.
struct packer {
  host::child process;
  host::unique_fd out;
  host::unique_fd errors;
};

/// Errors: missing_program, failed.
[[nodiscard]] result<packer> start_packing(const parcel& what);

/// Ends it where it still runs, and says how it went: a file that changed meanwhile is a warning,
/// one that could not be read an error. @returns the warning, or nothing
[[nodiscard]] result<std::string> finish_packing(packer& what);

} // namespace banger::workspace
