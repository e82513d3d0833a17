#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "core/exit_code.hpp"
#include "core/host_key.hpp"
#include "core/known_hosts.hpp"
#include "host/files.hpp"

namespace banger::cli {

namespace {

namespace kh = core::known_hosts;

constexpr std::size_t most_known_hosts = 64U << 20;

/// @param text  "TYPE BASE64", perhaps with a comment
result<core::host_key> parse_key(const std::string& text) {
  auto wrong = [&](const char* why) {
    return fail(ec::bad_request, "--key '" + text + "'", why,
                "give it as 'TYPE BASE64', like a line of a .pub file");
  };
  auto key = core::parse_public_key(text);
  if (!key)
    return wrong(text.find(' ') == std::string::npos ? "it has no two words"
                                                     : "its second word is not base64");
  if (key->type.find("-cert-") != std::string::npos)
    return wrong("host certificates are not supported");
  if (!core::is_well_formed(*key))
    return wrong("it is not a key of that type");
  return *key;
}

result<key_verdict> judge(const options& how) {
  auto offered = parse_key(how.key);
  if (!offered)
    return tl::make_unexpected(offered.error());
  auto text = host::read_file(how.known_hosts_file, most_known_hosts);
  if (!text) // not ec::not_found: its exit status is that of an unknown key
    return fail(ec::failed, "read " + how.known_hosts_file, text.error().why,
                "name a known_hosts file with --file");
  auto found = kh::check(kh::parse(*text), how.host, how.port, *offered);
  return key_verdict{how.known_hosts_file,
                     how.host,
                     how.port,
                     *offered,
                     core::fingerprint_sha256(offered->blob),
                     found};
}

int exit_of(kh::outcome x) {
  switch (x) {
    case kh::outcome::trusted: return core::exit_ok;
    case kh::outcome::unknown: return core::exit_not_found;
    case kh::outcome::mismatch:
    case kh::outcome::revoked: return core::exit_host_key;
  }
  return core::exit_host_key;
}

std::string text_of(const key_verdict& x) {
  std::string text = verdict_name(x.found.status);
  text += ": ";
  text += x.found.name + " with " + x.offered.type + " " + x.fingerprint + "\n";
  for (const auto& key : x.found.keys)
    text += "  line " + std::to_string(key.line_number) + ": " + key.type + " " + key.fingerprint +
            "\n";
  return text;
}

/// Asks for one VM's key and prints it, or `said` and its name where that is not empty.
template <class Request>
int ask_key(client::connection link, const options& how, const Request& request,
            const std::string& said) {
  session talk{std::move(link), how};
  auto key = talk.ask<host_key_info>(request, quick_limit, on_interrupt::leave);
  if (!key)
    return report(key.error(), how);
  if (how.is_json)
    print(json(*key));
  else
    print(said.empty() ? key_details(*key) : said + key->vm_name + "\n");
  return core::exit_ok;
}

} // namespace

const char* verdict_name(kh::outcome x) {
  switch (x) {
    case kh::outcome::trusted: return "trusted";
    case kh::outcome::unknown: return "unknown";
    case kh::outcome::mismatch: return "mismatch";
    case kh::outcome::revoked: return "revoked";
  }
  return "unknown";
}

int hostkey_list_all(client::connection link, const options& how) {
  auto all = link.ask<host_key_list>(list_host_keys{}, quick_limit);
  if (!all)
    return report(all.error(), how);
  print(how.is_json ? json(*all) : key_table(all->keys));
  return core::exit_ok;
}

int hostkey_show(client::connection link, const options& how) {
  return ask_key(std::move(link), how, get_host_key{how.refs.front()}, {});
}

int hostkey_accept(client::connection link, const options& how) {
  return ask_key(std::move(link), how, accept_host_key{how.refs.front(), how.fingerprint},
                 "accepted the host key of ");
}

int hostkey_forget(client::connection link, const options& how) {
  return ask_key(std::move(link), how, forget_host_key{how.refs.front()},
                 "forgot the host key of ");
}

int hostkey_verify(const options& how) {
  auto x = judge(how);
  if (!x)
    return report(x.error(), how);
  print(how.is_json ? json(*x) : text_of(*x));
  return exit_of(x->found.status);
}

} // namespace banger::cli
