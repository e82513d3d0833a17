// What a copy says of itself, as text and as JSON. Pure.
#pragma once

#include "archive/records.h"
#include "core/copy_ref.hpp"
#include "protocol/errors.hpp"

#include <cstdint>
#include <string>

namespace banger::cli {

/// How much was copied, so far or in the end.
struct copy_figures {
  std::uint64_t files = 0;
  std::uint64_t directories = 0;
  std::uint64_t links = 0;
  std::uint64_t bytes = 0;      ///< of files, without their holes
  std::uint64_t bytes_sent = 0; ///< with what describes them
  std::uint64_t planned_files = 0;
  std::uint64_t planned_bytes = 0; ///< both 0: nobody counted
  std::uint64_t left_out = 0;
  std::string first_left_out; ///< path
  std::string name;           ///< of the file that is under way
  std::int64_t duration_ms = 0;
};

/// "notes.txt  45%  12.0 MiB of 26.0 MiB  3.1 MiB/s  5 s left", no longer than `width`.
[[nodiscard]] std::string copy_progress_line(const copy_figures& x, std::size_t width);

/// "copied 3 files, 12.0 MiB in 4.1s". One line.
[[nodiscard]] std::string copy_summary(const copy_figures& x);

/// What was left out, for stderr; empty where nothing was.
[[nodiscard]] std::string copy_notice(const copy_figures& x);

/// A failure of the archive as one of the command. @param side  where it happened
[[nodiscard]] failure copy_failure(const archive_failure& x, const core::copy_ref& side);

} // namespace banger::cli
