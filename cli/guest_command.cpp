#include "cli/guest_command.hpp"

namespace banger::cli {

namespace {

constexpr std::uint32_t output_credit = 2U << 20;
constexpr std::uint32_t credit_step = 128U << 10;
constexpr std::size_t most_unsent = 512U << 10;
constexpr std::size_t most_errors = 4096;
constexpr std::chrono::milliseconds open_limit{60'000};

} // namespace

result<guest_command> guest_command::open(session& talk, const std::string& ref,
                                          const std::vector<std::string>& argv) {
  auto opened = talk.ask<exec_opened>(open_exec{ref, argv, {}, {}, output_credit}, open_limit,
                                      on_interrupt::leave);
  if (!opened)
    return tl::make_unexpected(opened.error());
  return guest_command{*opened};
}

void guest_command::take_messages(client::connection& link) {
  client::incoming message;
  while (!is_over_ && link.pop(message)) {
    if (auto output = client::decode<exec_output>(message)) {
      take(*output);
    } else if (auto wanted = client::decode<exec_input_wanted>(message)) {
      input_credit_ += wanted->bytes;
    } else if (auto end = client::decode<exec_ended>(message)) {
      is_over_ = true;
      end_ = std::move(*end);
    }
  }
  pay(link);
}

void guest_command::take(const exec_output& piece) {
  if (!piece.is_stderr) {
    output_ += piece.bytes;
    return;
  }
  unpaid_ += static_cast<std::uint32_t>(piece.bytes.size());
  errors_ += piece.bytes;
  if (errors_.size() > most_errors)
    errors_.erase(0, errors_.size() - most_errors);
}

void guest_command::take_output(client::connection& link) {
  unpaid_ += static_cast<std::uint32_t>(output_.size());
  output_.clear();
  pay(link);
}

void guest_command::pay(client::connection& link) {
  if (unpaid_ < credit_step || is_over_)
    return;
  link.tell(exec_credit{number_, unpaid_});
  unpaid_ = 0;
}

std::size_t guest_command::input_room(const client::connection& link) const {
  return link.unsent_bytes() < most_unsent ? input_credit_ : 0;
}

void guest_command::write(client::connection& link, std::string bytes) {
  input_credit_ -= static_cast<std::uint32_t>(bytes.size());
  link.tell(exec_input{number_, std::move(bytes)});
}

} // namespace banger::cli
