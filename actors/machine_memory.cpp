#include "actors/machine_memory.hpp"

#include "core/guest_memory.hpp"

#include <sys/socket.h>
#include <utility>

namespace banger::actors {

namespace {

/// Of a guest that does not answer: older questions are given up.
constexpr std::size_t most_waiting = 16;

void answer_all(machine_pointer self, const guest_memory& x) {
  for (auto& reply : std::exchange(self->state.awaiting_memory, {}))
    reply.deliver(x);
}

} // namespace

caf::result<guest_memory> ask_memory(machine_pointer self) {
  auto& state = self->state;
  if (state.is_gone || !state.process || !state.is_ready)
    return guest_memory{};
  const auto question = core::memory_question;
  const auto sent = ::send(state.process->control.get(), question.data(), question.size(),
                           MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(question.size()))
    return guest_memory{};
  if (state.awaiting_memory.size() >= most_waiting)
    answer_all(self, {});
  auto reply = self->make_response_promise<guest_memory>();
  state.awaiting_memory.push_back(reply);
  return reply;
}

void take_memory_line(machine_pointer self, const std::string& line) {
  if (const auto found = core::parse_guest_memory(line))
    answer_all(self, *found);
  else if (line.starts_with("error "))
    answer_all(self, {}); // hardly anything else that we say is refused
}

void forget_memory_questions(machine_pointer self) {
  answer_all(self, {});
}

} // namespace banger::actors
