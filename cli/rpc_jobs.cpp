#include "cli/rpc_jobs.hpp"

#include "cli/attach_stream.hpp"

#include <algorithm>
#include <utility>

namespace banger::cli::rpc {

namespace {

constexpr std::uint64_t credit_step = 64U << 10;
constexpr std::size_t input_piece = 32U << 10;
constexpr std::size_t most_unsent = 256U << 10; // before more input is sent

} // namespace

// -- question

bool question::take(const client::incoming& message) {
  if (message.request != number_)
    return false;
  is_over = true;
  then_(message);
  return true;
}

void question::end(const failure& why) {
  if (!std::exchange(is_over, true))
    then_(tl::make_unexpected(why));
}

bool question::is_of(const stage_entered& x, bool is_exact) const {
  return !operation.empty() && operation == x.kind && (!is_exact || subject == x.subject);
}

// -- command

bool command::take(const client::incoming& message) {
  if (!channel_.take(message))
    return false;
  if (!is_open_ && channel_.problem().code == ec::none) {
    is_open_ = true;
    hooks_.opened();
  }
  auto out = channel_.take_output(), errors = channel_.take_errors();
  owed_ += out.size() + errors.size();
  if (!out.empty())
    hooks_.output(false, std::move(out));
  if (!errors.empty())
    hooks_.output(true, std::move(errors));
  if (!channel_.is_over())
    return true;
  exec_end how{0, 0, channel_.problem()};
  if (auto told = client::decode<exec_ended>(message))
    how = {told->exit_code, told->signal, told->why};
  is_over = true;
  const failure gone{ec::wrong_state, "write to a command", "it has ended", {}};
  input_.fail_all(how.why.code == ec::none ? gone : how.why);
  hooks_.ended(how);
  return true;
}

void command::end(const failure& why) {
  if (std::exchange(is_over, true))
    return;
  input_.fail_all(why);
  hooks_.ended({0, 0, why});
}

void command::go_on(bool pays) {
  while (!input_.is_empty() && channel_.room() > 0)
    channel_.send(input_.take(std::min(input_piece, channel_.room())));
  if (input_.is_empty() && input_.is_ended() && !channel_.input_ended())
    channel_.end_input();
  input_.settle();
  if (pays && owed_ > 0)
    channel_.pay(std::exchange(owed_, 0));
}

// -- attachment

attachment::attachment(client::connection& link, attach_session request, attach_hooks hooks)
    : link_(link), hooks_(std::move(hooks)) {
  request.credit = request.role == attach_role::sender ? 0 : output_credit;
  request.client = client_label();
  request_ = link.send(request);
  hides_early = true;
}

bool attachment::take(const client::incoming& message) {
  if (request_ != 0)
    return message.request == request_ && take_answer(message);
  return message.request == 0 && (take_output(message) || take_rest(message));
}

bool attachment::take_answer(const client::incoming& message) {
  request_ = 0;
  hides_early = false;
  auto attached = client::decode<session_attached>(message);
  if (!attached) {
    is_over = true;
    input_.fail_all(attached.error());
    hooks_.refused(attached.error());
    return true;
  }
  number_ = attached->attach;
  offset_ = attached->offset;
  credit_ = attached->input_credit;
  hooks_.attached(*attached);
  return true;
}

bool attachment::take_output(const client::incoming& message) {
  if (message.type != wire_name<attach_output>)
    return false;
  auto x = client::decode<attach_output>(message);
  if (!x || x->attach != number_)
    return false;
  owed_ += x->bytes.size();
  offset_ = x->offset + x->bytes.size();
  hooks_.output(*x);
  return true;
}

bool attachment::take_rest(const client::incoming& message) {
  if (auto gap = client::decode<attach_gap>(message); gap && gap->attach == number_) {
    offset_ = gap->to;
    hooks_.gap(*gap);
    return true;
  }
  if (auto x = client::decode<attach_input_wanted>(message); x && x->attach == number_) {
    credit_ += x->bytes;
    return true;
  }
  if (auto x = client::decode<attach_input_refused>(message); x && x->attach == number_) {
    input_.fail_all(x->why);
    hooks_.input_refused(x->why);
    return true;
  }
  if (auto x = client::decode<attach_noticed>(message); x && x->attach == number_) {
    hooks_.noticed(x->text);
    return true;
  }
  auto over = client::decode<attach_ended>(message);
  if (!over || over->attach != number_)
    return false;
  is_over = true;
  input_.fail_all({ec::wrong_state, "write to a session", "the attach has ended", {}});
  hooks_.ended(*over);
  return true;
}

void attachment::end(const failure& why) {
  if (std::exchange(is_over, true))
    return;
  input_.fail_all(why);
  if (number_ == 0)
    hooks_.refused(why);
  else
    hooks_.ended({number_, attach_end::dropped, {}, offset_, why});
}

void attachment::go_on(bool pays) {
  if (number_ == 0)
    return;
  while (!input_.is_empty() && credit_ > 0 && link_.unsent_bytes() < most_unsent) {
    auto piece = input_.take(std::min<std::uint64_t>(input_piece, credit_));
    credit_ -= piece.size();
    link_.tell(attach_input{number_, std::move(piece)});
  }
  if (input_.is_empty() && input_.is_ended() && !std::exchange(tells_end_, true))
    link_.tell(attach_input_ended{number_});
  input_.settle();
  if (pays && owed_ >= credit_step)
    link_.tell(attach_credit{number_, std::exchange(owed_, 0)});
}

// -- all of them

/// By index: a hook may add to the list.
bool job_list::give(const client::incoming& message) {
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (!all_[i]->is_over && all_[i]->take(message))
      return true;
  return false;
}

bool job_list::take(const client::incoming& message) {
  if (give(message)) {
    if (message.request != 0 && !early_.empty()) // perhaps what came early has its owner now
      std::erase_if(early_, [this](const client::incoming& x) { return give(x); });
    return true;
  }
  if (auto stage = client::decode<stage_entered>(message))
    return tell_stage(*stage);
  if (message.request != 0 || message.type.find("::attach_") == std::string::npos)
    return false;
  const auto is_awaited = std::any_of(all_.begin(), all_.end(),
                                      [](const auto& x) { return x->hides_early && !x->is_over; });
  if (is_awaited)
    early_.push_back(message);
  else
    early_.clear();
  return true;
}

/// The daemon names the VM, not the request: where only one can be meant it is that one.
bool job_list::tell_stage(const stage_entered& x) {
  for (auto is_exact : {true, false}) {
    std::vector<job*> meant;
    for (const auto& one : all_)
      if (!one->is_over && one->is_of(x, is_exact))
        meant.push_back(one.get());
    if (meant.size() == 1) {
      meant.front()->entered(x);
      return true;
    }
  }
  return false;
}

void job_list::end_all(const failure& why) {
  early_.clear();
  for (std::size_t i = 0; i < all_.size(); ++i)
    all_[i]->end(why);
}

void job_list::leave(const failure& why) {
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (all_[i]->ends_with_client)
      all_[i]->end(why);
}

void job_list::go_on(bool pays) {
  const auto now = client::clock::now();
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (!all_[i]->is_over && all_[i]->deadline <= now)
      all_[i]->end(
          {ec::timed_out, "the daemon did not answer in time", {}, "banger daemon status"});
    if (!all_[i]->is_over)
      all_[i]->go_on(pays);
  }
  std::erase_if(all_, [](const auto& x) { return x->is_over; });
}

void job_list::wake(const std::vector<int>& ready) {
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (std::find(ready.begin(), ready.end(), all_[i]->fd()) != ready.end())
      all_[i]->wake();
}

std::vector<int> job_list::fds() const {
  std::vector<int> found;
  for (const auto& x : all_)
    if (!x->is_over && x->fd() >= 0)
      found.push_back(x->fd());
  return found;
}

client::clock::time_point job_list::deadline() const {
  auto first = client::clock::time_point::max();
  for (const auto& x : all_)
    first = std::min(first, x->deadline);
  return first;
}

} // namespace banger::cli::rpc
