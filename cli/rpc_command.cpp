// banger rpc, and what it shares with banger mcp: the way to the daemon.
#include "cli/commands.hpp"
#include "cli/rpc_server.hpp"
#include "cli/session.hpp"
#include "client/launch.hpp"

namespace banger::cli {

int run_rpc(const host::paths& where, const options& how) {
  if (how.shows_schema) {
    print(rpc::schema_document().dump(2) + "\n");
    return core::exit_ok;
  }
  rpc::loop runs{[&where] { return client::connect_or_start(where, {}); }};
  rpc::server answers{runs};
  return runs.run(answers);
}

} // namespace banger::cli
