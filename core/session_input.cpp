#include "core/session_input.hpp"

#include <algorithm>
#include <utility>

namespace banger::core {

void session_input::join(writer_id id, bool is_whole) {
  writers_[id].is_whole = is_whole;
}

void session_input::add(writer_id id, queued x) {
  auto found = writers_.find(id);
  if (found == writers_.end() || found->second.is_finished)
    return;
  x.order = ++last_order_;
  found->second.queue.push_back(std::move(x));
}

void session_input::push(writer_id id, std::string bytes) {
  if (!bytes.empty())
    add(id, {0, std::move(bytes), 0, false});
}

void session_input::push_end(writer_id id) {
  add(id, {0, {}, 0, true});
}

void session_input::finish(writer_id id) {
  if (auto found = writers_.find(id); found != writers_.end())
    found->second.is_finished = true;
  end_turn_if_done();
}

bool session_input::is_drained(writer_id id) const {
  auto found = writers_.find(id);
  return found == writers_.end() || (found->second.queue.empty() && found->second.under_way == 0);
}

void session_input::drop(writer_id id) {
  auto found = writers_.find(id);
  if (found == writers_.end())
    return;
  found->second.queue.clear();
  finish(id);
  forget_if_done(id);
}

void session_input::leave(writer_id id) {
  auto found = writers_.find(id);
  if (found == writers_.end())
    return;
  found->second.is_leaving = true;
  finish(id);
  forget_if_done(id);
}

void session_input::forget_if_done(writer_id id) {
  auto found = writers_.find(id);
  if (found != writers_.end() && found->second.is_leaving && is_drained(id))
    writers_.erase(found);
}

void session_input::end_turn_if_done() {
  if (turn_ == 0)
    return;
  auto holder = writers_.find(turn_);
  if (holder == writers_.end() || (holder->second.is_finished && holder->second.queue.empty()))
    turn_ = 0;
}

/// Whose piece is next: of the one that has the turn, or else the oldest.
std::map<writer_id, session_input::writer_state>::iterator session_input::next_writer() {
  if (turn_ != 0) {
    auto holder = writers_.find(turn_);
    return holder->second.queue.empty() ? writers_.end() : holder;
  }
  auto best = writers_.end();
  for (auto x = writers_.begin(); x != writers_.end(); ++x)
    if (!x->second.queue.empty() &&
        (best == writers_.end() ||
         x->second.queue.front().order < best->second.queue.front().order))
      best = x;
  return best;
}

std::optional<session_input::piece> session_input::next() {
  if (bytes_under_way_ >= most_under_way_)
    return std::nullopt;
  auto from = next_writer();
  if (from == writers_.end())
    return std::nullopt;
  auto& [id, writer] = *from;
  if (writer.is_whole)
    turn_ = id;
  auto& entry = writer.queue.front();
  piece out;
  if (!entry.is_end) {
    const auto room = std::min<std::uint64_t>(most_in_piece_, most_under_way_ - bytes_under_way_);
    const auto count = std::min<std::size_t>(entry.bytes.size() - entry.sent, room);
    out.bytes = entry.bytes.substr(entry.sent, count);
    entry.sent += count;
    writer.under_way += count;
    bytes_under_way_ += count;
    under_way_.push_back({id, count});
  }
  if (entry.sent == entry.bytes.size())
    writer.queue.pop_front();
  const auto whose = id;
  end_turn_if_done();
  forget_if_done(whose);
  return out;
}

std::vector<session_input::share> session_input::taken(std::uint64_t total) {
  std::vector<share> whose;
  auto more = total > total_taken_ ? total - total_taken_ : 0;
  while (more > 0 && !under_way_.empty()) {
    auto& oldest = under_way_.front();
    const auto count = std::min(more, oldest.bytes);
    more -= count;
    total_taken_ += count;
    bytes_under_way_ -= count;
    whose.push_back({oldest.writer, count});
    if (auto found = writers_.find(oldest.writer); found != writers_.end()) {
      found->second.under_way -= count;
      found->second.taken += count;
    }
    oldest.bytes -= count;
    if (oldest.bytes == 0)
      under_way_.pop_front();
    forget_if_done(whose.back().writer);
  }
  return whose;
}

std::vector<session_input::share> session_input::reset() {
  std::vector<share> whose{under_way_.begin(), under_way_.end()};
  under_way_.clear();
  bytes_under_way_ = total_taken_ = 0;
  for (auto& [id, writer] : writers_)
    writer.under_way = 0;
  for (const auto& x : whose)
    forget_if_done(x.writer);
  return whose;
}

std::vector<session_input::share> session_input::refuse() {
  const auto total = total_taken_;
  auto whose = reset();
  total_taken_ = total; // the way is still the same
  for (auto& [id, writer] : writers_) {
    std::uint64_t waiting = 0;
    for (const auto& entry : writer.queue)
      waiting += entry.bytes.size() - entry.sent;
    if (waiting > 0)
      whose.push_back({id, waiting});
    writer.queue.clear();
  }
  end_turn_if_done();
  std::vector<writer_id> all;
  for (const auto& [id, writer] : writers_)
    all.push_back(id);
  for (auto id : all)
    forget_if_done(id);
  return whose;
}

bool session_input::is_held_up() const {
  if (turn_ == 0)
    return false;
  return writers_.at(turn_).queue.empty() &&
         std::any_of(writers_.begin(), writers_.end(),
                     [](const auto& x) { return !x.second.queue.empty(); });
}

writer_id session_input::break_turn() {
  auto holder = std::exchange(turn_, 0);
  if (auto found = writers_.find(holder); found != writers_.end())
    found->second.is_whole = false;
  return holder;
}

std::uint64_t session_input::taken_of(writer_id id) const {
  auto found = writers_.find(id);
  return found == writers_.end() ? 0 : found->second.taken;
}

} // namespace banger::core
