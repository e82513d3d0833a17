#include "actors/vm_steps.hpp"
#include "host/log.hpp"

#include <utility>

namespace banger::actors {

namespace {

/// Each warning once: a user who has read it need not read it again.
void heard_of_disk(vm_pointer self, const root_disk_health& x) {
  auto& state = self->state;
  if (state.state != vm_state::running || state.operation || x.warning == state.disk_warning)
    return;
  const auto told = std::exchange(state.disk_warning, x.warning);
  if (x.warning.empty()) {
    if (!state.record.error.starts_with(told))
      return;
    forget_error(self); // there is room again
    save_record(self, "disk.warned", [] {});
    publish(self);
    return;
  }
  self->send(state.context->events, publish_event{"vm.disk", state.record.name, x.warning});
  note_error(self, x.warning + ": copy what you need with banger vm cp, and delete the VM",
             "running");
  save_record(self, "disk.warned", [] {});
  publish(self);
}

} // namespace

void watch_root_disk(vm_pointer self) {
  const auto& state = self->state;
  if (state.record.root_disk != root_disk_kind::snapshot)
    return;
  auto files = state.context->make_files();
  self->request(files, state.context->deadlines.storage, look_at_root_disk{state.record.directory})
      .then([self, files](const root_disk_health& x) { heard_of_disk(self, x); },
            [files](const caf::error& why) {
              host::log_warning(to_string(to_failure(why, "look at a root disk")));
            });
}

} // namespace banger::actors
