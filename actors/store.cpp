#include "actors/store.hpp"

#include "core/record_events.hpp"
#include "host/clock.hpp"
#include "host/fault_point.hpp"
#include "host/log.hpp"
#include "protocol/caf_error.hpp"
#include "storage/event_log.hpp"
#include "storage/owner_records.hpp"
#include "storage/session_records.hpp"
#include "storage/vm_records.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace banger::actors {

namespace {

using self_pointer = store_actor::stateful_pointer<store_state>;

using happened = std::vector<event_happened>;

// Each writes what it is asked for and says what that makes happen.

result<happened> write(storage::database& db, const save_vm& x) {
  const auto before = storage::load_vm_record(db, x.record.id);
  if (!before && before.error().code != ec::not_found)
    return tl::make_unexpected(before.error());
  if (auto saved = storage::save_vm_record(db, x.record); !saved)
    return tl::make_unexpected(saved.error());
  auto added = storage::add_transitions(db, x.record.id, x.transitions);
  if (!added)
    return tl::make_unexpected(added.error());
  return core::events_of_vm(x.record, *added, before ? before->error_at_ms : 0);
}

result<happened> write(storage::database& db, const forget_vm& x) {
  const auto before = storage::load_vm_record(db, x.id);
  if (auto removed = storage::remove_vm_record(db, x.id); !removed)
    return tl::make_unexpected(removed.error());
  if (!before)
    return happened{};
  return happened{{0, host::unix_ms(), "vm.deleted", before->name, {}}};
}

result<happened> write(storage::database& db, const save_session& x) {
  const auto before = storage::find_session_row(db, x.record.info.id);
  if (!before)
    return tl::make_unexpected(before.error());
  if (auto saved = storage::save_session_record(db, x.record); !saved)
    return tl::make_unexpected(saved.error());
  auto row = *before;
  if (!row) { // a new one; its VM's name is in another table
    auto made = storage::find_session_row(db, x.record.info.id);
    if (!made)
      return tl::make_unexpected(made.error());
    row = std::move(*made);
  }
  auto event = core::event_of_session(row ? row->title : std::string{}, x.record.info,
                                      *before ? std::optional{(*before)->state} : std::nullopt,
                                      host::unix_ms());
  return event ? happened{*event} : happened{};
}

result<happened> write(storage::database& db, const forget_session& x) {
  const auto before = storage::find_session_row(db, x.id);
  if (!before)
    return tl::make_unexpected(before.error());
  if (auto removed = storage::remove_session_record(db, x.id); !removed)
    return tl::make_unexpected(removed.error());
  if (!*before)
    return happened{};
  return happened{{0, host::unix_ms(), "session.deleted", (*before)->title, {}}};
}

result<happened> write(storage::database& db, const save_owner& x) {
  if (auto saved = storage::save_owner_record(db, x.record); !saved)
    return tl::make_unexpected(saved.error());
  return happened{};
}

result<happened> write(storage::database&, const publish_event& x) {
  return happened{{0, host::unix_ms(), x.kind, x.subject, x.detail}};
}

result<happened> write_and_number(storage::database& db, const pending_write& each) {
  auto events = std::visit([&](const auto& x) { return write(db, x); }, each.what);
  if (!events)
    return events;
  for (auto& x : *events)
    if (auto added = storage::add_event(db, x); !added)
      return tl::make_unexpected(added.error());
  return events;
}

/// One write of several in a transaction: all of it, with its events, or nothing.
result<happened> write_alone(storage::database& db, const pending_write& each) {
  if (auto ok = db.prepare("SAVEPOINT each").run(); !ok)
    return tl::make_unexpected(ok.error());
  auto done = write_and_number(db, each);
  auto ended =
      done ? db.prepare("RELEASE each").run() : db.execute("ROLLBACK TO each; RELEASE each");
  if (done && !ended)
    return tl::make_unexpected(ended.error());
  return done;
}

/// Writes all of `batch` in one transaction; a write that is refused leaves the others alone.
/// @returns what became of each; the failure of the commit itself, which then is that of all
result<std::vector<result<happened>>> write_together(storage::database& db,
                                                     const std::vector<pending_write>& batch) {
  if (auto fault = host::fault_at("store.commit", host::fault_moment::before))
    return tl::make_unexpected(*fault);
  if (auto ready = db.keep_in_place(); !ready)
    return tl::make_unexpected(ready.error());
  auto together = storage::transaction::begin(db);
  if (!together)
    return tl::make_unexpected(together.error());
  std::vector<result<happened>> outcomes;
  for (const auto& each : batch) {
    outcomes.push_back(write_alone(db, each));
    if (!db.is_in_transaction()) // SQLite has given all of it up: nothing of it must be left
      return tl::make_unexpected(
          outcomes.back()
              ? failure{ec::storage_failed, "use the database", "it was rolled back", {}}
              : outcomes.back().error());
  }
  if (auto committed = together->commit(); !committed)
    return tl::make_unexpected(committed.error());
  return outcomes;
}

/// To whoever asked for the write; nobody did for an event.
void answer(pending_write& whom, const failure* why) {
  if (!whom.reply.pending()) {
    if (why != nullptr)
      host::log_warning("an event is not told: " + to_string(*why));
  } else if (why != nullptr) {
    whom.reply.deliver(to_error(*why));
  } else {
    whom.reply.deliver(done{});
  }
}

caf::result<done> commit(self_pointer self) {
  auto& state = self->state;
  auto& batch = state.pending;
  if (batch.empty())
    return done{};
  auto outcomes = write_together(*state.database, batch);
  events_saved told;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto* why = !outcomes         ? &outcomes.error()
                      : !(*outcomes)[i] ? &(*outcomes)[i].error()
                                        : nullptr;
    answer(batch[i], why);
    if (why == nullptr)
      std::move((*outcomes)[i]->begin(), (*outcomes)[i]->end(), std::back_inserter(told.events));
  }
  batch.clear();
  if (state.listener && !told.events.empty())
    self->send(state.listener, std::move(told));
  return done{};
}

