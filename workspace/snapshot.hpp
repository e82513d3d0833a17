// What has to be sent so that a guest can make the same work tree, without the history.
#pragma once

#include "workspace/repository.hpp"
#include "workspace/work_folder.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::workspace {

/// Untracked files that go along.
struct untracked_choice {
  bool all = false;
  std::vector<std::string> also;
};

struct snapshot_request {
  std::uint32_t depth = 0;      ///< commits of history; 0: as many as cost little
  bool has_all_history = false; ///< whatever it costs
  untracked_choice untracked;   ///< of the files that are neither tracked nor ignored
  std::string from;             ///< a commit that has to be there too; empty: none
};

/// The stage folder is what to unpack in the guest's new work tree first; its `.git/banger` has the
/// lists for the script that makes the rest of it. Then come `sent`, from the repository's root.
struct snapshot {
  work_folder folder;
  std::string stage;
  std::vector<std::string> sent;
  std::string from;           ///< the commit of the request's `from`
  std::string tree;           ///< names the content of all files that the guest gets
  std::uint32_t depth = 0;    ///< commits that go along
  std::size_t made_files = 0; ///< that git makes in the guest
  std::uint64_t pack_bytes = 0;
  std::vector<std::string> warnings;
};

/// Reads the repository and writes only to a new folder in `parent`.
/// Errors: not_found (`from`), failed, no_space, cancelled.
[[nodiscard]] result<snapshot> take_snapshot(const repository& where,
                                             const snapshot_request& request,
                                             const std::string& parent, int cancel_fd);

/// Names the content that a snapshot would have now, as snapshot::tree does. Objects that this
/// needs go to `folder`, a new one: what is behind the name can be read from there.
[[nodiscard]] result<std::string> name_content(const repository& where,
                                               const untracked_choice& untracked,
                                               const std::string& folder, int cancel_fd);

} // namespace banger::workspace
