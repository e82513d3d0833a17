#include "tls/options.hpp"

#include "core/cert_names.hpp"
#include "core/suggest.hpp"
#include "protocol/version.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace banger::tls {

namespace {

using strings = std::vector<std::string>;

constexpr const char* about =
    "banger-tls carries the daemon's protocol between machines, over TLS 1.3 with certificates on "
    "both sides.\n"
    "bangerd and banger start it; docs/hosts.md says how to set it up.\n\n"
    "  banger-tls listen --address ADDR:PORT --socket PATH --certs DIR [--parent PID] [--check]\n"
    "  banger-tls connect --address HOST:PORT --certs DIR [--name NAME]    on standard input\n"
    "  banger-tls cert init|issue NAME|revoke NAME|list|show NAME          as: banger cert\n\n"
    "DIR has ca.pem, ca.crl, cert.pem and key.pem.\n"
    "Exit status: 0 ended in order, 1 a certificate was refused, 2 usage or no usable "
    "certificates, 4 the address is taken, 5 unreachable.\n";

/// One command's words, apart.
struct words {
  std::map<std::string, strings> options; ///< with its values; a flag has an empty one
  strings rest;
};

tl::unexpected<failure> usage(const std::string& what) {
  return fail(ec::bad_request, what, "", "banger-tls --help");
}

/// @param known  each option, and whether it takes a value
result<words> read_words(const strings& all, const std::map<std::string, bool>& known) {
  words x;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].starts_with("--")) {
      x.rest.push_back(all[i]);
      continue;
    }
    const auto equals = all[i].find('=');
    const auto name = all[i].substr(0, equals);
    const auto found = known.find(name);
    if (found == known.end())
      return usage("unknown option '" + name + "'");
    const auto has_value = equals != std::string::npos;
    if (!found->second && has_value)
      return usage(name + " takes no value");
    if (found->second && !has_value && i + 1 == all.size())
      return usage(name + " needs a value");
    auto& values = x.options[name];
    values.push_back(!found->second ? "" : has_value ? all[i].substr(equals + 1) : all[++i]);
  }
  return x;
}

std::string value_of(const words& x, const std::string& option) {
  const auto found = x.options.find(option);
  return found == x.options.end() ? std::string{} : found->second.back();
}

template <class T>
result<T> number_of(const words& x, const std::string& option, T least, T most, T otherwise) {
  const auto text = value_of(x, option);
  if (!x.options.contains(option))
    return otherwise;
  T number = 0;
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number < least || number > most)
    return usage(option + " '" + text + "' is not a number from " + std::to_string(least) + " to " +
                 std::to_string(most));
  return number;
}

result<void> need(const words& x, const strings& options) {
  for (const auto& option : options)
    if (value_of(x, option).empty())
      return usage(option + " is missing");
  if (!x.rest.empty())
    return usage("there is no place for '" + x.rest.front() + "' here");
  return {};
}

result<command> parse_listen(const strings& all) {
  auto x = read_words(all, {{"--address", true},
                            {"--socket", true},
                            {"--certs", true},
                            {"--parent", true},
                            {"--check", false}});
  if (!x)
    return tl::make_unexpected(x.error());
  listen_command out;
  out.checks = x->options.contains("--check");
  if (auto ok =
          need(*x, out.checks ? strings{"--certs"} : strings{"--address", "--socket", "--certs"});
      !ok)
    return tl::make_unexpected(ok.error());
  auto parent = number_of<pid_t>(*x, "--parent", 1, INT32_MAX, 0);
  if (!parent)
    return tl::make_unexpected(parent.error());
  if (const auto text = value_of(*x, "--address"); !text.empty()) {
    auto where = core::parse_listen_endpoint(text);
    if (!where)
      return tl::make_unexpected(where.error());
    out.how.where = *where;
  }
  out.parent = *parent;
  out.how.socket = value_of(*x, "--socket");
  out.how.folder = value_of(*x, "--certs");
  return out;
}

result<command> parse_connect(const strings& all) {
  auto x = read_words(all, {{"--address", true}, {"--certs", true}, {"--name", true}});
  if (!x)
    return tl::make_unexpected(x.error());
  if (auto ok = need(*x, {"--address", "--certs"}); !ok)
    return tl::make_unexpected(ok.error());
  auto where = core::parse_tcp_endpoint(value_of(*x, "--address"));
  if (!where)
    return tl::make_unexpected(where.error());
  connect_options out{*where, value_of(*x, "--name"), value_of(*x, "--certs")};
  if (x->options.contains("--name"))
    if (auto ok = core::check_cert_host(out.name); !ok)
      return tl::make_unexpected(ok.error());
  return out;
}

result<void> check_names(const cert_options& x, const words& given) {
  const auto has_name = x.what != cert_verb::init && x.what != cert_verb::list;
  if (given.rest.size() != (has_name ? 2U : 1U))
    return usage(has_name ? "one NAME is wanted" : "no NAME is wanted");
  if (has_name)
    if (auto ok = core::check_cert_name(x.name); !ok)
      return ok;
  for (const auto& host : x.hosts)
    if (auto ok = core::check_cert_host(host); !ok)
      return ok;
  if (x.is_client_too && x.hosts.empty())
    return usage("--client is for a host: without --host it is a client's anyway");
  return {};
}

result<command> parse_cert(const strings& all) {
  static const std::map<std::string, cert_verb> verbs{{"init", cert_verb::init},
                                                      {"issue", cert_verb::issue},
                                                      {"revoke", cert_verb::revoke},
                                                      {"list", cert_verb::list},
                                                      {"show", cert_verb::show}};
  auto x = read_words(all, {{"--dir", true},
                            {"--host", true},
                            {"--days", true},
                            {"--client", false},
                            {"--renew", false},
                            {"--json", false}});
  if (!x)
    return tl::make_unexpected(x.error());
  const auto verb = x->rest.empty() ? verbs.end() : verbs.find(x->rest.front());
  if (verb == verbs.end())
    return usage("cert needs one of init, issue, revoke, list and show");
  cert_options out;
  out.what = verb->second;
  out.folder = value_of(*x, "--dir");
  out.name = x->rest.size() > 1 ? x->rest[1] : "";
  out.hosts = x->options["--host"];
  out.is_client_too = x->options.contains("--client");
  out.renews = x->options.contains("--renew");
  out.is_json = x->options.contains("--json");
  auto days = number_of<std::int64_t>(*x, "--days", 1, 3'650, out.days);
  if (!days)
    return tl::make_unexpected(days.error());
  out.days = *days;
  if (out.folder.empty())
    return usage("--dir is missing");
  if (auto ok = check_names(out, *x); !ok)
    return tl::make_unexpected(ok.error());
  return out;
}

} // namespace

result<command> parse_command(const strings& arguments) {
  const auto first = arguments.empty() ? std::string{} : arguments.front();
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end())
    return help_command{about};
  if (first == "--version")
    return help_command{"banger-tls " + std::string{program_version} + "\n"};
  const strings rest{arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end()};
  if (first == "listen")
    return parse_listen(rest);
  if (first == "connect")
    return parse_connect(rest);
  if (first == "cert")
    return parse_cert(rest);
  const auto meant = core::nearest(first, {"listen", "connect", "cert"});
  return usage(first.empty() ? "a command is missing: listen, connect or cert"
                             : "unknown command '" + first + "'" +
                                   (meant.empty() ? "" : "; did you mean '" + meant + "'?"));
}

} // namespace banger::tls
