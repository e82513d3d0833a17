#include "actors/memory_questions.hpp"

#include "core/guest_memory.hpp"

#include <sys/socket.h>
#include <utility>

namespace banger::actors {

void memory_questions::answer_all(const guest_memory& x) {
  for (auto& reply : std::exchange(waiting_, {}))
    reply.deliver(x);
}

void memory_questions::ask(const host::unique_fd& control, promise reply) {
  constexpr std::size_t most_waiting = 16; // of a guest that does not answer
  const auto question = core::memory_question;
  const auto sent =
      ::send(control.get(), question.data(), question.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(question.size())) {
    reply.deliver(guest_memory{});
    return;
  }
  if (waiting_.size() >= most_waiting)
    answer_all({});
  waiting_.push_back(std::move(reply));
}

void memory_questions::take(const std::string& line) {
  if (const auto found = core::parse_guest_memory(line))
    answer_all(*found);
  else if (line.starts_with("error "))
    answer_all({}); // hardly anything else that we say is refused
}

void memory_questions::forget() {
  answer_all({});
}

} // namespace banger::actors
