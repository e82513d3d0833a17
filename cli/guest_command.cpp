#include "cli/guest_command.hpp"

namespace banger::cli {

result<guest_command> guest_command::open(session& talk, const std::string& ref,
                                          const std::vector<std::string>& argv) {
  constexpr std::chrono::milliseconds limit{60'000};
  constexpr std::uint32_t output_credit = 2U << 20;
  auto opened = talk.ask<exec_opened>(open_exec{ref, argv, {}, {}, output_credit}, limit,
                                      on_interrupt::leave);
  if (!opened)
    return tl::make_unexpected(opened.error());
  return guest_command{talk.link(), *opened};
}

void guest_command::take_messages(client::connection& link) {
  constexpr std::size_t most_errors = 4096;
  client::incoming message;
  while (!channel_.is_over() && link.pop(message))
    channel_.take(message);
  output_ += channel_.take_output();
  auto errors = channel_.take_errors();
  channel_.pay(errors.size());
  errors_ += errors;
  if (errors_.size() > most_errors)
    errors_.erase(0, errors_.size() - most_errors);
}

void guest_command::take_output() {
  channel_.pay(output_.size());
  output_.clear();
}

} // namespace banger::cli
