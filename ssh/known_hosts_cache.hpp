// What was last read of a known_hosts file, parsed, for as long as nobody changes the file. A
// daemon asks often, and the file of a user of years has thousands of lines.
#pragma once

#include "core/known_hosts_index.hpp"
#include "protocol/result.hpp"
#include "ssh/owned_file.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace banger::ssh {

/// The file at one time.
struct known_hosts_contents {
  explicit known_hosts_contents(std::string from)
      : text(std::move(from)), index(core::known_hosts::parse(text)) {}

  std::string text;
  core::known_hosts::line_index index;
};

/// Not for several threads at once.
class known_hosts_cache {
public:
  using clock = std::chrono::steady_clock;

  /// A stamp that we have known for less is not relied on: a change of one byte in place, which a
  /// removal is, leaves it as it was if it falls into the same tick of the file system's clock.
  /// Much longer than a tick. Measured by our own clock: that of a file server may be another.
  static constexpr auto settle_time = std::chrono::milliseconds(100);

  /// The contents of `file`, which has just been opened through its path, and so been checked.
  /// Blocks on the disk, but only where the file may be another than last time.
  /// @returns as owned_file::read_from.
  [[nodiscard]] result<std::shared_ptr<known_hosts_contents>> read(const owned_file& file,
                                                                   clock::time_point now);

private:
  std::optional<file_stamp> stamp_;
  clock::time_point known_since_;
  bool is_relied_on_ = false; // stamp_ had settled before contents_ was read
  std::shared_ptr<known_hosts_contents> contents_;
};

} // namespace banger::ssh
