#include "actors/vm_steps.hpp"
#include "core/vm_record_check.hpp"
#include "hypervisor/host_resources.hpp"

#include <memory>

namespace banger::actors {

namespace {

/// Gives up because an actor below failed while `stage` ran.
auto on_failure(vm_pointer self, std::string stage) {
  return [self, stage](const caf::error& why) { give_up(self, to_failure(why, stage)); };
}

void settle(vm_pointer self, settled_state settled, vm_state state) {
  self->state.record.settled = settled;
  self->state.state = state;
}

/// Names banger-helper only where the VM needs it: a helper that is named must be there.
host_needs needs_of(vm_pointer self) {
  const auto& record = self->state.record;
  host_needs x{record.network, record.has_nat, record.root_disk, self->state.root_image, {}};
  if (hypervisor::needs_helper(x))
    x.helper_socket = self->state.context->helper_socket;
  return x;
}

// -- create: row first, then files, then the pin
// ------------------------------------------------------

void created(vm_pointer self) {
  settle(self, settled_state::stopped, vm_state::stopped);
  save_record(self, "create.settled", [self] { finish(self); });
}

void pin_key(vm_pointer self) {
  const auto& context = *self->state.context;
  const auto& record = self->state.record;
  ask<done>(
      self, "create.pin", context.known_hosts, context.deadlines.storage,
      pin_host_key{pin_names(record), record.host_key_public},
      [self](const done&) { created(self); }, on_failure(self, "pin its host key"));
}

/// Firecracker knows no qcow2.
bool has_whole_root_disk(const vm_record& record) {
  return record.driver == vm_driver::firecracker && record.root_disk == root_disk_kind::overlay;
}

void make_files(vm_pointer self, const image_files& image) {
  const auto& context = *self->state.context;
  auto& record = self->state.record;
  enter_stage(self, "making disks");
  ask<vm_files_made>(
      self, "create.files", files_of(self), context.deadlines.make_files,
      make_vm_files{record.directory, record.name, image.root, image.root_format, record.disk_mib,
                    has_whole_root_disk(record), record.root_disk, needs_of(self).helper_socket},
      [self](const vm_files_made& made) {
        self->state.record.host_key_public = made.host_key_public;
        pin_key(self);
      },
      on_failure(self, "make its files"));
}

void save_new_record(vm_pointer self, const image_files& image) {
  self->state.record.image_build = image.build;
  try_to_save(
      self, "create.record", [self, image] { make_files(self, image); },
      on_failure(self, "save its record"));
}

// -- start
// --------------------------------------------------------------------------------------------

void started(vm_pointer self) {
  auto& state = self->state;
  self->send(state.context->leases, release_start_slot{state.record.id});
  forget_error(self);
  settle(self, settled_state::running, vm_state::running);
  begin_console_watch(self);
  save_record(self, "start.settled", [self] { finish(self); });
}

void connect(vm_pointer self) {
  auto& state = self->state;
  const auto& limits = state.context->deadlines;
  enter_stage(self, "connecting");
  hold(self, state.context->make_link(state.record, self));
  auto patience = static_cast<std::uint32_t>(limits.connect.count());
  ask<guest_connected>(
      self, "start.connect", state.link, limits.connect + core::deadlines::margin,
      connect_guest{patience}, [self](const guest_connected&) { started(self); },
      on_failure(self, "connect to it by SSH"));
}

void await_guest(vm_pointer self) {
  const auto& context = *self->state.context;
  ask<done>(
      self, "start.ready", self->state.machine, context.deadlines.boot + core::deadlines::margin,
      await_ready{}, [self](const done&) { connect(self); }, on_failure(self, "boot it"));
}

void record_handles(vm_pointer self, const machine_launched& launched) {
  const auto& context = *self->state.context;
  self->state.pid = launched.pid;
  self->state.accelerator = launched.accelerator;
  self->state.started_at_ms = launched.started_at_ms;
  ask<done>(
      self, "start.handles", files_of(self), context.deadlines.storage,
      write_handles{self->state.record.directory, launched.handles},
      [self](const done&) { await_guest(self); }, on_failure(self, "record its process"));
}

void launch(vm_pointer self) {
  auto& state = self->state;
  const auto& record = state.record;
  enter_stage(self, "booting");
  hold(self, record.driver == vm_driver::firecracker ? state.context->make_firecracker(self)
                                                     : state.context->make_machine(self));
  state.launched = {record.vcpu_count, record.memory_mib, record.disk_mib};
  launch_machine request{record.id,           record.name,        record.directory,  state.kernel,
                         state.cmdline_extra, record.vcpu_count,  record.memory_mib, record.address,
                         record.ssh_port,     record.is_isolated, needs_of(self)};
  ask<machine_launched>(
      self, "start.launch", state.machine, state.context->deadlines.launch, std::move(request),
      [self](const machine_launched& launched) { record_handles(self, launched); },
      on_failure(self, "start its hypervisor"));
}

/// Firecracker's devices need modules that QEMU's do not: an archive beside the image's initramfs.
std::string modules_for(const vm_record& record, const image_files& image) {
  if (record.driver != vm_driver::firecracker)
    return {};
  return image.initrd.substr(0, image.initrd.rfind('/') + 1) + "firecracker.cpio";
}

/// The way to a guest in Firecracker is through our own init, which listens on the virtual socket.
result<void> check_image(const vm_record& record, const image_files& image) {
  if (record.driver == vm_driver::firecracker &&
      image.cmdline_extra.find("banger.init=") != std::string::npos)
    return fail(ec::bad_request, "boot the image '" + image.name + "' in Firecracker",
                "its init is not banger's", "use another image, or a VM with --driver qemu");
  return {};
}

void prepare(vm_pointer self, const image_files& image) {
  auto& state = self->state;
  const auto& limits = state.context->deadlines;
  state.kernel = image.kernel;
  state.cmdline_extra = image.cmdline_extra;
  state.root_image = image.root;
  enter_stage(self, "preparing");
  ask<done>(
      self, "start.boot_files", files_of(self), limits.storage,
      write_boot_files{state.record.directory, state.record.name, image.initrd,
                       state.context->authorized_key, state.record.disk_mib,
                       modules_for(state.record, image),
                       state.record.network == network_kind::tap ? state.record.address : ""},
      [self](const done&) { launch(self); }, on_failure(self, "write its boot files"));
}

void take_slot(vm_pointer self, const image_files& image) {
  const auto& context = *self->state.context;
  enter_stage(self, "waiting for a start slot");
  ask<done>(
      self, "start.slot", context.leases, context.deadlines.start_slot,
      acquire_start_slot{self->state.record.id},
      [self, image](const done&) { prepare(self, image); }, on_failure(self, "wait for its turn"));
}

void find_image(vm_pointer self) {
  auto& state = self->state;
  const auto& context = *state.context;
  ask<image_files>(
      self, "start.image", context.images, context.deadlines.quick,
      resolve_image{state.record.image, state.record.image_build},
      [self](const image_files& image) {
        if (auto fits = check_image(self->state.record, image); !fits) {
          give_up(self, fits.error());
          return;
        }
        try_to_save(
            self, "start.wanted", [self, image] { take_slot(self, image); },
            on_failure(self, "save its record"));
      },
      on_failure(self, ""));
}

/// Forgets a VM that never came to be; the actor ends.
void roll_back_create(vm_pointer self, const failure& why) {
  const auto& context = *self->state.context;
  auto record = self->state.record;
  auto reply = self->state.operation->reply;
  auto answer = describe(self, why);
  self->state.state = vm_state::deleting;
  auto last = [self, reply, answer, record]() mutable {
    self->send(self->state.context->leases, address_freed{record.address});
    if (self->state.supervisor)
      self->send(self->state.supervisor, vm_changed{self->state.info(), true});
    if (reply.pending())
      reply.deliver(to_error(answer));
    self->quit(caf::exit_reason::normal);
  };
  auto forget = [self, last, record](const caf::error&) mutable {
    const auto& below = *self->state.context;
    ask<done>(
        self, "undo_create.record", below.store, below.deadlines.storage, forget_vm{record.id},
        [last](const done&) mutable { last(); }, [last](const caf::error&) mutable { last(); });
  };
  auto unpin = [self, forget, record](const caf::error&) mutable {
    const auto& below = *self->state.context;
    ask<done>(
        self, "undo_create.pin", below.known_hosts, below.deadlines.storage,
        pin_host_key{pin_names(record), {}}, [forget](const done&) mutable { forget({}); }, forget);
  };
  ask<done>(
      self, "undo_create.files", files_of(self), context.deadlines.remove_files,
      remove_vm_files{record.directory}, [unpin](const done&) mutable { unpin({}); }, unpin);
}

void roll_back_start(vm_pointer self, failure why) {
  self->send(self->state.context->leases, release_start_slot{self->state.record.id});
  tear_down(self, core::milliseconds{0}, [self, why](const failure&) {
    auto& record = self->state.record;
    auto is_cancelled = why.code == ec::cancelled;
    record.wanted = wanted_state::stopped;
    if (is_cancelled) {
      self->state.cause = to_string(why);
      settle(self, settled_state::stopped, vm_state::stopped);
    } else {
      note_error(self, to_string(why), self->state.operation->stage);
      settle(self, settled_state::error, vm_state::error);
    }
    save_record(self, "undo_start.settled", [self, why] {
      auto final_word = why;
      if (final_word.hint.empty() && final_word.code != ec::cancelled)
        final_word.hint = "banger vm logs " + self->state.record.name;
      finish_failed(self, final_word);
    });
  });
}

} // namespace

void begin_create(vm_pointer self) {
  self->state.record.address =
      self->state.operation->what.subject; // a create order brings its lease
  const auto& context = *self->state.context;
  ask<image_files>(
      self, "create.image", context.images, context.deadlines.quick,
      resolve_image{self->state.record.image, {}},
      [self](const image_files& image) { save_new_record(self, image); }, on_failure(self, ""));
}

void begin_start(vm_pointer self) {
  auto& state = self->state;
  state.state = vm_state::starting;
  state.record.wanted = wanted_state::running;
  state.refused_key.reset(); // a new boot is looked at anew
  state.disk_warning.clear();
  publish(self);
  if (auto whole = core::check_record(state.record); !whole) {
    give_up(self, whole.error());
    return;
  }
  if (!state.machine) {
    find_image(self);
    return;
  }
  // One that an earlier ending could not end.
  enter_stage(self, "ending what was left");
  tear_down(self, core::milliseconds{0}, [self](const failure& first) {
    if (self->state.machine)
      give_up(self, first);
    else
      find_image(self);
  });
}

void give_up(vm_pointer self, failure why) {
  auto& state = self->state;
  state.operation->is_cancelled = true;
  ++state.generation; // answers to the steps so far are late now
  if (state.operation->what.kind == order_kind::create)
    roll_back_create(self, why);
  else
    roll_back_start(self, std::move(why));
}

} // namespace banger::actors
