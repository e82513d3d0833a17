// An agent that does not answer: the guest may have none, or one of another version. Whoever needs
// it sees to it that ours is there, and goes on.
#include "actors/guest_session_steps.hpp"

#include <algorithm>
#include <utility>

namespace banger::actors {

namespace {

constexpr std::chrono::milliseconds ensure_limit{150'000}; ///< connect, ask, copy, ask again
constexpr std::chrono::milliseconds failed_pause{5'000};

bool is_silent(const agent_channel& x) {
  return x.id != 0 && (!x.has_spoken || x.owes_word);
}

void mended(guest_session_pointer self, const agent_ensured& x) {
  if (x.found == agent_found::ours) { // it may be slow, or was away for a moment
    try_again(self);
    return;
  }
  drop_channels(self);
  input_was_lost(self);
  reach_guest(self);
}

/// Whether it was started is not known where the agent hung up; where it refused, it was not.
void not_mended(guest_session_pointer self, const failure& why) {
  auto& state = self->state;
  if (state.launched.pending() && !state.launching.has_spoken) {
    if (state.launching.id != 0) {
      state.channels->close(std::exchange(state.launching, {}).id);
      state.may_have_started = true;
    }
    state.launched.deliver(
        to_error({why.code, "start session '" + title(self) + "'", to_string(why), why.hint}));
    if (!state.may_have_started) {
      settle_failed(self, to_string(why), "agent");
      return;
    }
  }
  drop_attaches(self,
                {why.code, "attach to session '" + title(self) + "'", to_string(why), why.hint});
  if (needs_guest(self))
    state.reconnect_step = after(self, failed_pause);
}

} // namespace

void mend_agent(guest_session_pointer self) {
  auto& state = self->state;
  if (state.is_mending || !state.link)
    return;
  state.is_mending = true;
  auto is_late = [self, link = state.link] {
    if (self->state.link != link)
      return true; // of a run that is over
    self->state.is_mending = false;
    return false;
  };
  self->request(state.link, ensure_limit, ensure_agent{})
      .then(
          [self, is_late](const agent_ensured& x) {
            if (!is_late())
              mended(self, x);
          },
          [self, is_late](const caf::error& why) {
            if (!is_late())
              not_mended(self, to_failure(why, "see to the guest's agent"));
          });
}

void look_for_silence(guest_session_pointer self) {
  const auto& state = self->state;
  if (is_silent(state.launching) || is_silent(state.control) || is_silent(state.removing) ||
      std::any_of(state.feeds.begin(), state.feeds.end(),
                  [](const auto& x) { return !x.second.has_spoken; }))
    mend_agent(self);
}

} // namespace banger::actors
