#include "actors/store.hpp"

#include "host/fault_point.hpp"
#include "protocol/caf_error.hpp"
#include "storage/session_records.hpp"
#include "storage/vm_records.hpp"

#include <utility>

namespace banger::actors {

namespace {

using self_pointer = store_actor::stateful_pointer<store_state>;

result<void> write(storage::database& db, const save_vm& x) {
  if (auto saved = storage::save_vm_record(db, x.record); !saved)
    return saved;
  return storage::add_transitions(db, x.record.id, x.transitions);
}

result<void> write(storage::database& db, const forget_vm& x) {
  return storage::remove_vm_record(db, x.id);
}

result<void> write(storage::database& db, const save_session& x) {
  return storage::save_session_record(db, x.record);
}

result<void> write(storage::database& db, const forget_session& x) {
  return storage::remove_session_record(db, x.id);
}

/// One write of several in a transaction: all of it, or nothing.
result<void> write_alone(storage::database& db, const pending_write& each) {
  if (auto ok = db.execute("SAVEPOINT each"); !ok)
    return ok;
  auto done = std::visit([&](const auto& x) { return write(db, x); }, each.what);
  auto ended = db.execute(done ? "RELEASE each" : "ROLLBACK TO each; RELEASE each");
  return done ? ended : done;
}

/// Writes all of `batch` in one transaction; a write that is refused leaves the others alone.
/// @returns what became of each; the failure of the commit itself, which then is that of all
result<std::vector<result<void>>> write_together(storage::database& db,
                                                 const std::vector<pending_write>& batch) {
  if (auto fault = host::fault_at("store.commit", host::fault_moment::before))
    return tl::make_unexpected(*fault);
  if (auto ready = db.keep_in_place(); !ready)
    return tl::make_unexpected(ready.error());
  auto together = storage::transaction::begin(db);
  if (!together)
    return tl::make_unexpected(together.error());
  std::vector<result<void>> outcomes;
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

caf::result<done> commit(self_pointer self) {
  auto& state = self->state;
  auto& batch = state.pending;
  if (batch.empty())
    return done{};
  auto outcomes = write_together(*state.database, batch);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto* why = !outcomes         ? &outcomes.error()
                      : !(*outcomes)[i] ? &(*outcomes)[i].error()
                                        : nullptr;
    if (why != nullptr)
      batch[i].reply.deliver(to_error(*why));
    else
      batch[i].reply.deliver(done{});
  }
  batch.clear();
  return done{};
}

/// Whoever asked before the commit_writes is handled will have been queued before it, too.
template <class Request>
caf::result<done> write_soon(self_pointer self, const Request& x) {
  auto reply = self->make_response_promise<done>();
  if (self->state.pending.empty())
    self->send(self, commit_writes{});
  self->state.pending.push_back({x, reply});
  return reply;
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
    self->send(self, commit_writes{});
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
      [self](const describe_actor&) {
        return guarded_account_of(self, counted(self->state.pending.size(), "write") + " waiting");
      },
      [self, commit_now](const commit_writes& x) {
        (void)commit_now(x);
        if (self->state.is_ending)
          self->quit();
      },
  };
}

} // namespace banger::actors
