#include "client/async_streams.hpp"

#include <algorithm>
#include <utility>

namespace banger::client {

namespace {

constexpr std::size_t longest_piece = 64U << 10;

/// Calls `then` where the message has this type and can be read; one that can't is none of ours.
template <class T, class Then>
bool is_taken(const incoming& message, Then then) {
  if (message.type != wire_name<T>)
    return false;
  if (auto x = decode<T>(message))
    then(*x);
  return true;
}

} // namespace

// -- input

std::string paced_input::next() {
  const auto size = std::min({credit_, unsent(), longest_piece});
  auto piece = unsent_.substr(sent_, size);
  credit_ -= size;
  sent_ += size;
  if (sent_ > unsent_.size() / 2) { // so that no byte is moved more than once
    unsent_.erase(0, sent_);
    sent_ = 0;
  }
  return piece;
}

void paced_input::refuse() {
  is_refused_ = true;
  unsent_.clear();
  sent_ = 0;
}

bool paced_input::is_end_due() {
  return is_ending_ && unsent() == 0 && !std::exchange(is_end_told_, true);
}

// -- both

void stream::go_on() {
  is_held_ = false;
  if (const auto due = std::exchange(unpaid_, 0); due > 0)
    pay(due);
}

void stream::took(std::size_t bytes) {
  unpaid_ += bytes;
  if (!is_held_)
    go_on();
}

// -- commands

void command_stream::opened(const exec_opened& x) {
  number = x.exec;
  all_.is_open(*this);
  input.allow(x.input_credit);
  if (early_signal_ != 0)
    signal(early_signal_);
  feed();
}

void command_stream::take(const incoming& message) {
  if (is_taken<exec_output>(message, [this](const auto& x) { take_output(x); }))
    return;
  if (is_taken<exec_ended>(message, [this](const auto& x) { ended(x); }))
    return;
  is_taken<exec_input_wanted>(message, [this](const exec_input_wanted& x) {
    input.allow(x.bytes);
    feed();
  });
}

void command_stream::take_output(const exec_output& x) {
  const receipt paid{*this, x.bytes.size()};
  if (on_.on_output)
    on_.on_output(x.is_stderr, x.bytes);
}

void command_stream::ended(const exec_ended& x) {
  if (x.why.code != ec::none)
    fail(x.why);
  else
    finish(finished_command{x.exit_code, x.signal, {}, {}});
}

void command_stream::fail(const failure& why) {
  finish(tl::make_unexpected(why));
}

void command_stream::finish(const result<finished_command>& x) {
  all_.close(*this);
  if (on_.on_end)
    on_.on_end(x);
}

void command_stream::feed() {
  if (number == 0)
    return;
  for (auto piece = input.next(); !piece.empty(); piece = input.next())
    all_.link.tell(exec_input{number, std::move(piece)});
  if (input.is_end_due())
    all_.link.tell(exec_input_ended{number});
}

void command_stream::signal(int which) {
  if (number == 0)
    early_signal_ = which;
  else
    all_.link.tell(exec_signal{number, which});
}

void command_stream::pay(std::size_t bytes) {
  all_.link.tell(exec_credit{number, static_cast<std::uint32_t>(bytes)});
}

// -- attaches

void attach_stream::opened(const session_attached& x) {
  number = x.attach;
  all_.is_open(*this);
  where_ = {x.session, x.offset};
  input.allow(x.input_credit);
  if (asked_.role != attach_role::sender && x.offset > asked_.from)
    take_gap(asked_.from, x.offset);
  feed();
}

void attach_stream::take(const incoming& message) {
  if (is_taken<attach_output>(message, [this](const auto& x) { take_output(x); }))
    return;
  if (is_taken<attach_gap>(message, [this](const auto& x) { take_gap(x.from, x.to); }))
    return;
  if (is_taken<attach_ended>(message, [this](const auto& x) { ended(x); }))
    return;
  if (is_taken<attach_input_refused>(message, [this](const auto& x) { take_refusal(x.why); }))
    return;
  is_taken<attach_input_wanted>(message, [this](const attach_input_wanted& x) {
    input.allow(x.bytes);
    feed();
  });
}

void attach_stream::take_output(const attach_output& x) {
  if (is_leaving_)
    return;
  where_.next = x.offset + x.bytes.size();
  const receipt paid{*this, x.bytes.size()};
  if (on_.on_output && !on_.on_output(x.offset, x.is_stderr, x.bytes))
    leave();
}

void attach_stream::take_gap(std::uint64_t from, std::uint64_t to) {
  if (is_leaving_)
    return;
  where_.next = to;
  if (on_.on_gap)
    on_.on_gap(from, to);
}

void attach_stream::take_refusal(const failure& why) {
  input.refuse();
  if (asked_.role == attach_role::sender) {
    fail(why);
    return;
  }
  if (on_.on_input_refused)
    on_.on_input_refused(why);
  feed(); // it may be what leaving waits for
}

void attach_stream::ended(const attach_ended& x) {
  where_.session = x.session;
  if (x.why.code != ec::none)
    fail(x.why);
  else if (asked_.role == attach_role::sender)
    fail({ec::wrong_state, "send input to session '" + asked_.ref + "'", "it is over", {}});
  else
    finish(where_);
}

void attach_stream::fail(const failure& why) {
  finish(tl::make_unexpected(why));
}

void attach_stream::finish(const result<attach_outcome>& x) {
  all_.close(*this);
  if (then_)
    then_(x);
}

/// An attach that has the input alone would keep it, and a second one to the session is refused.
void attach_stream::forgotten() {
  if (number != 0 && !std::exchange(is_leave_sent_, true))
    all_.ask<session_detached>(detach_session{number}, quick_limit, {});
}

void attach_stream::leave() {
  is_leaving_ = true;
  feed();
}

void attach_stream::feed() {
  if (number == 0)
    return;
  for (auto piece = input.next(); !piece.empty(); piece = input.next())
    all_.link.tell(attach_input{number, std::move(piece)});
  if (input.is_end_due())
    all_.link.tell(attach_input_ended{number});
  if (!is_leaving_ || input.unsent() > 0 || std::exchange(is_leave_sent_, true))
    return;
  const auto limit = asked_.role == attach_role::viewer ? quick_limit : operation_limit;
  all_.ask<session_detached>(
      detach_session{number}, limit, [&all = all_, me = id](const result<session_detached>& left) {
        const auto x = std::dynamic_pointer_cast<attach_stream>(all.find(me));
        if (!x)
          return;
        // A viewer's attach that was just over has been left; a sender's input was not taken.
        if (left || (left.error().code == ec::not_found && x->asked_.role != attach_role::sender))
          x->finish(x->where_);
        else
          x->fail(left.error());
      });
}

void attach_stream::pay(std::size_t bytes) {
  if (!is_leaving_)
    all_.link.tell(attach_credit{number, bytes});
}

} // namespace banger::client
