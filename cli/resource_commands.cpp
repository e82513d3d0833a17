// vm stats and vm set.
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "cli/stats_render.hpp"
#include "core/exit_code.hpp"

#include <csignal>
#include <poll.h>
#include <unistd.h>

namespace banger::cli {

namespace {

/// One look at all that were named, or at all there are.
struct look {
  std::vector<vm_stats> stats;
  int status = core::exit_ok; ///< of the first that could not be looked at
};

result<look> look_at(session& talk) {
  const auto& how = talk.how();
  auto refs = how.refs;
  if (refs.empty()) {
    auto all = talk.ask<vm_list>(list_vms{}, quick_limit, on_interrupt::leave);
    if (!all)
      return tl::make_unexpected(all.error());
    for (const auto& vm : all->vms)
      refs.push_back(vm.id);
  }
  std::vector<std::uint64_t> numbers;
  for (const auto& ref : refs)
    numbers.push_back(talk.link().send(get_vm_stats{ref}));
  auto outcomes = talk.outcomes<vm_stats>(refs, numbers);
  if (!outcomes)
    return tl::make_unexpected(outcomes.error());
  look x;
  for (auto& one : *outcomes) {
    if (one.value)
      x.stats.push_back(std::move(*one.value));
    else if (how.refs.empty() && one.value.error().code == ec::not_found)
      continue; // it was deleted since the list was made
    else if (auto status = report(one.value.error(), how); x.status == core::exit_ok)
      x.status = status;
  }
  return x;
}

/// @returns false where a signal came.
bool wait_a_second(session& talk) {
  constexpr int pause_ms = 1000;
  pollfd waiting{talk.signals().fd(), POLLIN, 0};
  return ::poll(&waiting, 1, pause_ms) <= 0;
}

void show(const look& x, const options& how) {
  constexpr const char* clear_screen = "\033[H\033[J"; // ECMA-48: CUP, ED
  if (how.is_json)
    print(stats_json(x.stats, how.follows));
  else
    print((how.follows && is_terminal(STDOUT_FILENO) ? clear_screen : "") + stats_table(x.stats));
}

/// What was set is not what runs.
bool is_later(const vm_info& vm) {
  return vm.running_vcpu_count != 0 &&
         (vm.running_vcpu_count != vm.vcpu_count || vm.running_memory_mib != vm.memory_mib ||
          vm.running_disk_mib != vm.disk_mib);
}

} // namespace

int vm_set(client::connection link, const options& how) {
  session talk{std::move(link), how};
  const auto& x = how.config;
  std::vector<std::uint64_t> numbers;
  for (const auto& ref : how.refs)
    numbers.push_back(
        talk.link().send(set_vm{ref, x.vcpu_count, x.memory_mib, x.disk_mib, how.nat}));
  auto outcomes = talk.outcomes<vm_info>(how.refs, numbers);
  if (!outcomes)
    return report(outcomes.error(), how);
  return tell(*outcomes, how, [](const vm_info& vm) {
    print("set " + vm.name +
          (is_later(vm) ? "; it has this from its next start on: banger vm restart " + vm.name
                        : std::string{}) +
          "\n");
  });
}

int vm_stats_of(client::connection link, const options& how) {
  session talk{std::move(link), how};
  talk.leave_at_interrupt();
  std::vector<vm_stats> before;
  for (;;) {
    auto now = look_at(talk);
    if (!now)
      return report(now.error(), how);
    count_from(before, now->stats);
    if (!now->stats.empty() || how.refs.empty())
      show(*now, how);
    if (!how.follows || now->status != core::exit_ok)
      return now->status;
    before = std::move(now->stats);
    if (!wait_a_second(talk))
      return core::exit_signalled + talk.signals().take();
  }
}

} // namespace banger::cli
