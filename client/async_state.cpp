#include "client/async_state.hpp"

#include "client/async_streams.hpp"

#include <algorithm>
#include <vector>

namespace banger::client {

namespace {

constexpr std::uint32_t event_credit_limit = 256;

/// Of a message that carries the number of its command or attach, which is its first field.
std::uint64_t number_in(const incoming& message) {
  std::uint64_t number = 0;
  core::wire_reader in{message.content};
  in.get(number);
  return in.ok() ? number : 0;
}

} // namespace

// -- streams

stream_id async_state::open(std::uint64_t number, std::shared_ptr<stream> x) {
  x->id = number;
  streams_.emplace(number, std::move(x));
  return number;
}

void async_state::is_open(const stream& x) {
  (x.what == stream::kind::command ? commands_ : attaches_)[x.number] = x.id;
}

void async_state::close(const stream& x) {
  auto& all = x.what == stream::kind::command ? commands_ : attaches_;
  if (const auto found = all.find(x.number); found != all.end() && found->second == x.id)
    all.erase(found); // else the number is another attach's by now
  streams_.erase(x.id);
}

std::shared_ptr<stream> async_state::find(stream_id x) const {
  const auto found = streams_.find(x);
  return found == streams_.end() ? nullptr : found->second;
}

void async_state::forget(stream_id x) {
  if (const auto found = find(x)) {
    close(*found);
    found->forgotten();
  }
}

// -- messages

void async_state::take(const incoming& message) {
  if (message.request != 0) {
    answered(message.request, message);
    return;
  }
  const auto is_of_command = message.type.starts_with("banger::exec_");
  if (is_of_command || message.type.starts_with("banger::attach_")) {
    const auto& all = is_of_command ? commands_ : attaches_;
    const auto found = all.find(number_in(message));
    if (const auto x = found == all.end() ? nullptr : find(found->second))
      x->take(message);
  } else if (message.type == wire_name<stage_entered>) {
    auto stage = decode<stage_entered>(message);
    if (const auto handler = on_stage_; handler && stage) // it may set another one
      (*handler)(*stage);
  } else if (events_) {
    take_event(message);
  }
}

/// Whatever the handler asks for is asked for after this is forgotten.
void async_state::answered(std::uint64_t number, result<incoming> x) {
  auto found = asked_.extract(number);
  if (found.empty())
    return; // it came too late
  deadlines_.erase({found.mapped().deadline, number});
  found.mapped().then(std::move(x));
}

void async_state::fail_late(clock::time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now)
    answered(deadlines_.begin()->second, tl::make_unexpected(link.late()));
}

/// What handlers begin meanwhile is not part of it: it fails the next time.
void async_state::fail_all(const failure& why) {
  std::vector<std::uint64_t> open_questions;
  for (const auto& [number, x] : asked_)
    open_questions.push_back(number);
  auto open = streams_;
  for (const auto number : open_questions)
    answered(number, tl::make_unexpected(why));
  for (const auto& [id, x] : open)
    if (streams_.contains(id))
      x->fail(why);
  end_events(tl::make_unexpected(why));
}

// -- events

void async_state::follow(subscribe_events from, event_handlers handlers) {
  from.credit = event_credit_limit;
  auto next = std::make_shared<event_handlers>(std::move(handlers));
  waiting_events_.push_back(next);
  ask<events_subscribed>(from, quick_limit, [this, next](const result<events_subscribed>& x) {
    const auto found = std::find(waiting_events_.begin(), waiting_events_.end(), next);
    if (found == waiting_events_.end())
      return; // it was let go of
    waiting_events_.erase(found);
    if (x)
      events_ = next;
    else if (next->on_end)
      next->on_end(tl::make_unexpected(x.error()));
  });
}

void async_state::unfollow() {
  waiting_events_.clear();
  events_.reset();
}

void async_state::take_event(const incoming& message) {
  const auto now = events_; // what it does may let go of it
  if (message.type == wire_name<events_missed>) {
    if (auto missed = decode<events_missed>(message); missed && now->on_missed)
      now->on_missed(*missed);
  } else if (message.type == wire_name<event_happened>) {
    auto event = decode<event_happened>(message);
    if (event && now->on_event && !now->on_event(*event))
      end_events({});
    else if (++unpaid_events_ >= event_credit_limit / 2)
      link.tell(event_credit{std::exchange(unpaid_events_, 0)});
  }
}

void async_state::end_events(result<void> how) {
  if (const auto now = std::exchange(events_, nullptr); now && now->on_end)
    now->on_end(std::move(how));
}

} // namespace banger::client
