#include "actors/guest_session.hpp"

#include "actors/guest_session_steps.hpp"
#include "host/log.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

namespace banger::actors {

namespace {

constexpr std::uint32_t default_grace_ms = 10'000;
constexpr std::uint32_t end_margin_ms = 30'000;      ///< for SIGKILL, and for word of it to come
constexpr std::int64_t longest_wait_ms = UINT32_MAX; ///< 49 days
constexpr std::int32_t highest_signal = 64;
caf::error no_guest(guest_session_pointer self, const std::string& doing) {
  return to_error({ec::wrong_state, doing + " session '" + title(self) + "'", "its VM does not run",
                   "banger vm start " + self->state.spec.vm_name});
}

void schedule_expiry(guest_session_pointer self) {
  auto& state = self->state;
  auto earliest = INT64_MAX;
  for (const auto& waiter : state.waiters)
    earliest = std::min(earliest, waiter.until_ms);
  if (earliest == INT64_MAX)
    return;
  const auto pause = std::max<std::int64_t>(earliest - host::unix_ms(), 0);
  state.expire_step = after(self, std::chrono::milliseconds{pause});
}

void expire_waiters_of(guest_session_pointer self) {
  auto& state = self->state;
  const auto now = host::unix_ms();
  std::erase_if(state.waiters, [&](session_waiter& waiter) {
    if (now < waiter.until_ms)
      return false;
    waiter.reply.deliver(to_error({ec::timed_out,
                                   waiter.what + " session '" + title(self) + "'",
                                   "it is still " + to_string(state.spec.record.info.state),
                                   {}}));
    return true;
  });
  schedule_expiry(self);
}

/// Answers when it is over.
caf::result<session_info> wait_until_over(guest_session_pointer self, const std::string& what,
                                          std::int64_t timeout_ms) {
  auto& state = self->state;
  if (is_over(state.spec.record.info.state))
    return info_of(self);
  auto reply = self->make_response_promise<session_info>();
  state.waiters.push_back({host::unix_ms() + timeout_ms, what, reply});
  schedule_expiry(self);
  return reply;
}

caf::result<session_info> wait(guest_session_pointer self, const wait_session& x) {
  return wait_until_over(self, "wait for", x.timeout_ms != 0 ? x.timeout_ms : longest_wait_ms);
}

void begin_stop(guest_session_pointer self, std::uint32_t grace_ms) {
  auto& state = self->state;
  auto& info = state.spec.record.info;
  if (info.state != session_state::stopping) {
    info.state = session_state::stopping;
    save(self);
    publish(self);
  }
  if (grace_ms > 0)
    tell_agent(self, session_wire::signal(SIGTERM), true);
  state.kill_step = after(self, std::chrono::milliseconds{grace_ms});
}

caf::result<session_info> stop(guest_session_pointer self, const stop_session& x) {
  auto& state = self->state;
  if (is_over(state.spec.record.info.state))
    return info_of(self);
  if (!state.link)
    return no_guest(self, "stop");
  const auto grace = x.grace_ms != 0 ? x.grace_ms : default_grace_ms;
  begin_stop(self, grace);
  return wait_until_over(self, "stop", std::int64_t{grace} + end_margin_ms);
}

caf::result<session_info> send_signal(guest_session_pointer self, const signal_session& x) {
  auto& state = self->state;
  if (x.signal < 1 || x.signal > highest_signal)
    return to_error({ec::bad_request,
                     "signal session '" + title(self) + "'",
                     "there is no signal " + std::to_string(x.signal),
                     {}});
  if (is_over(state.spec.record.info.state))
    return to_error({ec::wrong_state,
                     "signal session '" + title(self) + "'",
                     "it is " + to_string(state.spec.record.info.state),
                     {}});
  if (!state.link)
    return no_guest(self, "signal");
  tell_agent(self, session_wire::signal(x.signal), true);
  return info_of(self);
}

/// Its guest is gone, which may know better when it is there again.
void settle_lost(guest_session_pointer self, const std::string& why) {
  session_wire::ended end;
  end.how = session_how_lost;
  end.text = why;
  end.at_ms = static_cast<std::uint64_t>(host::unix_ms());
  settle(self, end, false);
}

caf::result<session_info> remove(guest_session_pointer self, const delete_session& x) {
  auto& state = self->state;
  const auto& info = state.spec.record.info;
  if (!is_over(info.state)) {
    if (!x.is_forced)
      return to_error({ec::wrong_state, "delete session '" + title(self) + "'",
                       "it is " + to_string(info.state),
                       "banger session stop " + title(self) + ", or delete --force"});
    if (state.link)
      begin_stop(self, 0);
    else
      settle_lost(self, "its VM does not run");
  }
  auto reply = self->make_response_promise<session_info>();
  state.deleting.push_back(reply);
  reach_guest(self);
  go_on_deleting(self);
  return reply;
}

void due(guest_session_pointer self, std::uint64_t step) {
  auto& state = self->state;
  if (step == state.reconnect_step) {
    state.reconnect_step = 0;
    reach_guest(self);
  } else if (step == state.kill_step) {
    state.kill_step = 0;
    if (!is_over(state.spec.record.info.state))
      tell_agent(self, session_wire::signal(SIGKILL), true);
  } else if (step == state.launch_step && state.launched.pending()) {
    state.launched.deliver(
        to_error({ec::timed_out, "start session '" + title(self) + "'", "the guest does not answer",
                  "banger session show " + title(self)}));
    leave_guest(self); // should it have started, its control tells
    reach_guest(self);
  } else if (step == state.silence_step) {
    state.silence_step = 0;
    look_for_silence(self);
  } else if (step == state.turn_step) {
    look_at_turn(self);
  } else if (step == state.expire_step) {
    expire_waiters_of(self);
  }
}

void appeared(guest_session_pointer self, const guest_way_actor& link) {
  auto& state = self->state;
  state.link = link;
  if (state.spec.is_new)
    return; // its launch comes next
  if (state.spec.record.info.state == session_state::stopping)
    begin_stop(self, default_grace_ms); // as the daemon before us was asked
  reach_guest(self);
}

void vanished(guest_session_pointer self, const guest_vanished& x) {
  auto& state = self->state;
  if (state.launched.pending())
    settle_failed(self, x.reason, "connect");
  leave_guest(self);
  state.link = nullptr;
  const auto was_over = is_over(state.spec.record.info.state);
  if (!was_over)
    settle_lost(self, x.reason);
  const auto why =
      failure{ec::wrong_state, "attach to session '" + title(self) + "'", x.reason, {}};
  // Where it was over, not all of its output was read.
  end_attaches(self, was_over ? attach_end::dropped : attach_end::over, why);
  go_on_deleting(self);
}

/// Tells all that wait, and ends.
void leave(guest_session_pointer self, const failure& why) {
  auto& state = self->state;
  const auto told = to_error(why);
  if (state.launched.pending())
    state.launched.deliver(told);
  for (auto& waiter : std::exchange(state.waiters, {}))
    waiter.reply.deliver(told);
  for (auto& reply : std::exchange(state.deleting, {}))
    reply.deliver(told);
  drop_attaches(self, why);
  leave_guest(self);
}

actor_account describe(guest_session_pointer self) {
  const auto& state = self->state;
  return account_of(self, to_string(state.spec.record.info.state) + ", " +
                              counted(state.attaches.size(), "client") + ", " +
                              counted(state.feeds.size(), "feed"));
}

} // namespace

std::string title(guest_session_pointer self) {
  const auto& spec = self->state.spec;
  return spec.vm_name + "/" + spec.record.info.config.name;
}

session_info info_of(guest_session_pointer self) {
  const auto& state = self->state;
  auto info = state.spec.record.info;
  info.vm_name = state.spec.vm_name;
  info.client_count = static_cast<std::uint32_t>(state.attaches.size());
  return info;
}

void publish(guest_session_pointer self) {
  const auto& spec = self->state.spec;
  if (spec.owner)
    self->send(spec.owner, session_changed{spec.record.vm_id, info_of(self), false});
}

void publish_event_of(guest_session_pointer self, const std::string& kind, std::string detail) {
  if (const auto& events = self->state.spec.context->events; events)
    self->send(events, publish_event{kind, title(self), std::move(detail)});
}

void settle(guest_session_pointer self, const session_wire::ended& end, bool is_told) {
  auto& state = self->state;
  auto& record = state.spec.record;
  auto& info = record.info;
  if (record.is_settled || (is_over(info.state) && !is_told))
    return;
  record.is_settled = is_told;
  info.exit_code = info.signal = 0;
  info.error.clear();
  if (end.at_ms != 0) // else as it was concluded
    info.ended_at_ms = static_cast<std::int64_t>(end.at_ms);
  info.end_offset = std::max(end.end, state.output.head());
  switch (end.how) {
    case session_how_exited: info.exit_code = static_cast<std::int32_t>(end.code); [[fallthrough]];
    case session_how_signalled:
      info.state = session_state::exited;
      info.signal = static_cast<std::int32_t>(end.signal);
      break;
    case session_how_failed:
      info.state = session_state::failed;
      info.error = end.text;
      break;
    case session_how_lost:
      info.state = session_state::lost;
      info.error = end.text;
      break;
  }
  state.kill_step = 0;
  save(self);
  publish(self);
  for (auto& waiter : std::exchange(state.waiters, {}))
    waiter.reply.deliver(info_of(self));
  input_was_refused(self);
  go_on_deleting(self);
}

void settle_failed(guest_session_pointer self, const std::string& why, const std::string& step,
                   std::string hint) {
  auto& state = self->state;
  auto& record = state.spec.record;
  record.is_settled = true;
  record.info.state = session_state::failed;
  record.info.error = why;
  record.info.error_step = step;
  record.info.ended_at_ms = host::unix_ms();
  save(self);
  publish(self);
  // After it is published: who is told that it failed may ask the VM for it at once.
  if (hint.empty())
    hint = "banger session show " + title(self);
  if (state.launched.pending())
    state.launched.deliver(
        to_error({ec::failed, "start session '" + title(self) + "'", why, std::move(hint)}));
  for (auto& waiter : std::exchange(state.waiters, {}))
    waiter.reply.deliver(info_of(self));
  drop_attaches(
      self,
      {ec::wrong_state, "attach to session '" + title(self) + "'", "it never ran: " + why, {}});
  go_on_deleting(self);
}

std::uint64_t after(guest_session_pointer self, std::chrono::milliseconds pause) {
  const auto step = ++self->state.last_step;
  self->delayed_send(self, pause, step_due{step});
  return step;
}

guest_session_actor::behavior_type
guest_session(guest_session_pointer self, guest_session_spec spec, agent_channels* channels) {
  self->state.spec = std::move(spec);
  self->state.channels = channels;
  self->state.is_input_closed =
      self->state.spec.record.info.config.input == session_input_kind::closed;
  self->set_down_handler([self](const caf::down_msg& down) { owner_down(self, down.source); });
  self->set_exit_handler([self](const caf::exit_msg& message) {
    leave(self, {ec::unreachable,
                 "work on session '" + title(self) + "'",
                 "its part of the daemon ended",
                 {}});
    self->quit(message.reason);
  });
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    auto why = error_of(thrown);
    leave(self, {ec::link_lost,
                 "work on session '" + title(self) + "'",
                 "its part of the daemon failed: " + to_failure(why).what,
                 {}});
    return why;
  });
  return {
      [self](const join_session& x) { return join(self, x); },
      [self](const detach_session&) { return detach(self); },
      [self](const attach_input& x) { take_input(self, x); },
      [self](const attach_input_ended&) { take_input_end(self); },
      [self](const attach_credit& x) { take_credit(self, x); },
      [self](const attach_resized& x) { take_size(self, x); },
      [self](const launch_session&) { return launch(self); },
      [self](const wait_session& x) { return wait(self, x); },
      [self](const stop_session& x) { return stop(self, x); },
      [self](const signal_session& x) { return send_signal(self, x); },
      [self](const delete_session& x) { return remove(self, x); },
      [self](const list_attaches&) { return list_attached(self); },
      [self](const describe_actor&) { return describe(self); },
      [self](const guest_appeared&, const guest_way_actor& link) { appeared(self, link); },
      [self](const guest_vanished& x) { vanished(self, x); },
      [self](const ssh_note& note) { take_note(self, note); },
      [self](const ssh_data& data) { take_data(self, data); },
      [self](const step_due& x) { due(self, x.step); },
  };
}

} // namespace banger::actors
