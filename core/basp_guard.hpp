// Decides, piece by piece, whether a peer's BASP traffic may reach CAF. Stock CAF 0.17.6 crashes on
// a handshake without payload, allocates 4 GiB on a length it is told, and lets any peer kill or
// route to any actor; none of that gets past here. Pure: one guard a connection, fed with the
// chunks CAF reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace banger::core {

struct basp_limits {
  std::uint32_t control_bytes = 16U << 10; ///< handshakes, monitors, and messages that nest others
  std::uint32_t message_bytes = 8U << 20;
  /// Names of the types a peer may put into a message; "@error" is one that nests.
  std::set<std::string, std::less<>> types;
};

class basp_guard {
public:
  explicit basp_guard(const basp_limits& limits) : limits_(limits) {}

  /// Judges the next chunk. CAF reads a 32-byte header, then the payload it announces, in turn.
  /// @returns false where the connection must be closed; later chunks are then refused as well.
  [[nodiscard]] bool accept(std::string_view chunk);

  /// Whether a valid handshake has passed.
  [[nodiscard]] bool has_shaken_hands() const { return has_shaken_hands_; }

private:
  bool accept_header(std::string_view chunk);
  bool accept_payload(std::string_view chunk);
  bool accept_message(std::string_view payload) const;

  const basp_limits& limits_;
  std::string first_handshake_; ///< of a client, until it was said again
  int expected_ = -1;           ///< operation whose payload comes next; -1: a header comes next
  std::uint32_t expected_size_ = 0;
  bool has_shaken_hands_ = false;
  bool is_refused_ = false;
};

} // namespace banger::core
