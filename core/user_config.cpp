#include "core/user_config.hpp"

#include "core/suggest.hpp"
#include "core/vm_name.hpp"

#include <sstream>
#include <toml++/toml.h>

namespace banger::core {

namespace {

tl::unexpected<failure> refuse(const std::string& why, const std::string& hint = {}) {
  return fail(ec::bad_request, "read config.toml", why,
              hint.empty() ? "docs/files.md says what may be in it" : hint);
}

/// "~/x" or "/HOME/x" as an absolute path below `home`.
result<std::string> path_below(std::string_view home, const std::string& text,
                               const std::string& key) {
  auto what = "file_sync: " + key + " '" + text + "'";
  auto path = text;
  if (path.starts_with("~/"))
    path = std::string{home} + path.substr(1);
  else if (path.starts_with('~'))
    return refuse(what + " names another user's home", "use ~/ for your own");
  if (("/" + path + "/").find("/../") != std::string::npos)
    return refuse(what + " must not have '..' in it");
  if (path.find('\0') != std::string::npos)
    return refuse(what + " must not have a NUL in it");
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  if (!path.starts_with(std::string{home} + "/"))
    return refuse(what + " is not below " + std::string{home}, "use ~/NAME");
  return path;
}

/// A plain 600 is meant like that, but is 01130: it must not pass.
bool is_octal(const toml::node& node) {
  const auto* number = node.as_integer();
  return number != nullptr && number->get() > 0 && number->get() <= 0777 &&
         (number->flags() & toml::value_flags::format_as_octal) != toml::value_flags::none;
}

result<file_sync> read_file_sync(const toml::table& entry, std::string_view home) {
  std::string host, guest;
  file_sync x;
  for (const auto& [key, value] : entry) {
    if (key == "host" && value.is_string())
      host = *value.value<std::string>();
    else if (key == "guest" && value.is_string())
      guest = *value.value<std::string>();
    else if (key == "mode" && is_octal(value))
      x.mode = static_cast<std::uint32_t>(*value.value<std::int64_t>());
    else if (key == "mode")
      return refuse("file_sync: mode must be octal, like 0o600");
    else
      return refuse("file_sync: '" + std::string{key.str()} + "' is unknown, or no string",
                    "keys are host, guest and mode");
  }
  if (host.empty())
    return refuse("file_sync: host is missing", "like host = \"~/.gitconfig\"");
  auto from = path_below(home, host, "host");
  if (!from)
    return tl::make_unexpected(from.error());
  if (guest.empty())
    guest = "~" + from->substr(home.size());
  auto to = path_below("/root", guest, "guest");
  if (!to)
    return tl::make_unexpected(to.error());
  x.host = *from;
  x.guest = *to;
  return x;
}

result<dns_endpoint> read_dns(const toml::node& node) {
  const auto* entry = node.as_table();
  if (entry == nullptr)
    return refuse("dns must be a table", "begin it with [dns]");
  dns_endpoint x;
  for (const auto& [key, value] : *entry) {
    if (key != "listen" || !value.is_string())
      return refuse("dns: '" + std::string{key.str()} + "' is unknown, or no string",
                    "its only key is listen");
    auto listen = parse_dns_listen(*value.value<std::string>());
    if (!listen)
      return refuse(listen.error().what + ": " + listen.error().why, listen.error().hint);
    x = *listen;
  }
  return x;
}

/// "~/x" as it is meant; anything else as it is.
std::string expanded(std::string_view home, const std::string& path) {
  return path.starts_with("~/") ? std::string{home} + path.substr(1) : path;
}

result<remote_host> read_host(std::string_view name, const toml::node& node,
                              std::string_view home) {
  const auto what = "hosts." + std::string{name};
  remote_host extra;
  std::string url;
  if (node.is_string()) {
    url = *node.value<std::string>();
  } else if (const auto* entry = node.as_table()) {
    for (const auto& [key, value] : *entry) {
      auto* to = key == "url"       ? &url
                 : key == "program" ? &extra.program
                 : key == "certs"   ? &extra.certs
                 : key == "name"    ? &extra.server_name
                                    : nullptr;
      if (to == nullptr || !value.is_string())
        return refuse(what + ": '" + std::string{key.str()} + "' is unknown, or no string",
                      "keys are url, program, certs and name");
      *to = *value.value<std::string>();
    }
  } else {
    return refuse(what + " must be a URL or a table", "like lab = \"ssh://ada@lab.example\"");
  }
  if (!check_vm_name(name))
    return refuse(what + ": a host's name is made of a-z, 0-9 and '-', up to 63 of them");
  auto x = parse_host_url(url);
  if (!x)
    return refuse(what + ": " + x.error().why, x.error().hint);
  x->name = name;
  x->program = extra.program; // of the other machine
  x->certs = expanded(home, extra.certs);
  x->server_name = extra.server_name;
  return x;
}

result<std::vector<remote_host>> read_hosts(const toml::node& node, std::string_view home) {
  const auto* table = node.as_table();
  if (table == nullptr)
    return refuse("hosts must be a table", "begin it with [hosts]");
  std::vector<remote_host> all; // TOML has each name once, in order
  for (const auto& [name, value] : *table) {
    auto x = read_host(name.str(), value, home);
    if (!x)
      return tl::make_unexpected(x.error());
    all.push_back(std::move(*x));
  }
  return all;
}

/// Any folder of the host: "~/x" or absolute.
result<std::string> read_folder(std::string_view home, const std::string& text) {
  auto path = expanded(home, text);
  if (!path.starts_with('/') || path.find('\0') != std::string::npos)
    return refuse("daemon: certs '" + text + "' is not an absolute path", "use ~/NAME or /NAME");
  return path;
}

result<std::optional<tls_relay_plan>> read_daemon(const toml::node& node, std::string_view home) {
  const auto* entry = node.as_table();
  if (entry == nullptr)
    return refuse("daemon must be a table", "begin it with [daemon]");
  tls_relay_plan x;
  for (const auto& [key, value] : *entry) {
    if ((key != "listen" && key != "certs") || !value.is_string())
      return refuse("daemon: '" + std::string{key.str()} + "' is unknown, or no string",
                    "keys are listen and certs");
    const auto text = *value.value<std::string>();
    if (key == "certs") {
      auto folder = read_folder(home, text);
      if (!folder)
        return tl::make_unexpected(folder.error());
      x.certs = *folder;
      continue;
    }
    auto where = parse_listen_endpoint(text);
    if (!where)
      return refuse("daemon: listen: " + to_string(where.error()), where.error().hint);
    x.where = *where;
  }
  return x.where.host.empty() ? std::nullopt : std::optional{x};
}

} // namespace

result<user_config> parse_user_config(std::string_view text, std::string_view home) {
  auto table = toml::parse_result{};
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& why) {
    std::ostringstream line;
    line << "line " << why.source().begin.line << ": " << why.description();
    return refuse(line.str());
  }
  user_config x;
  for (const auto& [key, value] : table) {
    if (key == "dns") {
      auto dns = read_dns(value);
      if (!dns)
        return tl::make_unexpected(dns.error());
      x.dns = *dns;
      continue;
    }
    if (key == "hosts") {
      auto hosts = read_hosts(value, home);
      if (!hosts)
        return tl::make_unexpected(hosts.error());
      x.hosts = std::move(*hosts);
      continue;
    }
    if (key == "daemon") {
      auto listen = read_daemon(value, home);
      if (!listen)
        return tl::make_unexpected(listen.error());
      x.listen = *listen;
      continue;
    }
    if (key != "file_sync") {
      auto meant = nearest(std::string{key.str()}, {"file_sync", "dns", "daemon", "hosts"});
      return refuse("unknown key '" + std::string{key.str()} + "'" +
                    (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
    }
    const auto* list = value.as_array();
    if (list == nullptr)
      return refuse("file_sync must be a list of tables", "begin each with [[file_sync]]");
    for (const auto& item : *list) {
      const auto* entry = item.as_table();
      if (entry == nullptr)
        return refuse("file_sync must be a list of tables", "begin each with [[file_sync]]");
      auto file = read_file_sync(*entry, home);
      if (!file)
        return tl::make_unexpected(file.error());
      x.files.push_back(std::move(*file));
    }
  }
  return x;
}

} // namespace banger::core
