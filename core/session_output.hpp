// Who gets which piece of a session's output, and from where it has to be fetched. Pure: events go
// in, actions come out.
//
// Readers that are close together share a *group*: one source in the guest, and a ring of the
// newest output that came from it. A reader is a cursor into the ring, and takes as much as it has
// credit for. One that falls behind the ring leaves for a group of its own, which reads the guest's
// journal where it is; one that comes up to another group's ring joins that. So a slow reader lags
// alone and nothing grows with it, and readers that keep up cost one transfer between them.
#pragma once

#include "core/session_output_actions.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace banger::core {

/// @tparam Piece  has `from` and `to`, output offsets, and `is_gap`: a gap costs no credit and is
/// never cut
template <class Piece>
class session_output {
public:
  using action = std::variant<deliver_piece<Piece>, place_reader, end_reader, open_source,
                              pay_source, close_source>;

  /// @param ring_bytes  of output that a group keeps for its readers
  /// @param rest_bytes  of output that it keeps when all of them have it
  /// @param credit_step  a source that is not idle is paid so much at least
  explicit session_output(std::uint64_t ring_bytes, std::uint64_t rest_bytes,
                          std::uint64_t credit_step)
      : ring_limit_(ring_bytes), rest_limit_(rest_bytes), credit_step_(credit_step) {}

  /// What is to be done because of the events so far, in this order.
  [[nodiscard]] std::vector<action> take_actions() { return std::exchange(actions_, {}); }

  /// A reader comes. place_reader tells where it begins, once that is known.
  void join(reader_id id, output_origin origin, std::uint64_t from, bool follows,
            std::uint64_t credit) {
    auto& reader = readers_[id];
    reader.credit = credit;
    reader.follows = follows;
    // Only the guest knows where now is; it is in another's ring soon.
    auto* group = follows && origin == output_origin::offset ? find_group(from) : nullptr;
    if (group == nullptr)
      group = &new_group(origin, from, follows);
    reader.group = group->source;
    if (group->is_placed)
      place(id, reader, from);
    pump(*group);
  }

  /// A reader goes.
  void leave(reader_id id) {
    auto found = readers_.find(id);
    if (found == readers_.end())
      return;
    const auto group = found->second.group;
    readers_.erase(found);
    drop_where_empty(group);
    if (auto* rest = group_of(group); rest != nullptr)
      pump(*rest);
  }

  /// A reader can take more.
  void pay(reader_id id, std::uint64_t bytes) {
    auto found = readers_.find(id);
    if (found == readers_.end())
      return;
    auto& credit = found->second.credit;
    credit += std::min(bytes, UINT64_MAX - credit);
    pump(*group_of(found->second.group));
  }

  /// A source says where it begins: where its journal ended, that may be before what was asked for.
  void begins(source_id source, std::uint64_t offset) {
    auto* group = group_of(source);
    if (group == nullptr || group->is_placed)
      return;
    group->is_placed = true;
    group->head = group->oldest = offset;
    for (auto& [id, reader] : readers_)
      if (reader.group == source)
        place(id, reader, offset);
    pump(*group);
  }

  /// Output of a source. @returns false where it does not follow what came before
  [[nodiscard]] bool arrived(source_id source, std::shared_ptr<const Piece> piece) {
    auto* group = group_of(source);
    if (group == nullptr)
      return true; // it has just been given up
    if (!group->is_placed || piece->from != group->head || piece->to <= piece->from)
      return false;
    group->head = piece->to;
    if (piece->is_gap) {
      group->whole_from = piece->to;
    } else {
      const auto size = piece->to - piece->from;
      group->unspent -= std::min(group->unspent, size);
      group->ring_bytes += size;
    }
    group->ring.push_back(std::move(piece));
    pump(*group);
    return true;
  }

  /// Nothing more will come from a source: its session, or what there was of it, is at its end.
  void ended(source_id source) {
    auto* group = group_of(source);
    if (group == nullptr)
      return;
    group->is_ended = true;
    group->is_open = false;
    pump(*group);
  }

  /// A source ended without a word. It is opened anew, where it was, with the next connect().
  void broke(source_id source) {
    auto* group = group_of(source);
    if (group == nullptr)
      return;
    group->is_open = false;
    group->unspent = 0;
    group->is_broken = true;
  }

