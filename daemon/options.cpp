#include "daemon/options.hpp"

#include "protocol/version.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace banger::daemon {

bool parse_options(int argc, char** argv, options& x, int& status) {
  constexpr int usage = 2;
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
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& why) {
    status = app.exit(why) == 0 ? 0 : usage;
    return false;
  }
}

} // namespace banger::daemon
