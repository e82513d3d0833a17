// What core/session_output.hpp wants done.
#pragma once

#include "protocol/attach.hpp"

#include <cstdint>
#include <memory>

namespace banger::core {

using reader_id = std::uint64_t;
using source_id = std::uint64_t; ///< never used again

/// Reader, take this. Where `from` is not the piece's, only the rest of it from there; where `to`
/// is not, only what is before.
template <class Piece>
struct deliver_piece {
  reader_id reader = 0;
  std::shared_ptr<const Piece> piece;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

/// The reader's output begins at this offset.
struct place_reader {
  reader_id reader = 0;
  std::uint64_t offset = 0;
};

/// The reader has all that there is, and nothing more will come.
struct end_reader {
  reader_id reader = 0;
  std::uint64_t offset = 0;
};

/// Begin to read the journal.
struct open_source {
  source_id source = 0;
  output_origin origin = output_origin::offset;
  std::uint64_t from = 0;
  bool follows = true;
  std::uint64_t credit = 0;
};

struct pay_source {
  source_id source = 0;
  std::uint64_t bytes = 0;
};

struct close_source {
  source_id source = 0;
};

} // namespace banger::core