void commit_soon(self_pointer self) {
  ++self->state.commits_due;
  self->send(self, commit_writes{});
}

/// Whoever asked before the commit_writes is handled will have been queued before it, too.
void queue(self_pointer self, pending_write x) {
  if (self->state.pending.empty())
    commit_soon(self);
  self->state.pending.push_back(std::move(x));
}

template <class Request>
caf::result<done> write_soon(self_pointer self, const Request& x) {
  auto reply = self->make_response_promise<done>();
  queue(self, {x, reply});
  return reply;
}

caf::result<event_page> load_some_events(self_pointer self, const load_events& x) {
  auto page = storage::load_events_after(*self->state.database, x.after, x.limit);
  if (!page)
    return to_error(page.error());
  return *page;
}

caf::result<vm_record> load(self_pointer self, const load_vm& x) {
  (void)commit(self);
  auto record = storage::load_vm_record(*self->state.database, x.id);
  if (!record)
    return to_error(record.error());
  return *record;
}

caf::result<vm_transitions> load_all(self_pointer self, const load_transitions& x) {
  auto all = storage::load_vm_transitions(*self->state.database, x.vm_id);
  if (!all)
    return to_error(all.error());
  return vm_transitions{std::move(*all)};
}

caf::result<session_records> load_sessions_of(self_pointer self, const load_sessions& x) {
  (void)commit(self);
  auto all = storage::load_session_records(*self->state.database, x.vm_id);
  if (!all)
    return to_error(all.error());
  return session_records{std::move(*all)};
}

} // namespace

void store_state::begin_anew() {
  for (auto& each : pending)
    if (each.reply.pending())
      each.reply.deliver(to_error({ec::storage_failed, "write to the database", crashes.last, {}}));
  pending.clear();
  // Where the file is gone or another one, the old connection has what is left of ours.
  auto in_place = database->keep_in_place();
  auto opened =
      in_place ? storage::database::open(database->path()) : tl::make_unexpected(in_place.error());
  if (opened)
    database = std::move(*opened);
  else
    host::log_error(to_string(opened.error()));
}

store_actor::behavior_type store(self_pointer self, std::unique_ptr<storage::database> database) {
  self->state.database = std::move(database);
  // An exit overtakes what is in the mailbox: the end goes behind it, so that it is written.
  self->set_exit_handler([self](const caf::exit_msg&) {
    self->state.is_ending = true;
    self->state.listener = nullptr; // it has ended before us
    commit_soon(self);
  });
  auto commit_now = guarded<commit_writes>(
      self, [](self_pointer me, const commit_writes&) { return commit(me); });
  return {
      guarded<save_vm>(self, write_soon<save_vm>),
      guarded<load_vm>(self, load),
      guarded<forget_vm>(self, write_soon<forget_vm>),
      guarded<load_transitions>(self, load_all),
      guarded<save_session>(self, write_soon<save_session>),
      guarded<forget_session>(self, write_soon<forget_session>),
      guarded<load_sessions>(self, load_sessions_of),
      guarded<load_events>(self, load_some_events),
      guarded<save_owner>(self, write_soon<save_owner>),
      [self](const publish_event& x) {
        queue(self, {x, {}});
      },
      [self](const report_events&, const event_listener_actor& whom) {
        self->state.listener = whom;
      },
      [self](const describe_actor&) {
        return guarded_account_of(self, counted(self->state.pending.size(), "write") + " waiting");
      },
      [self, commit_now](const commit_writes& x) {
        (void)commit_now(x);
        --self->state.commits_due;
        if (self->state.is_ending && self->state.commits_due == 0)
          self->quit();
      },
  };
}

} // namespace banger::actors
