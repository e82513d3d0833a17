// What becomes of a VM, and what of it goes to disk: the record, its last error, its transitions.
#include "actors/vm_steps.hpp"

#include <algorithm>

namespace banger::actors {

std::string vm_data::operation_name() const {
  if (is_recovering)
    return "recover";
  const auto is_asked_for = operation && !operation->what.op.empty();
  return is_asked_for ? to_string(operation->what.kind) : std::string{};
}

void note_error(vm_pointer self, std::string text, std::string stage) {
  auto& record = self->state.record;
  self->state.cause = text;
  record.error = std::move(text);
  record.error_stage = std::move(stage);
  record.error_at_ms = host::unix_ms();
}

void forget_error(vm_pointer self) {
  auto& record = self->state.record;
  record.error.clear();
  record.error_stage.clear();
  record.error_at_ms = 0;
}

void note_transition(vm_pointer self) {
  auto& state = self->state;
  if (state.noted == state.state)
    return;
  state.unsaved.push_back({host::unix_ms(), state.noted, state.state, state.operation_name(),
                           state.operation ? state.operation->stage : std::string{}, state.cause});
  state.noted = state.state;
  if (state.unsaved.size() > vm_transition_limit) // a disk that takes nothing any more
    state.unsaved.erase(state.unsaved.begin());
}

void try_to_save(vm_pointer self, const char* point, std::function<void()> on_saved,
                 std::function<void(const caf::error&)> on_error) {
  const auto& context = *self->state.context;
  note_transition(self);
  ask<done>(
      self, point, context.store, context.deadlines.storage,
      save_vm{self->state.record, self->state.unsaved},
      [self, on_saved, saved = self->state.unsaved](const done&) {
        self->state.is_unsaved = false;
        std::erase_if(self->state.unsaved, [&](const vm_transition& x) {
          return std::find(saved.begin(), saved.end(), x) != saved.end();
        });
        on_saved();
      },
      on_error);
}

void save_record(vm_pointer self, const char* point, std::function<void()> next) {
  try_to_save(self, point, next, [self, next](const caf::error& why) {
    auto problem = to_failure(why, "save the record");
    note_error(self, to_string(problem), "store");
    self->state.is_unsaved = true;
    next();
  });
}

actor_account describe_vm(vm_pointer self) {
  const auto& state = self->state;
  auto what = to_string(state.state);
  if (state.operation)
    what += ", " + (state.operation_name().empty() ? "clean-up" : state.operation_name()) +
            (state.operation->stage.empty() ? "" : ": " + state.operation->stage);
  auto account = account_of(self, what);
  account.last_error = state.record.error;
  auto add = [&](const char* name, const auto& part) {
    if (part)
      account.children.push_back({name, part, 0, {}});
  };
  add("machine", state.machine);
  add("guest_link", state.link);
  add("guest_port", state.port);
  for (const auto& [id, session] : state.sessions)
    account.children.push_back({"session " + session.info.config.name, session.actor,
                                session.crashes.all, session.crashes.last});
  return account;
}

} // namespace banger::actors
