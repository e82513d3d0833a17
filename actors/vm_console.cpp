// What a running VM is looked at for now and then, and its console's log for who asks.
#include "actors/vm_steps.hpp"
#include "host/files.hpp"
#include "host/log.hpp"
#include "storage/vm_folder.hpp"

namespace banger::actors {

namespace {

/// Every look is cheap, and few: an idle daemon is to be idle.
constexpr core::milliseconds console_look{30'000};

} // namespace

void look_at_console(vm_pointer self, const watch_console& tick) {
  const auto& state = self->state;
  if (state.state != vm_state::running || state.started_at_ms != tick.started_at_ms)
    return; // the next start begins anew
  self->delayed_send(self, console_look, tick);
  if (state.is_unsaved)
    save_record(self, "retry.record", [] {});
  watch_root_disk(self);
  if (host::file_size(state.info().console_log) <= storage::console_cap)
    return;
  auto files = state.context->make_files();
  self->request(files, state.context->deadlines.storage, cap_console{state.info().console_log})
      .then([files](const done&) {},
            [files](const caf::error& why) {
              host::log_warning(to_string(to_failure(why, "cap a console log")));
            });
}

void begin_console_watch(vm_pointer self) {
  self->delayed_send(self, console_look, watch_console{self->state.started_at_ms});
}

caf::result<console_chunk> read_log_of(vm_pointer self, const read_console& x) {
  auto reader = self->state.context->make_files();
  return self->delegate(
      reader, read_log{self->state.info().console_log, x.offset, x.max_bytes, x.is_from_end});
}

} // namespace banger::actors
