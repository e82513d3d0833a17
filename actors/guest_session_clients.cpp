// Who is attached: roles, input, window sizes.
#include "actors/guest_session_steps.hpp"

#include <algorithm>
#include <utility>

namespace banger::actors {

namespace {

/// The attach of whoever sent the message at hand.
std::map<std::uint64_t, session_attach_state>::iterator sender_of(guest_session_pointer self) {
  auto& attaches = self->state.attaches;
  const auto sender = caf::actor_cast<caf::actor_addr>(self->current_sender());
  return std::find_if(attaches.begin(), attaches.end(),
                      [&](const auto& x) { return x.second.owner == sender; });
}

bool has_output(const session_attach_state& x) {
  return x.request.role != attach_role::sender;
}

bool may_write(const session_attach_state& x) {
  return x.request.role != attach_role::viewer;
}

/// The one that has the input alone; the end where nobody has.
auto exclusive_of(guest_session_pointer self) {
  auto& attaches = self->state.attaches;
  return std::find_if(attaches.begin(), attaches.end(), [](const auto& x) {
    return x.second.request.role == attach_role::exclusive;
  });
}

std::string described(const session_attach_state& x) {
  return x.request.client + " (" + to_string(x.request.role) + ")";
}

/// Why nobody can attach so; none where they can.
failure refusal(guest_session_pointer self, const attach_session& x) {
  const auto& state = self->state;
  const auto& info = state.spec.record.info;
  const auto what = "attach to session '" + title(self) + "'";
  if (info.state == session_state::failed)
    return {ec::wrong_state, what, "it never ran: " + info.error,
            "banger session show " + title(self)};
  if (!state.deleting.empty())
    return {ec::not_found, what, "it is being deleted", {}};
  if (!state.link)
    return {ec::wrong_state, what, "its VM does not run",
            "banger vm start " + state.spec.vm_name + " makes its output readable"};
  if (x.role == attach_role::sender && is_over(info.state))
    return no_input(self, "it is over");
  if ((x.role == attach_role::sender || x.role == attach_role::exclusive) &&
      (info.config.input == session_input_kind::closed || state.is_input_closed))
    return no_input(self, "its input is closed");
  return {ec::none, {}, {}, {}};
}

void tell_of_exclusive(guest_session_pointer self, const session_attach_state& holder) {
  for (auto& [id, x] : self->state.attaches)
    if (x.request.role == attach_role::writer && !std::exchange(x.was_told_exclusive, true))
      tell(self, x, attach_noticed{0, holder.request.client + " has the input alone now"});
}

void exclusive_gone(guest_session_pointer self) {
  if (exclusive_of(self) != self->state.attaches.end())
    return;
  for (auto& [id, x] : self->state.attaches)
    if (std::exchange(x.was_told_exclusive, false))
      tell(self, x, attach_noticed{0, "input is everybody's again"});
}

/// Takes the input from whoever has it alone. @returns false where that is not to be
bool take_over(guest_session_pointer self, const attach_session& x) {
  auto holder = exclusive_of(self);
  if (holder == self->state.attaches.end())
    return true;
  if (!x.takes_over)
    return false;
  holder->second.request.role = attach_role::writer;
  return true;
}

caf::error is_taken(guest_session_pointer self) {
  return to_error({ec::busy, "attach to session '" + title(self) + "'",
                   exclusive_of(self)->second.request.client + " has the input alone",
                   "watch with --read-only, or take over with --exclusive --take-over"});
}

window_size wanted_window(guest_session_pointer self) {
  const auto& state = self->state;
  window_size wanted;
  std::uint64_t newest = 0;
  for (const auto& [id, x] : state.attaches) {
    const auto& window = x.request.window;
    if (!may_write(x) || window.rows == 0 || window.columns == 0)
      continue;
    if (state.spec.record.info.config.policy == window_policy::newest) {
      if (x.resized >= newest) {
        newest = x.resized;
        wanted = window;
      }
    } else {
      wanted.rows = wanted.rows == 0 ? window.rows : std::min(wanted.rows, window.rows);
      wanted.columns =
          wanted.columns == 0 ? window.columns : std::min(wanted.columns, window.columns);
    }
  }
  return wanted;
}

} // namespace

void forget_attach(guest_session_pointer self, std::uint64_t id) {
  auto& state = self->state;
  auto gone = state.attaches.extract(id);
  if (gone.empty())
    return;
  const auto& x = gone.mapped();
  self->demonitor(x.owner);
  state.output.leave(id);
  state.input.leave(id);
  publish_event_of(self, "session.detached", described(x));
  exclusive_gone(self);
  send_window(self, false);
  pump_input(self);
  publish(self);
}

caf::result<session_attached> join(guest_session_pointer self, const join_session& whom) {
  auto& state = self->state;
  const auto& x = whom.request;
  if (auto why = refusal(self, x); why.code != ec::none)
    return to_error(why);
  const auto whose = caf::actor_cast<caf::actor_addr>(whom.owner);
  for (const auto& [id, other] : state.attaches)
    if (other.owner == whose)
      return to_error({ec::busy, "attach to session '" + title(self) + "'",
                       "this connection is attached to it already", "open another connection"});
  if (x.role == attach_role::exclusive && !take_over(self, x))
    return is_taken(self);
  if (x.role == attach_role::sender && exclusive_of(self) != state.attaches.end())
    return is_taken(self);
  const auto id = ++state.last_attach;
  auto& attach = state.attaches[id];
  attach.request = x;
  attach.client = whom.client;
  attach.owner = whose;
  attach.since_ms = host::unix_ms();
  attach.resized = ++state.last_resize;
  self->monitor(whom.owner);
  if (x.role == attach_role::exclusive)
    tell_of_exclusive(self, attach);
  publish_event_of(self, "session.attached", described(attach));
  if (may_write(attach))
    state.input.join(id, x.role == attach_role::sender);
  send_window(self, false);
  if (!has_output(attach)) {
    publish(self);
    reach_guest(self);
    return session_attached{self->id(), info_of(self), 0, attach_input_credit};
  }
  attach.joining = self->make_response_promise<session_attached>();
  auto reply = attach.joining;
  publish(self);
  state.output.join(id, x.origin, x.from, x.follows, x.credit);
  apply_output(self);
  reach_guest(self);
  return reply;
}

caf::result<session_detached> detach(guest_session_pointer self) {
  auto& state = self->state;
  auto whose = sender_of(self);
  if (whose == state.attaches.end())
    return to_error({ec::not_found,
                     "detach from session '" + title(self) + "'",
                     "this connection is not attached to it",
                     {}});
  const auto id = whose->first;
  auto reply = self->make_response_promise<session_detached>();
  whose->second.is_leaving = true;
  whose->second.leaving = reply;
  state.output.leave(id); // no more of it
  apply_output(self);
  state.input.finish(id);
  pump_input(self);
  answer_leaving(self);
  return reply;
}

attach_list list_attached(guest_session_pointer self) {
  const auto& state = self->state;
  attach_list all{info_of(self), {}};
  const auto head = state.output.head();
  for (const auto& [id, x] : state.attaches) {
    const auto at = state.output.cursor_of(id);
    all.attaches.push_back({x.request.client, x.request.role, x.since_ms, at.value_or(0),
                            at && head > *at ? head - *at : 0, x.input_bytes, x.request.window});
  }
  return all;
}

void take_input(guest_session_pointer self, const attach_input& x) {
  auto& state = self->state;
  auto whose = sender_of(self);
  if (whose == state.attaches.end() || whose->second.is_leaving)
    return;
  auto& [id, attach] = *whose;
  const auto count = static_cast<std::uint32_t>(x.bytes.size());
  if (!may_write(attach)) {
    refuse_input(self, id, no_input(self, "this client is attached read-only"));
  } else if (state.is_input_closed || is_over(state.spec.record.info.state) ||
             state.spec.record.info.config.input == session_input_kind::closed) {
    refuse_input(self, id,
                 no_input(self, is_over(state.spec.record.info.state) ? "it is over"
                                                                      : "its input is closed"));
  } else if (auto holder = exclusive_of(self);
             holder != state.attaches.end() && holder->first != id) {
    if (!std::exchange(attach.was_told_exclusive, true))
      tell(self, attach, attach_noticed{0, holder->second.request.client + " has the input alone"});
    tell(self, attach, attach_input_wanted{0, count});
  } else {
    attach.input_bytes += count;
    state.input.push(id, x.bytes);
    pump_input(self);
  }
}

void take_input_end(guest_session_pointer self) {
  auto whose = sender_of(self);
  if (whose == self->state.attaches.end() || !may_write(whose->second) || whose->second.is_leaving)
    return;
  const auto holder = exclusive_of(self);
  if (holder != self->state.attaches.end() && holder->first != whose->first)
    return;
  self->state.input.push_end(whose->first);
  pump_input(self);
}

void take_credit(guest_session_pointer self, const attach_credit& x) {
  auto whose = sender_of(self);
  if (whose == self->state.attaches.end())
    return;
  self->state.output.pay(whose->first, x.bytes);
  apply_output(self);
}

void take_size(guest_session_pointer self, const attach_resized& x) {
  auto whose = sender_of(self);
  if (whose == self->state.attaches.end())
    return;
  whose->second.request.window = x.window;
  whose->second.resized = ++self->state.last_resize;
  send_window(self, false);
}

void send_window(guest_session_pointer self, bool is_anew) {
  auto& state = self->state;
  const auto& info = state.spec.record.info;
  if (info.config.input != session_input_kind::pty || is_over(info.state))
    return;
  const auto wanted = wanted_window(self);
  if (wanted == window_size{} || (wanted == state.shown && !is_anew))
    return; // nobody is left to have one: it stays as it is
  state.shown = wanted;
  tell_agent(self, session_wire::window(wanted));
}

void owner_down(guest_session_pointer self, const caf::actor_addr& owner) {
  auto& attaches = self->state.attaches;
  auto found = std::find_if(attaches.begin(), attaches.end(),
                            [&](const auto& x) { return x.second.owner == owner; });
  if (found == attaches.end())
    return;
  forget_attach(self, found->first);
  apply_output(self);
}

void end_attach(guest_session_pointer self, std::uint64_t id, attach_end how, std::uint64_t offset,
                const failure& why) {
  auto found = self->state.attaches.find(id);
  if (found == self->state.attaches.end())
    return;
  auto& x = found->second;
  const auto& told =
      why.code == ec::none
          ? failure{ec::wrong_state, "attach to session '" + title(self) + "'", "it is over", {}}
          : why;
  if (x.joining.pending())
    x.joining.deliver(to_error(told));
  else
    tell(self, x, attach_ended{0, how, info_of(self), offset, why});
  if (x.is_leaving)
    x.leaving.deliver(to_error(told));
  forget_attach(self, id);
}

void end_attaches(guest_session_pointer self, attach_end how, const failure& why) {
  std::vector<std::uint64_t> all;
  for (const auto& [id, x] : self->state.attaches)
    all.push_back(id);
  for (auto id : all)
    end_attach(self, id, how, self->state.output.cursor_of(id).value_or(0), why);
  apply_output(self); // nobody needs the feeds
}

void drop_attaches(guest_session_pointer self, const failure& why) {
  end_attaches(self, attach_end::dropped, why);
}

void notice_all(guest_session_pointer self, const std::string& text) {
  for (const auto& [id, x] : self->state.attaches)
    if (!x.joining.pending())
      tell(self, x, attach_noticed{0, text});
}

} // namespace banger::actors
