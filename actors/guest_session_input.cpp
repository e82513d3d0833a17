// The input of a session's clients: given to the command, refused, or lost on the way.
#include "actors/guest_session_steps.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace banger::actors {

namespace {

// A writer that has its turn and gives nothing keeps others waiting so long at most.
constexpr std::chrono::milliseconds turn_patience{10'000};

} // namespace

failure no_input(guest_session_pointer self, const std::string& why) {
  return {ec::wrong_state, "send input to session '" + title(self) + "'", why,
          "banger session show " + title(self)};
}

void answer_leaving(guest_session_pointer self) {
  auto& state = self->state;
  std::vector<std::uint64_t> done;
  for (auto& [id, x] : state.attaches)
    if (x.is_leaving && state.input.is_drained(id))
      done.push_back(id);
  for (auto id : done) {
    auto& x = state.attaches.at(id);
    x.leaving.deliver(session_detached{state.input.taken_of(id)});
    forget_attach(self, id);
  }
}

void refuse_input(guest_session_pointer self, std::uint64_t id, const failure& why) {
  auto found = self->state.attaches.find(id);
  if (found == self->state.attaches.end())
    return;
  auto& x = found->second;
  tell(self, x, attach_input_refused{0, why});
  if (!x.is_leaving)
    return;
  x.leaving.deliver(to_error(why));
  forget_attach(self, id);
}

void pump_input(guest_session_pointer self) {
  auto& state = self->state;
  if (state.control.id == 0)
    return;
  while (auto next = state.input.next())
    tell_agent(self,
               next->bytes.empty() ? session_wire::input_end() : session_wire::input(next->bytes),
               !next->bytes.empty());
  answer_leaving(self);
  if (state.input.is_held_up() && state.turn_step == 0)
    state.turn_step = after(self, turn_patience);
}

void look_at_turn(guest_session_pointer self) {
  auto& state = self->state;
  state.turn_step = 0;
  if (!state.input.is_held_up())
    return;
  const auto holder = state.attaches.find(state.input.break_turn());
  if (holder != state.attaches.end())
    tell(self, holder->second,
         attach_noticed{0, "others waited too long for this input; theirs may come in between"});
  pump_input(self);
}

void input_was_taken(guest_session_pointer self, std::uint64_t total) {
  auto& state = self->state;
  for (const auto& part : state.input.taken(total))
    if (auto found = state.attaches.find(part.writer); found != state.attaches.end())
      tell(self, found->second, attach_input_wanted{0, static_cast<std::uint32_t>(part.bytes)});
  pump_input(self);
}

void input_was_refused(guest_session_pointer self) {
  auto& state = self->state;
  state.is_input_closed = true;
  std::vector<std::uint64_t> whose;
  for (const auto& part : state.input.refuse())
    if (std::find(whose.begin(), whose.end(), part.writer) == whose.end())
      whose.push_back(part.writer);
  for (auto id : whose)
    refuse_input(self, id, no_input(self, "the command does not take it any more"));
  answer_leaving(self);
}

void input_was_lost(guest_session_pointer self) {
  auto& state = self->state;
  std::map<std::uint64_t, std::uint64_t> lost;
  for (const auto& part : state.input.reset())
    lost[part.writer] += part.bytes;
  for (const auto& [id, bytes] : lost) {
    auto found = state.attaches.find(id);
    if (found == state.attaches.end())
      continue;
    const auto why = "the connection to the guest broke; of the last " + std::to_string(bytes) +
                     " bytes of input nobody knows whether they arrived";
    if (found->second.request.role == attach_role::sender) {
      state.input.drop(id); // not behind a hole
      refuse_input(self, id,
                   {ec::link_lost, "send input to session '" + title(self) + "'", why, {}});
      continue;
    }
    tell(self, found->second, attach_noticed{0, why});
    tell(self, found->second, attach_input_wanted{0, static_cast<std::uint32_t>(bytes)});
  }
  answer_leaving(self);
}

} // namespace banger::actors