  /// The way to the guest broke: all sources are gone, and none is to be opened before connect().
  void disconnect() {
    is_connected_ = false;
    for (auto& [id, group] : groups_) {
      group.is_open = false;
      group.unspent = 0;
    }
    std::erase_if(actions_, [](const action& x) {
      return !std::holds_alternative<deliver_piece<Piece>>(x) &&
             !std::holds_alternative<place_reader>(x) && !std::holds_alternative<end_reader>(x);
    });
  }

  /// The way to the guest is there: each group goes on where it was.
  void connect() {
    is_connected_ = true;
    std::vector<source_id> all;
    for (auto& [id, group] : groups_) {
      group.is_broken = false;
      all.push_back(id);
    }
    for (auto id : all)
      if (auto* group = group_of(id); group != nullptr)
        pump(*group);
  }

  [[nodiscard]] std::size_t reader_count() const { return readers_.size(); }
  [[nodiscard]] std::size_t source_count() const { return groups_.size(); }

  /// Where a reader is; nothing before it is placed.
  [[nodiscard]] std::optional<std::uint64_t> cursor_of(reader_id id) const {
    auto found = readers_.find(id);
    if (found == readers_.end() || !found->second.is_placed)
      return std::nullopt;
    return found->second.cursor;
  }

  /// The furthest output offset that was seen.
  [[nodiscard]] std::uint64_t head() const {
    std::uint64_t most = 0;
    for (const auto& [id, group] : groups_)
      if (group.is_placed)
        most = std::max(most, group.head);
    return most;
  }

  /// Bytes of output in all rings.
  [[nodiscard]] std::uint64_t held_bytes() const {
    std::uint64_t all = 0;
    for (const auto& [id, group] : groups_)
      all += group.ring_bytes;
    return all;
  }

private:
  struct reader_state {
    source_id group = 0;
    bool is_placed = false;
    bool follows = true;
    std::uint64_t cursor = 0;
    std::uint64_t credit = 0;
  };

  struct group_state {
    source_id source = 0;
    output_origin origin = output_origin::offset;
    std::uint64_t from = 0;
    bool follows = true;
    bool is_open = false;   ///< its source is
    bool is_placed = false; ///< it is known where it begins
    bool is_ended = false;
    bool is_broken = false;   ///< its source is, and waits for connect()
    std::uint64_t oldest = 0; ///< with head: what the ring covers
    std::uint64_t head = 0;
    std::uint64_t whole_from = 0; ///< behind the last gap
    std::uint64_t unspent = 0;    ///< credit of the source
    std::uint64_t ring_bytes = 0;
    std::deque<std::shared_ptr<const Piece>> ring;

    /// Not before its last gap: what is lost to this source another ring may have still.
    [[nodiscard]] bool covers(std::uint64_t offset) const {
      return is_placed && std::max(oldest, whole_from) <= offset && offset <= head;
    }
  };

  group_state* group_of(source_id id) {
    auto found = groups_.find(id);
    return found == groups_.end() ? nullptr : &found->second;
  }

  /// The group that a reader from there can be in; of several the one that is furthest.
  group_state* find_group(std::uint64_t from, source_id but = 0) {
    group_state* best = nullptr;
    for (auto& [id, group] : groups_)
      if (id != but && group.follows && group.covers(from) &&
          (best == nullptr || group.head > best->head))
        best = &group;
    return best;
  }

  group_state& new_group(output_origin origin, std::uint64_t from, bool follows) {
    auto id = ++last_source_;
    auto& group = groups_[id];
    group.source = id;
    group.origin = origin;
    group.from = from;
    group.follows = follows;
    return group;
  }

  void place(reader_id id, reader_state& reader, std::uint64_t offset) {
    reader.is_placed = true;
    reader.cursor = offset;
    actions_.push_back(place_reader{id, offset});
  }

  void drop_where_empty(source_id id) {
    auto* group = group_of(id);
    if (group == nullptr || std::any_of(readers_.begin(), readers_.end(),
                                        [&](const auto& x) { return x.second.group == id; }))
      return;
    if (group->is_open)
      actions_.push_back(close_source{id});
    groups_.erase(id);
  }

  /// Gives each reader of a group what it can take, then sees to where they belong, and to the
  /// source.
  void pump(group_state& group) {
    const auto source = group.source;
    std::vector<reader_id> done;
    for (auto& [id, reader] : readers_) {
      if (reader.group != source || !reader.is_placed)
        continue;
      give(id, reader, group);
      if (group.is_ended && reader.cursor == group.head)
        done.push_back(id);
    }
    for (auto id : done) {
      actions_.push_back(end_reader{id, readers_.at(id).cursor});
      readers_.erase(id);
    }
    shrink(group, ring_limit_);
    move_readers(group);
    drop_where_empty(source);
    if (auto* rest = group_of(source); rest != nullptr) {
      if (all_have_it(*rest))
        shrink(*rest, rest_limit_);
      feed(*rest);
    }
  }

