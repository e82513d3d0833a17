#include "cli/commands.hpp"
#include "cli/mcp_server.hpp"
#include "client/launch.hpp"
#include "host/process.hpp"

#include <cstdlib>

namespace banger::cli {

int run_mcp(const host::paths& where) {
  if (!where.host.empty())
    ::setenv("BANGER_HOST", where.host.c_str(), 1); // for the commands that it runs
  rpc::loop runs{[&where] { return client::connect_or_start(where, {}); }};
  mcp::server answers{runs, host::own_program()};
  return runs.run(answers);
}

} // namespace banger::cli
