// In which order the input of many writers goes to a session's command. Pure.
//
// A piece is never split by another's: pieces go out in the order in which they came. A writer that
// is *whole* takes a turn with its first piece, and nobody else's goes out before it has finished.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace banger::core {

using writer_id = std::uint64_t;

class session_input {
public:
  /// @param most_under_way  bytes that may have been sent and not been taken by the command's input
  /// @param most_in_piece  bytes of one piece to send
  session_input(std::size_t most_under_way, std::size_t most_in_piece)
      : most_under_way_(most_under_way), most_in_piece_(most_in_piece) {}

  /// What is to be sent: bytes, or the end of the input.
  struct piece {
    std::string bytes; ///< empty: the end
  };

  struct share {
    writer_id writer = 0;
    std::uint64_t bytes = 0;
  };

  void join(writer_id id, bool is_whole);
  void push(writer_id id, std::string bytes);
  void push_end(writer_id id);

  /// Nothing more comes from it; what came still goes out, then its turn ends.
  void finish(writer_id id);

  /// All of it has been taken, or was refused or lost.
  [[nodiscard]] bool is_drained(writer_id id) const;
  /// What came of it and was not sent yet is not to be sent, and no more comes.
  void drop(writer_id id);

  /// Forgets a writer. @pre it is drained, or is to be forgotten all the same as soon as it is
  void leave(writer_id id);

  /// The next piece to send; nothing where none is left or enough is under way.
  [[nodiscard]] std::optional<piece> next();

  /// So many bytes of what was sent since the last reset have been taken in all. @returns whose
  [[nodiscard]] std::vector<share> taken(std::uint64_t total);

  /// All that is under way or waits is in vain. @returns whose
  [[nodiscard]] std::vector<share> refuse();

  /// The way to the command broke: of what is under way nobody knows what arrived; the rest waits.
  /// @returns whose is lost
  [[nodiscard]] std::vector<share> reset();

  /// Others wait for a writer that has its turn and gives nothing.
  [[nodiscard]] bool is_held_up() const;
  /// Ends such a turn: the writer is as others from now on. @returns which
  writer_id break_turn();

  [[nodiscard]] std::uint64_t taken_of(writer_id id) const;

private:
  struct queued {
    std::uint64_t order = 0;
    std::string bytes;
    std::size_t sent = 0;
    bool is_end = false;
  };
  struct writer_state {
    bool is_whole = false;
    bool is_finished = false;
    bool is_leaving = false;
    std::deque<queued> queue;
    std::uint64_t under_way = 0;
    std::uint64_t taken = 0;
  };

  void add(writer_id id, queued x);
  [[nodiscard]] std::map<writer_id, writer_state>::iterator next_writer();
  void end_turn_if_done();
  void forget_if_done(writer_id id);

  const std::size_t most_under_way_;
  const std::size_t most_in_piece_;
  std::map<writer_id, writer_state> writers_;
  std::deque<share> under_way_;
  std::uint64_t bytes_under_way_ = 0;
  std::uint64_t total_taken_ = 0; ///< since the last reset
  std::uint64_t last_order_ = 0;
  writer_id turn_ = 0;
};

} // namespace banger::core
