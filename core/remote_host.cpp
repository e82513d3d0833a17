#include "core/remote_host.hpp"

#include "core/forward_spec.hpp"
#include "core/shell_quote.hpp"

#include <algorithm>
#include <charconv>

namespace banger::core {

namespace {

constexpr std::string_view ssh_scheme = "ssh://", tls_scheme = "tls://";

tl::unexpected<failure> refuse(std::string_view url, const std::string& why) {
  return fail(ec::bad_request, "reach host '" + std::string{url} + "'", why,
              "like ssh://USER@HOST or tls://HOST:7077");
}

/// Nothing that ssh or a shell could take for something else.
bool is_plain(std::string_view text, std::string_view more) {
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

} // namespace

bool is_host_url(std::string_view text) {
  return text.find("://") != std::string_view::npos;
}

result<remote_host> parse_host_url(std::string_view url) {
  remote_host x;
  x.name = url;
  auto rest = url;
  if (rest.starts_with(ssh_scheme))
    x.kind = way_kind::ssh;
  else if (rest.starts_with(tls_scheme))
    x.kind = way_kind::tls;
  else
    return refuse(url, "it begins with neither ssh:// nor tls://");
  rest.remove_prefix(ssh_scheme.size());
  if (rest.ends_with('/'))
    rest.remove_suffix(1);
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    x.user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
    if (x.kind == way_kind::tls || !is_plain(x.user, "._-"))
      return refuse(url,
                    x.kind == way_kind::tls ? "a user is of ssh only" : "no user has such a name");
  }
  std::string_view port;
  if (const auto end = rest.find(']'); rest.starts_with('[') && end != std::string_view::npos) {
    x.address = rest.substr(1, end - 1);
    port = rest.substr(end + 1);
  } else {
    const auto colon = rest.find(':');
    x.address = rest.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon);
  }
  if (!is_plain(x.address, rest.starts_with('[') ? ".:%" : "._-"))
    return refuse(url, "no host has such a name");
  if (!port.empty()) {
    const auto* end = port.data() + port.size();
    const auto read = std::from_chars(port.data() + 1, end, x.port);
    if (port.front() != ':' || read.ec != std::errc{} || read.ptr != end || x.port == 0)
      return refuse(url, "no port has such a number");
  }
  if (x.kind == way_kind::tls && x.port == 0)
    return refuse(url, "it has no port");
  return x;
}

std::vector<std::string> way_to(const remote_host& x, const way_programs& programs) {
  if (x.kind == way_kind::tls) {
    std::vector<std::string> line{programs.tls, "connect", "--address",
                                  endpoint_text(x.address, x.port)};
    if (!x.certs.empty())
      line.insert(line.end(), {"--certs", x.certs});
    if (!x.server_name.empty())
      line.insert(line.end(), {"--name", x.server_name});
    return line;
  }
  // A question would go to nobody: the program has no terminal, so that Ctrl-C does not end it.
  std::vector<std::string> line{programs.ssh, "-T",
                                "-o",         "BatchMode=yes",
                                "-o",         "ConnectTimeout=10",
                                "-o",         "ServerAliveInterval=5",
                                "-o",         "ServerAliveCountMax=3",
                                "-o",         "ClearAllForwardings=yes"};
  if (x.port != 0)
    line.insert(line.end(), {"-p", std::to_string(x.port)});
  if (!x.user.empty())
    line.insert(line.end(), {"-l", x.user});
  // "~/" is for the shell there.
  const auto program = x.program.starts_with("~/") ? "~/" + shell_quote(x.program.substr(2))
                                                   : shell_quote(x.program);
  line.insert(line.end(), {"--", x.address, program + " daemon connect"});
  return line;
}

std::pair<std::string, std::string> split_host(std::string_view ref) {
  const auto slash = ref.find('/');
  if (slash == std::string_view::npos)
    return {{}, std::string{ref}};
  return {std::string{ref.substr(0, slash)}, std::string{ref.substr(slash + 1)}};
}

} // namespace banger::core
