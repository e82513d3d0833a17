#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "client/launch.hpp"
#include "core/exit_code.hpp"
#include "host/clock.hpp"
#include "protocol/version.hpp"

namespace banger::cli {

namespace {

int show_status(client::connection& link, const options& how) {
  auto status = link.ask<daemon_status>(get_daemon_status{}, quick_limit);
  if (!status)
    return report(status.error(), how);
  print(how.is_json ? json(*status) : status_details(*status, host::unix_ms()));
  return core::exit_ok;
}

} // namespace

int daemon_start(const host::paths& where, const options& how) {
  auto link = client::connect_or_start(where, {});
  return link ? show_status(*link, how) : report(link.error(), how);
}

int daemon_status_of(const host::paths& where, const options& how) {
  auto link = client::connect_or_start(where, {false, quick_limit});
  return link ? show_status(*link, how) : report(link.error(), how);
}

int show_tree(const host::paths& where, const options& how) {
  auto link = client::connect_or_start(where, {false, quick_limit});
  if (!link)
    return report(link.error(), how);
  auto tree = link->ask<actor_tree>(get_actor_tree{}, quick_limit);
  if (!tree)
    return report(tree.error(), how);
  print(how.is_json ? json(*tree) : tree_table(*tree));
  return core::exit_ok;
}

int daemon_stop(const host::paths& where, const options& how) {
  auto was_there = client::stop_daemon(where, quick_limit);
  if (!was_there)
    return report(was_there.error(), how);
  if (how.is_json)
    print(stopped_json(*was_there));
  else
    print(*was_there ? "stopped the daemon; VMs go on running\n" : "no daemon runs\n");
  return core::exit_ok;
}

int show_version(const host::paths& where, const options& how) {
  auto link = client::connection::open(where.socket, quick_limit);
  std::string mine{program_version};
  auto theirs = link ? link->greeting().program_version : std::string{};
  auto why = link ? failure{ec::none, {}, {}, {}} : link.error();
  if (how.is_json) {
    print(version_json(mine, theirs, why));
  } else {
    auto is_absent = why.code == ec::unreachable;
    print("banger  " + mine + "\nbangerd " +
          (link        ? theirs
           : is_absent ? "not running"
                       : "unknown (" + to_string(why) + ")") +
          "\n");
  }
  return core::exit_ok;
}

} // namespace banger::cli
