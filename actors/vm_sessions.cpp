#include "actors/vm_sessions.hpp"

#include "actors/guest_session.hpp"
#include "actors/vm_steps.hpp"
#include "core/session_prune.hpp"
#include "core/session_ref.hpp"
#include "core/vm_ref.hpp"
#include "host/log.hpp"
#include "host/random.hpp"

#include <algorithm>
#include <utility>

namespace banger::actors {

namespace {

constexpr std::size_t id_bytes = 6;
// Of sessions that are over, a VM keeps so many, and so long.
constexpr std::size_t most_over = 100;
constexpr std::int64_t longest_over_ms = 30LL * 24 * 3'600'000;

constexpr core::milliseconds launch_limit{60'000};
constexpr core::milliseconds sweep_limit{60'000};

void add(vm_pointer self, const session_record& record, bool is_new) {
  auto& state = self->state;
  auto& entry = state.sessions[record.info.id];
  entry.info = record.info;
  entry.info.vm_name = state.record.name;
  entry.actor = state.context->make_session(
      {record, state.record.name, vm_actor{self}, state.context, is_new});
  self->monitor(entry.actor);
  if (state.port)
    self->send(entry.actor, guest_appeared{}, guest_way_actor{state.port});
}

void tell_supervisor(vm_pointer self, const session_info& info, bool is_gone) {
  if (self->state.supervisor)
    self->send(self->state.supervisor, session_changed{self->state.record.id, info, is_gone});
}

/// What the guest keeps of sessions that were forgotten while it was away goes. A session is known
/// here before the guest hears of it, so what is unknown when the list comes is nobody's.
void sweep(vm_pointer self) {
  auto& state = self->state;
  auto failed = [name = state.record.name](const caf::error& why) {
    host::log_debug("sessions of vm '" + name +
                    "' were not swept: " + to_string(to_failure(why, "list them")));
  };
  auto sweeper = state.context->make_sweep(state.port);
  self->request(sweeper, sweep_limit, list_guest_sessions{})
      .then(
          [self, sweeper, failed](const guest_session_ids& found) {
            remove_guest_sessions what;
            for (const auto& id : found.all)
              if (!self->state.sessions.contains(id))
                what.ids.push_back(id);
            self->request(sweeper, sweep_limit, std::move(what))
                .then([sweeper](const done&) {}, failed);
          },
          failed);
}

std::vector<core::named_id> names_of(const vm_data& state) {
  std::vector<core::named_id> all;
  for (const auto& [id, session] : state.sessions)
    all.push_back({id, session.info.config.name});
  return all;
}

/// The oldest of those that are over go, so that nobody has to count.
void prune(vm_pointer self) {
  std::vector<const vm_session*> over;
  for (const auto& [id, session] : self->state.sessions)
    if (is_over(session.info.state) && session.info.client_count == 0 && session.actor)
      over.push_back(&session);
  auto end_of = [](const vm_session& x) { return core::over_since_ms(x.info); };
  std::sort(over.begin(), over.end(),
            [&](const auto* a, const auto* b) { return end_of(*a) > end_of(*b); });
  const auto oldest = host::unix_ms() - longest_over_ms;
  for (std::size_t i = 0; i < over.size(); ++i)
    if (i + 1 > most_over || end_of(*over[i]) < oldest)
      self->request(over[i]->actor, launch_limit, delete_session{{}, false})
          .then([](const session_info&) {}, [](const caf::error&) {}); // it is tried again
}

void tell_vanished(vm_pointer self, const std::string& why) {
  for (const auto& [id, session] : self->state.sessions)
    if (session.actor)
      self->send(session.actor, guest_vanished{why});
}

} // namespace

void adopt_sessions(vm_pointer self, const std::vector<session_record>& records) {
  for (const auto& record : records) {
    add(self, record, false);
    tell_supervisor(self, self->state.sessions.at(record.info.id).info, false);
  }
}

void mind_sessions(vm_pointer self) {
  auto& state = self->state;
  const auto is_up = state.state == vm_state::running && state.link && state.context->make_port;
  const auto is_at_rest = state.state == vm_state::stopped || state.state == vm_state::error;
  if (is_up && state.port_link != state.link) {
    state.port_link = state.link;
    state.port = state.context->make_port(state.record, state.link);
    self->monitor(state.port);
    for (const auto& [id, session] : state.sessions)
      if (session.actor)
        self->send(session.actor, guest_appeared{}, guest_way_actor{state.port});
    sweep(self);
  } else if (state.port && !is_up) {
    self->send_exit(state.port, caf::exit_reason::user_shutdown);
    state.port = nullptr;
    state.port_link = nullptr;
    const auto why = state.state == vm_state::deleting ? std::string{"the VM was deleted"}
                     : state.operation_name().empty() && !state.cause.empty()
                         ? "the VM ended: " + state.cause
                         : std::string{"the VM was stopped"};
    tell_vanished(self, why);
  } else if (!state.port && is_at_rest && !std::exchange(state.has_told_sessions, true)) {
    tell_vanished(self, "the VM ended while the daemon was away");
  }
}

void end_sessions(vm_pointer self, const caf::error& why) {
  if (self->state.port)
    self->send_exit(self->state.port, why);
  for (const auto& [id, session] : self->state.sessions)
    if (session.actor)
      self->send_exit(session.actor, why);
}

bool session_down(vm_pointer self, const caf::down_msg& down) {
  auto& state = self->state;
  auto found = std::find_if(state.sessions.begin(), state.sessions.end(),
                            [&](const auto& x) { return x.second.actor == down.source; });
  if (found == state.sessions.end())
    return false;
  auto& [id, session] = *found;
  if (is_orderly(down.reason)) { // it was deleted, or never came to be
    tell_supervisor(self, session.info, true);
    state.sessions.erase(found);
    return true;
  }
  const auto why = to_string(to_failure(down.reason));
  host::log_error("session '" + state.record.name + "/" + session.info.config.name +
                  "' failed: " + why);
  session.actor = nullptr;
  if (!session.crashes.note(why)) {
    session.info.error = "its part of the daemon failed too often: " + why;
    tell_supervisor(self, session.info, false);
    return true;
  }
  // The guest knows how it is; the crashes go with the new actor.
  session_record record{state.record.id, session.info, false};
  add(self, record, false);
  return true;
}

void session_has_changed(vm_pointer self, const session_changed& x) {
  auto found = self->state.sessions.find(x.info.id);
  if (found == self->state.sessions.end())
    return;
  found->second.info = x.info;
  tell_supervisor(self, x.info, false);
  if (is_over(x.info.state))
    prune(self);
}

result<guest_session_actor> resolve_session(vm_pointer self, const std::string& ref) {
  const auto& state = self->state;
  auto parts = core::split_session_ref(ref);
  if (!parts)
    return tl::make_unexpected(parts.error());
  auto id = core::resolve_ref(names_of(state), parts->session);
  if (!id && id.error().code == ec::not_found)
    return fail(ec::not_found, "no session '" + ref + "'",
                "vm '" + state.record.name + "' has none of that name or id",
                id.error().hint == "banger vm list" ? "banger session list" : id.error().hint);
  if (!id)
    return tl::make_unexpected(id.error());
  const auto& session = state.sessions.at(*id);
  if (!session.actor)
    return fail(ec::wrong_state, "session '" + ref + "' has failed", session.info.error,
                "banger daemon stop; the next command finds it anew");
  return session.actor;
}

caf::result<session_info> start_new_session(vm_pointer self, const start_session& x) {
  auto& state = self->state;
  if (state.state != vm_state::running || !state.link)
    return not_running(self);
  if (state.refused_key)
    return quarantined(self);
  if (auto ok = core::check_session_config(x.config); !ok)
    return to_error(ok.error());
  std::vector<std::string> taken;
  for (const auto& [id, session] : state.sessions)
    taken.push_back(session.info.config.name);
  if (std::find(taken.begin(), taken.end(), x.config.name) != taken.end())
    return to_error({ec::already_exists,
                     "start session '" + state.record.name + "/" + x.config.name + "'",
                     "there is one of that name",
                     "banger session delete " + state.record.name + "/" + x.config.name});
  prune(self);
  session_record record;
  record.vm_id = state.record.id;
  record.info.id = host::random_hex(id_bytes);
  record.info.config = x.config;
  if (record.info.config.name.empty())
    record.info.config.name = core::session_name_for(x.config.argv, taken);
  record.info.created_at_ms = host::unix_ms();
  add(self, record, true);
  const auto& entry = state.sessions.at(record.info.id);
  tell_supervisor(self, entry.info, false);
  return self->delegate(entry.actor, launch_session{});
}

caf::result<session_info> describe_session(vm_pointer self, const get_session& x) {
  auto parts = core::split_session_ref(x.ref);
  if (!parts)
    return to_error(parts.error());
  auto id = core::resolve_ref(names_of(self->state), parts->session);
  if (!id)
    return to_error(resolve_session(self, x.ref).error());
  return self->state.sessions.at(*id).info;
}

caf::result<attach_host_actor> host_of_session(vm_pointer self, const find_session& x) {
  auto session = resolve_session(self, x.ref);
  if (!session)
    return to_error(session.error());
  if (self->state.refused_key)
    return quarantined(self);
  return attach_host_actor{*session};
}

} // namespace banger::actors
