// banger's known_hosts file on disk, beside ssh clients that append to it at any time and take no
// lock.
//
// Nothing of theirs is lost by us: a pin is one append, a removal is one byte written in place, and
// the file is replaced only to drop many removed lines, after which the old one is watched for late
// appends. ssh-keygen -R and its like replace the file too, and do not watch: what was appended
// while they did so, by whomever, is put back at our next look, and what we removed is removed
// again. So `heal` is to be called whenever the folder changes. Every change is read back through
// the path, and done again where somebody has replaced the file meanwhile. Fails closed: only a
// file that does not exist is an empty one. All that cannot be read or trusted is an error.
#pragma once

#include "core/known_hosts.hpp"
#include "protocol/result.hpp"
#include "ssh/known_hosts_cache.hpp"
#include "ssh/owned_file.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banger::ssh {

/// What a removal did.
struct removed_pins {
  std::size_t count = 0; ///< lines taken out
  /// Numbers of the lines that still pin one of the names because they hold a pattern: see
  /// core::plan_removal.
  std::vector<std::size_t> kept_lines;
};

/// Not for several threads at once. All functions block on the disk: call them from a thread of
/// your own. Errors of all of them: ec::unsafe_path (with the command that mends it), ec::no_space,
/// ec::storage_failed.
class known_hosts_file {
public:
  using clock = std::chrono::steady_clock;

  /// How long the file that a compaction replaced is watched: an ssh client holds the file open for
  /// the time of one write, so this is long.
  static constexpr auto drain_time = std::chrono::seconds(5);
  /// From how many bytes of removed lines on a compaction is worth it.
  static constexpr std::size_t compact_above = std::size_t{64} << 10;

  explicit known_hosts_file(std::filesystem::path path) : path_(std::move(path)) {}

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Makes the folder (0700) and the file (0600) where they are missing, ends its last line,
  /// removes what a process that died has left, and compacts it. Before any ssh client uses the
  /// file: it would make it readable for everybody.
  [[nodiscard]] result<void> prepare();

  /// Ends the last line where it has no line feed, so that the next append of an ssh client is not
  /// glued to it, and drains. Call it when the file has changed, or another has its name.
  [[nodiscard]] result<void> heal();

  /// Drops what was parsed of the file; the next look reads it again.
  void forget_parsed() { cache_ = {}; }

  /// The text; empty where there is no file.
  [[nodiscard]] result<std::string> read();

  /// The lines of the file, without empty ones and comments; none where there is no file. They stay
  /// as they are when the file changes.
  [[nodiscard]] result<std::shared_ptr<const std::vector<core::known_hosts::line>>> lines();

  /// What the file says about the key that `host` offers.
  [[nodiscard]] result<core::known_hosts::verdict> check(std::string_view host, std::uint16_t port,
                                                         const core::host_key& offered);

  /// See core::known_hosts::pinned_algorithms.
  [[nodiscard]] result<std::string> algorithms(std::string_view host, std::uint16_t port);

  /// Pins `key` for each of `names` (as core::known_hosts::host_name_for makes them), one line
  /// each. Names that have this pin already are left alone, their comments too, so it can be
  /// repeated. When it returns, the lines are on the disk and no other key is pinned for the names.
  /// @param comment  is written behind the key: where the pin comes from, for a person to read.
  /// @returns ec::host_key_mismatch where another key is pinned for a name, also where another
  /// writer has just
  ///          done so: our lines are taken back then. ec::host_key_revoked. ec::bad_request for a
  ///          name that is a pattern, a malformed key, or a control character in the comment.
  ///          ec::busy where somebody replaces the file again and again.
  [[nodiscard]] result<void> pin(const std::vector<std::string>& names, const core::host_key& key,
                                 std::string_view comment = {});

  /// Takes out every pin of `names`, whatever the key. Can be repeated. Also call it before a name
  /// is used anew.
  /// @returns ec::busy as in `pin`.
  [[nodiscard]] result<removed_pins> remove(const std::vector<std::string>& names);

  /// Replaces the file by one without removed lines if there are more than `above` bytes of them.
  /// The caller must then call `drain` until `is_draining` is false; every other function does so
  /// as well.
  /// @returns false where there was nothing to do, or another process is doing it. Leaves
  /// `<path>.lock`.
  [[nodiscard]] result<bool> compact(std::size_t above = compact_above,
                                     clock::time_point now = clock::now());

  /// Copies what was appended to a replaced file since into the present one; gives it up after
  /// `drain_time`. Whoever replaced it: the caller must call it until `is_draining` is false.
  [[nodiscard]] result<void> drain(clock::time_point now = clock::now());
  [[nodiscard]] bool is_draining() const { return !replaced_.empty(); }

private:
  /// A file in whose place there is another one now, and how far the other one has it.
  struct replaced_file {
    owned_file file;
    std::size_t offset = 0;
    clock::time_point since;
  };

  /// How the file was when we looked.
  struct look {
    file_stamp stamp;
    clock::time_point since;
  };

  /// A line that we commented out.
  struct removed_line {
    std::string text;              // without its line feed
    std::chrono::nanoseconds at{}; // by the file system's clock
    clock::time_point since;
  };

  /// Lines we have just written. Holds the file open: its inode's number can't go to another file
  /// meanwhile.
  struct appended_lines {
    owned_file file;
    std::size_t offset = 0;
    std::string text;
  };

  result<std::shared_ptr<known_hosts_contents>> contents();
  result<appended_lines> append(std::string text, owned_file::mode how);
  result<void> append_missing_lines(std::string text);
  void take_back(const std::vector<appended_lines>& ours);
  result<std::size_t> remove_once(std::string_view text,
                                  const core::known_hosts::removal_plan& plan, owned_file& file);
  [[nodiscard]] std::filesystem::path temporary_path() const;
  result<bool> replace(owned_file old, clock::time_point now);
  [[nodiscard]] result<bool> exchange(const owned_file& old) const;
  [[nodiscard]] bool is_present(const owned_file& file) const;
  void note_look(const file_stamp& stamp, clock::time_point now);
  result<void> follow(clock::time_point now);
  [[nodiscard]] result<std::size_t> late_offset(const owned_file& old,
                                                const owned_file& present) const;
  result<void> remove_again(const owned_file& present);
  result<void> note_removed(std::vector<std::string> lines, const owned_file& file);

  std::filesystem::path path_;
  std::optional<owned_file> present_; // what the path named when we looked last
  std::vector<look> looks_;           // how it was, the last one last
  std::vector<replaced_file> replaced_;
  std::vector<removed_line> removed_; // for as long as somebody may bring it back
  known_hosts_cache cache_;
};

} // namespace banger::ssh
