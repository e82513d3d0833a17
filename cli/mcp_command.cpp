#include "cli/commands.hpp"
#include "cli/mcp_server.hpp"
#include "client/launch.hpp"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <unistd.h>

namespace banger::cli {

namespace {

std::string own_program() {
  char path[PATH_MAX];
  const auto size = ::readlink("/proc/self/exe", path, sizeof path);
  return {path, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

} // namespace

int run_mcp(const host::paths& where) {
  if (!where.host.empty())
    ::setenv("BANGER_HOST", where.host.c_str(), 1); // for the commands that it runs
  rpc::loop runs{[&where] { return client::connect_or_start(where, {}); }};
  mcp::server answers{runs, own_program()};
  return runs.run(answers);
}

} // namespace banger::cli
