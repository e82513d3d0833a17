#include "client/hosts.hpp"

#include "client/tls_program.hpp"
#include "core/remote_host.hpp"
#include "core/suggest.hpp"
#include "host/files.hpp"
#include "host/process.hpp"

#include <cstdlib>
#include <utility>

namespace banger::client {

namespace {

result<host::paths> reached(host::paths where, const core::remote_host& x) {
  core::way_programs programs;
  if (x.kind == core::way_kind::ssh) {
    auto ssh = host::find_program("ssh", host::search_path());
    if (!ssh)
      return fail(ec::missing_program, "reach host '" + x.name + "'", "ssh is not installed",
                  "apt-get install openssh-client");
    programs.ssh = *ssh;
  } else {
    auto tls = find_tls_program();
    if (!tls)
      return tl::make_unexpected(tls.error());
    programs.tls = *tls;
  }
  where.way = core::way_to(x, programs);
  where.host = x.name;
  return where;
}

} // namespace

result<core::user_config> read_user_config(const host::paths& where) {
  auto path = where.config + "/config.toml";
  if (!host::exists(path))
    return core::user_config{};
  const char* home = std::getenv("HOME");
  constexpr std::size_t most = 1U << 20;
  auto text = host::read_file(path, most);
  if (!text)
    return tl::make_unexpected(text.error());
  return core::parse_user_config(*text, home == nullptr ? "" : home);
}

result<host::paths> choose_host(host::paths where, const std::string& name) {
  if (name.empty())
    return where;
  if (core::is_host_url(name)) {
    auto x = core::parse_host_url(name);
    return x ? reached(std::move(where), *x) : tl::make_unexpected(x.error());
  }
  auto config = read_user_config(where);
  if (!config)
    return tl::make_unexpected(config.error());
  std::vector<std::string> names;
  for (const auto& x : config->hosts) {
    if (x.name == name)
      return reached(std::move(where), x);
    names.push_back(x.name);
  }
  const auto meant = core::nearest(name, names);
  return fail(ec::not_found, "no host '" + name + "'",
              meant.empty() ? "[hosts] of " + where.config + "/config.toml does not name it"
                            : "did you mean '" + meant + "'?",
              "or give its URL: --host ssh://USER@HOST");
}

result<std::vector<known_host>> all_hosts(const host::paths& where) {
  auto config = read_user_config(where);
  if (!config)
    return tl::make_unexpected(config.error());
  std::vector<known_host> all{{"", where}};
  for (const auto& x : config->hosts)
    all.push_back({x.name, reached(where, x)});
  return all;
}

} // namespace banger::client
