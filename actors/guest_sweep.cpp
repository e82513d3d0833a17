#include "actors/guest_sweep.hpp"

#include "protocol/caf_error.hpp"

#include <utility>

namespace banger::actors {

namespace {

using self_pointer = guest_sweep_actor::stateful_pointer<guest_sweep_state>;

constexpr std::uint32_t connect_limit_ms = 30'000;
// The list is a process for each session in an emulated guest, which is needed for those who wait
// to be attached again.
constexpr std::chrono::milliseconds head_start{3'000};
constexpr std::chrono::milliseconds connect_margin{5'000};

void finish(self_pointer self, const failure& why) {
  auto& state = self->state;
  if (state.channel != 0)
    state.channels->close(state.channel);
  if (state.listed.pending())
    state.listed.deliver(to_error(why));
  if (state.removed.pending() && why.code != ec::none)
    state.removed.deliver(to_error(why));
  else if (state.removed.pending())
    state.removed.deliver(done{});
  self->quit();
}

void open(self_pointer self, std::string first_frame) {
  auto& state = self->state;
  if (state.channel != 0)
    state.channels->close(state.channel);
  state.frames = {};
  state.channel = state.channels->open(state.connection, std::move(first_frame), framed_window,
                                       ssh_listener_actor{self});
}

void remove_next(self_pointer self) {
  auto& state = self->state;
  if (state.to_remove.empty()) {
    finish(self, {ec::none, {}, {}, {}});
    return;
  }
  auto id = std::move(state.to_remove.back());
  state.to_remove.pop_back();
  open(self, session_wire::remove(id));
}

void take(self_pointer self, const ssh_data& data) {
  auto& state = self->state;
  state.channels->took(data.channel, data.bytes.size());
  if (data.channel != state.channel)
    return;
  state.frames.feed(data.bytes);
  session_wire::reply x;
  while (data.channel == state.channel && state.frames.next(x)) {
    const auto* entry = std::get_if<session_wire::listed>(&x);
    if (entry != nullptr && !entry->id.empty()) {
      state.found.all.push_back(entry->id);
    } else if (entry != nullptr) {
      state.channels->close(std::exchange(state.channel, 0));
      state.listed.deliver(std::move(state.found));
    } else {
      remove_next(self); // one is removed, or runs yet
      return;
    }
  }
}

void note(self_pointer self, const ssh_note& x) {
  if (x.channel != self->state.channel || self->state.channel == 0)
    return;
  if (x.kind == ssh_note_kind::channel_refused || x.kind == ssh_note_kind::channel_closed ||
      x.kind == ssh_note_kind::channel_ended_output || x.kind == ssh_note_kind::connection_lost)
    finish(self, {ec::link_lost, "list the guest's sessions", to_string(x.why), {}});
}

void ask(self_pointer self) {
  self->request(self->state.link, std::chrono::milliseconds{connect_limit_ms} + connect_margin,
                connect_guest{connect_limit_ms})
      .then(
          [self](const guest_connected& there) {
            self->state.connection = there.connection;
            open(self, session_wire::list());
          },
          [self](const caf::error& why) { finish(self, to_failure(why, "connect to the guest")); });
}

/// Nobody but its asker ends it, and the timer of its head start would keep it: a daemon that ends
/// waits for all its actors.
caf::result<guest_session_ids> list_all(self_pointer self) {
  self->monitor(self->current_sender());
  self->state.listed = self->make_response_promise<guest_session_ids>();
  self->delayed_send(self, head_start, step_due{});
  return self->state.listed;
}

caf::result<done> remove_all(self_pointer self, const remove_guest_sessions& x) {
  auto& state = self->state;
  state.removed = self->make_response_promise<done>();
  auto reply = state.removed;
  state.to_remove = x.ids;
  remove_next(self);
  return reply;
}

} // namespace

guest_sweep_actor::behavior_type guest_sweep(self_pointer self, guest_way_actor link,
                                             agent_channels* channels) {
  self->state.link = std::move(link);
  self->state.channels = channels;
  self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
  return {
      [self](const ssh_note& x) { note(self, x); },
      [self](const ssh_data& x) { take(self, x); },
      [self](const list_guest_sessions&) { return list_all(self); },
      [self](const remove_guest_sessions& x) { return remove_all(self, x); },
      [self](const step_due&) { ask(self); },
  };
}

} // namespace banger::actors
