// vm list --all-hosts: every host is asked at once, and one that does not answer hides none of the
// others.
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "client/hosts.hpp"
#include "client/launch.hpp"
#include "core/exit_code.hpp"
#include "host/clock.hpp"

#include <future>
#include <utility>

namespace banger::cli {

namespace {

result<vm_list> list_of(const client::known_host& x) {
  if (!x.where)
    return tl::make_unexpected(x.where.error());
  auto link = client::connect_or_start(*x.where, {});
  if (!link)
    return tl::make_unexpected(link.error());
  return link->ask<vm_list>(list_vms{}, quick_limit);
}

} // namespace

int vm_list_everywhere(const host::paths& here, const options& how) {
  auto hosts = client::all_hosts(here);
  if (!hosts)
    return report(hosts.error(), how);
  std::vector<std::future<result<vm_list>>> asked;
  for (const auto& x : *hosts)
    asked.push_back(std::async(std::launch::async, [&x] { return list_of(x); }));
  std::vector<vm_of_host> all;
  std::vector<host_failure> failures;
  for (std::size_t i = 0; i < hosts->size(); ++i) {
    auto answer = asked[i].get();
    if (!answer) {
      failures.push_back({(*hosts)[i].name, answer.error()});
      continue;
    }
    for (auto& vm : answer->vms)
      all.push_back({(*hosts)[i].name, std::move(vm)});
  }
  if (how.is_json) {
    print(json(all, failures));
  } else if (how.is_quiet) {
    std::string names;
    for (const auto& x : all)
      names += (x.host.empty() ? "" : x.host + "/") + x.vm.name + "\n";
    print(names);
  } else {
    print(vm_table(all, host::unix_ms()));
  }
  if (failures.empty())
    return core::exit_ok;
  if (!how.is_json)
    for (const auto& x : failures)
      (void)report(x.why, how);
  return core::exit_code(failures.front().why.code);
}

} // namespace banger::cli
