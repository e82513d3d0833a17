#include "cli/commands.hpp"
#include "cli/file_sync.hpp"
#include "cli/json.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "client/hosts.hpp"
#include "core/exit_code.hpp"
#include "host/clock.hpp"

#include <iterator>
#include <poll.h>

namespace banger::cli {

namespace {

/// A verb that changes VMs: what to say when it is done, and how to ask for it.
struct change {
  verb what;
  const char* done;
  std::uint64_t (*send)(client::connection&, const options&, const std::string& ref);
};

constexpr change changes[] = {
    {verb::vm_start, "started ",
     [](auto& link, auto& how, auto& ref) {
       return link.send(start_vm{ref, how.owner.token});
     }},
    {verb::vm_stop, "stopped ",
     [](auto& link, auto& how, auto& ref) {
       return link.send(stop_vm{ref, how.grace_ms});
     }},
    {verb::vm_restart, "restarted ",
     [](auto& link, auto& how, auto& ref) {
       return link.send(restart_vm{ref, how.grace_ms, how.owner.token});
     }},
    {verb::vm_kill, "killed ",
     [](auto& link, auto&, auto& ref) { return link.send(kill_vm{ref}); }},
    {verb::vm_delete, "deleted ",
     [](auto& link, auto& how, auto& ref) {
       return link.send(delete_vm{ref, how.owner.token});
     }},
    {verb::vm_show, "", [](auto& link, auto&, auto& ref) { return link.send(get_vm{ref}); }},
};

const change& change_of(verb what) {
  for (const auto& x : changes)
    if (x.what == what)
      return x;
  return changes[std::size(changes) - 1];
}

using vm_outcomes = std::vector<outcome<vm_info>>;

/// Sends the verb for every ref at once and collects the outcomes in the order of the refs.
result<vm_outcomes> change_all(session& talk) {
  const auto& how = talk.how();
  std::vector<std::uint64_t> numbers;
  for (const auto& ref : how.refs)
    numbers.push_back(change_of(how.what).send(talk.link(), how, ref));
  return talk.outcomes<vm_info>(how.refs, numbers);
}

} // namespace

int vm_create(client::connection link, const options& how) {
  session talk{std::move(link), how};
  auto vm = talk.ask<vm_info>(create_vm{how.config}, operation_limit);
  if (!vm)
    return report(vm.error(), how);
  print(how.is_json ? json(*vm) : "created " + vm->name + "\n");
  return core::exit_ok;
}

int vm_change(client::connection link, const host::paths& where, const options& how) {
  session talk{std::move(link), how};
  auto boots = how.what == verb::vm_start || how.what == verb::vm_restart;
  auto config = boots ? client::read_user_config(where) : core::user_config{};
  if (!config)
    return report(config.error(), how);
  auto outcomes = change_all(talk);
  if (!outcomes)
    return report(outcomes.error(), how);
  for (auto& x : *outcomes)
    if (boots && x.value)
      if (auto ok = sync_files(talk, where, *config, x.value->name); !ok)
        x.value = tl::make_unexpected(ok.error());
  return tell(*outcomes, how,
              [&](const vm_info& vm) { print(change_of(how.what).done + vm.name + "\n"); });
}

int vm_list_all(client::connection link, const options& how) {
  auto all = link.ask<vm_list>(list_vms{}, quick_limit);
  if (!all)
    return report(all.error(), how);
  if (how.is_json) {
    print(json(*all));
  } else if (how.is_quiet) {
    std::string names;
    for (const auto& vm : all->vms)
      names += vm.name + "\n";
    print(names);
  } else {
    print(vm_table(all->vms, host::unix_ms()));
  }
  return core::exit_ok;
}

int vm_show(client::connection link, const options& how) {
  session talk{std::move(link), how};
  auto outcomes = change_all(talk);
  if (!outcomes)
    return report(outcomes.error(), how);
  return show_each(*outcomes, how,
                   [](const vm_info& vm) { return vm_details(vm, host::unix_ms()); });
}

int vm_why(client::connection link, const options& how) {
  session talk{std::move(link), how};
  auto past =
      talk.ask<vm_history>(get_vm_history{how.refs.front()}, quick_limit, on_interrupt::leave);
  if (!past)
    return report(past.error(), how);
  print(how.is_json ? json(*past) : history_details(*past, host::unix_ms()));
  return core::exit_ok;
}

int vm_wait(client::connection link, const options& how) {
  auto limit = how.timeout_ms != 0 ? std::chrono::milliseconds{how.timeout_ms} + quick_limit
                                   : operation_limit;
  auto vm = link.ask<vm_info>(wait_vm{how.refs.front(), how.wanted, how.timeout_ms}, limit);
  if (!vm)
    return report(vm.error(), how);
  print(how.is_json ? json(*vm) : vm->name + " is " + to_string(vm->state) + "\n");
  return core::exit_ok;
}

int vm_logs(client::connection link, const options& how) {
  read_console request{how.refs.front(), how.tail_bytes, 0, how.tail_bytes != 0};
  for (;;) {
    auto chunk = link.ask<console_chunk>(request, quick_limit);
    if (!chunk)
      return report(chunk.error(), how);
    print(chunk->bytes);
    request.offset = chunk->next_offset;
    request.is_from_end = false;
    if (!chunk->bytes.empty())
      continue;
    if (!how.follows)
      return core::exit_ok;
    constexpr int pause_ms = 200;
    (void)::poll(nullptr, 0, pause_ms);
  }
}

} // namespace banger::cli
