#include "actors/shared_output.hpp"

#include <caf/make_message.hpp>

#include <algorithm>
#include <string>

namespace banger::actors {

output_piece make_output(std::uint64_t attach, std::uint64_t offset, bool is_stderr,
                         std::string_view bytes) {
  return {offset, offset + bytes.size(), false,
          caf::make_message(attach_output{attach, offset, is_stderr, std::string{bytes}})};
}

output_piece make_gap(std::uint64_t attach, std::uint64_t from, std::uint64_t to) {
  return {from, to, true, caf::make_message(attach_gap{attach, from, to})};
}

caf::message message_of(const output_piece& piece, std::uint64_t from, std::uint64_t to) {
  if (from == piece.from && to == piece.to)
    return piece.message;
  if (piece.is_gap) {
    auto gap = piece.message.get_as<attach_gap>(0);
    gap.from = std::max(gap.from, from);
    return caf::make_message(gap);
  }
  const auto& whole = piece.message.get_as<attach_output>(0);
  return caf::make_message(attach_output{whole.attach, from, whole.is_stderr,
                                         whole.bytes.substr(from - piece.from, to - from)});
}

} // namespace banger::actors
