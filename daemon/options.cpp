#include "daemon/options.hpp"

#include "protocol/version.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace banger::daemon {

namespace {

constexpr int usage = 2;

bool take_listen(const std::string& text, options& x, int& status) {
  status = usage;
  if (!x.certs.empty())
    x.certs = std::filesystem::absolute(x.certs).string(); // --detach leaves the folder we are in
  if (text.empty())
    return true;
  auto where = core::parse_listen_endpoint(text);
  if (where)
    x.listen = *where;
  else
    std::fprintf(stderr, "bangerd: %s\nhint: %s\n", to_string(where.error()).c_str(),
                 where.error().hint.c_str());
  return where.has_value();
}

} // namespace

bool parse_options(int argc, char** argv, options& x, int& status) {
  CLI::App app{"bangerd runs banger's virtual machines. The banger command starts it by itself."};
  app.set_version_flag("--version", "bangerd " + std::string{program_version});
  app.add_flag("--detach", x.is_detached,
               "go into the background; exits with 0 once clients can connect");
  app.add_flag("--check-migrations", x.checks_migrations,
               "say what a start would do to the database, change nothing, and exit");
  if (const char* level = std::getenv("BANGER_LOG"); level != nullptr)
    x.log_level = level;
  app.add_option("--log-level", x.log_level,
                 "trace, debug, info, warn, error or off; also BANGER_LOG")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}));
  std::string listen;
  app.add_option("--listen", listen,
                 "serve other machines over TLS at ADDRESS:PORT, by banger-tls (off)");
  app.add_option("--certs", x.certs,
                 "folder of the certificates for that (~/.config/banger/tls); see banger cert");
  try {
    app.parse(argc, argv);
    return take_listen(listen, x, status);
  } catch (const CLI::ParseError& why) {
    status = app.exit(why) == 0 ? 0 : usage;
    return false;
  }
}

} // namespace banger::daemon
