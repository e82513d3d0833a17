#include "actors/machine_life.hpp"

#include "actors/control_port.hpp"

namespace banger::actors {

namespace {

void guest_ready(machine_life& life, const host::unique_fd& control) {
  say_time(control);
  life.is_ready = true;
  for (auto& reply : std::exchange(life.awaiting_ready, {}))
    reply.deliver(done{});
}

} // namespace

void fail_ready(machine_life& life, const failure& why) {
  for (auto& reply : std::exchange(life.awaiting_ready, {}))
    reply.deliver(to_error(why));
}

failure not_ready_in_time(const machine_life& life) {
  return {ec::guest_not_ready,
          "wait for the guest",
          "it did not say READY within " + std::to_string(life.deadlines.boot.count() / 1000) +
              " s",
          {}};
}

bool take_control_lines(machine_life& life, const host::unique_fd& control) {
  std::string bytes;
  const auto is_open = drain(control, bytes);
  for (const auto& line : life.control_lines.feed(bytes))
    if (line.starts_with("READY"))
      guest_ready(life, control);
    else
      life.memory.take(line);
  if (is_open)
    life.control_watch.arm();
  return is_open;
}

void helper_ended(machine_life& life, const hypervisor::qemu_process& process) {
  if (life.is_gone)
    return;
  if (life.cause.empty())
    life.cause = "the network helper ended";
  hypervisor::kill_qemu(process);
}

std::string phase_of(const machine_life& life, const hypervisor::qemu_process* process) {
  if (process == nullptr)
    return life.is_gone ? "gone" : "not launched";
  const auto name = " process " + std::to_string(process->handles.qemu.pid);
  if (life.is_gone)
    return "collecting the helper of" + name;
  if (life.step != end_step::none)
    return "ending" + name;
  return (life.is_ready ? "holding" : "booting") + name;
}

} // namespace banger::actors
