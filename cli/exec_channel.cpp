#include "cli/exec_channel.hpp"

#include "core/exit_code.hpp"

#include <algorithm>

namespace banger::cli {

namespace {

constexpr std::uint32_t credit_step = 128U << 10;
constexpr std::size_t most_unsent = 512U << 10; // before we take more input

} // namespace

exec_channel::exec_channel(client::connection& link, const open_exec& request)
    : link_(link), request_(link.send(request)) {}

exec_channel::exec_channel(client::connection& link, const exec_opened& opened)
    : link_(link), number_(opened.exec), input_credit_(opened.input_credit) {}

bool exec_channel::take(const client::incoming& message) {
  if (request_ != 0) {
    if (message.request != request_)
      return false;
    request_ = 0;
    auto opened = client::decode<exec_opened>(message);
    is_over_ = !opened;
    if (opened) {
      number_ = opened->exec;
      input_credit_ = opened->input_credit;
      if (input_ended_) // it was before there was anybody to tell
        link_.tell(exec_input_ended{number_});
    } else {
      problem_ = opened.error();
    }
    return true;
  }
  if (message.type == wire_name<exec_output>) {
    auto output = client::decode<exec_output>(message);
    if (!output || output->exec != number_)
      return false;
    (output->is_stderr ? errors_ : output_) += output->bytes;
    return true;
  }
  if (auto wanted = client::decode<exec_input_wanted>(message)) {
    if (wanted->exec != number_)
      return false;
    input_credit_ += wanted->bytes;
    return true;
  }
  auto end = client::decode<exec_ended>(message);
  if (!end || end->exec != number_)
    return false;
  is_over_ = true;
  problem_ = end->why;
  status_ = end->signal != 0 ? core::exit_signalled + end->signal : end->exit_code;
  return true;
}

std::size_t exec_channel::room() const {
  if (request_ != 0 || is_over_ || input_ended_ || link_.unsent_bytes() >= most_unsent)
    return 0;
  return std::min<std::size_t>(input_credit_, most_unsent - link_.unsent_bytes());
}

void exec_channel::send(std::string bytes) {
  input_credit_ -= static_cast<std::uint32_t>(bytes.size());
  link_.tell(exec_input{number_, std::move(bytes)});
}

void exec_channel::end_input() {
  if (!input_ended_ && !is_over_ && request_ == 0)
    link_.tell(exec_input_ended{number_});
  input_ended_ = true;
}

void exec_channel::signal(int number) {
  link_.tell(exec_signal{number_, number});
}

void exec_channel::pay(std::size_t bytes) {
  unpaid_ += static_cast<std::uint32_t>(bytes);
  if (unpaid_ < credit_step || is_over_)
    return;
  link_.tell(exec_credit{number_, unpaid_});
  unpaid_ = 0;
}

} // namespace banger::cli