  void give(reader_id id, reader_state& reader, const group_state& group) {
    auto next = find_piece(group, reader.cursor);
    for (; next != group.ring.end(); ++next) {
      const auto& piece = **next;
      auto to = piece.to;
      if (!piece.is_gap) {
        if (reader.credit == 0)
          return;
        to = reader.cursor + std::min(to - reader.cursor, reader.credit);
        reader.credit -= to - reader.cursor;
      }
      actions_.push_back(deliver_piece<Piece>{id, *next, reader.cursor, to});
      reader.cursor = to;
      if (to < piece.to)
        return;
    }
  }

  /// The piece that a cursor is in; the end where all of the ring was taken, or none of it can be.
  static auto find_piece(const group_state& group, std::uint64_t cursor) {
    if (group.ring.empty() || cursor >= group.head || cursor < group.oldest)
      return group.ring.end();
    if (cursor >= group.ring.back()->from) // where readers that keep up are
      return std::prev(group.ring.end());
    return std::upper_bound(group.ring.begin(), group.ring.end(), cursor,
                            [](std::uint64_t at, const auto& piece) { return at < piece->to; });
  }

  bool all_have_it(const group_state& group) const {
    return std::all_of(readers_.begin(), readers_.end(), [&](const auto& x) {
      const auto& reader = x.second;
      return reader.group != group.source || !reader.is_placed || reader.cursor == group.head;
    });
  }

  static void shrink(group_state& group, std::uint64_t limit) {
    while (!group.ring.empty() && group.ring_bytes > limit) {
      const auto& piece = *group.ring.front();
      if (!piece.is_gap)
        group.ring_bytes -= piece.to - piece.from;
      group.oldest = piece.to;
      group.ring.pop_front();
    }
  }

  /// Readers that fell behind the ring leave, and those that another ring has come to move there.
  void move_readers(group_state& group) {
    if (!group.follows || !group.is_placed)
      return;
    const auto source = group.source;
    std::vector<source_id> joined;
    for (auto& [id, reader] : readers_) {
      if (reader.group != source || !reader.is_placed)
        continue;
      const auto is_behind = reader.cursor < group.oldest;
      auto* other = groups_.size() > 1 ? find_group(reader.cursor, source) : nullptr;
      if (other != nullptr && (is_behind || other->head > group.head ||
                               (other->head == group.head && other->source < source))) {
        reader.group = other->source;
        joined.push_back(other->source);
      } else if (is_behind) {
        auto& own = new_group(output_origin::offset, reader.cursor, true);
        own.is_placed = true;
        own.head = own.oldest = reader.cursor;
        reader.group = own.source;
        joined.push_back(own.source);
      }
    }
    for (auto id : joined)
      if (auto* to = group_of(id); to != nullptr)
        pump(*to);
  }

  /// The bytes that the reader which can take most can still take, less those that are under way.
  void feed(group_state& group) {
    if (!is_connected_ || group.is_ended || group.is_broken)
      return;
    std::uint64_t wanted = 0;
    for (const auto& [id, reader] : readers_) {
      if (reader.group != group.source)
        continue;
      const auto ahead = reader.is_placed ? group.head - reader.cursor : 0;
      if (reader.credit > ahead)
        wanted = std::max(wanted, reader.credit - ahead);
    }
    wanted = std::min(wanted, ring_limit_);
    if (!group.is_open) {
      if (wanted == 0 && group.is_placed)
        return; // nobody can take anything: not before that
      group.is_open = true;
      group.unspent = wanted;
      const auto origin = group.is_placed ? output_origin::offset : group.origin;
      const auto from = group.is_placed ? group.head : group.from;
      actions_.push_back(open_source{group.source, origin, from, group.follows, wanted});
    } else if (wanted > group.unspent &&
               (group.unspent == 0 || wanted - group.unspent >= credit_step_)) {
      actions_.push_back(pay_source{group.source, wanted - group.unspent});
      group.unspent = wanted;
    }
  }

  const std::uint64_t ring_limit_;
  const std::uint64_t rest_limit_;
  const std::uint64_t credit_step_;
  bool is_connected_ = false;
  source_id last_source_ = 0;
  std::map<reader_id, reader_state> readers_;
  std::map<source_id, group_state> groups_;
  std::vector<action> actions_;
};

} // namespace banger::core
