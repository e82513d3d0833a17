#include "cli/parse_rpc.hpp"

#include <CLI/CLI.hpp>

namespace banger::cli {

void add_rpc(CLI::App& app, options& out) {
  auto* rpc = app.add_subcommand("rpc", "serve another program: JSON-RPC on stdin and stdout");
  rpc->footer("JSON-RPC 2.0, one message a line, until stdin ends. For example:\n"
              "  {\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"vm.list\"}\n"
              "What there is:  banger rpc --schema");
  rpc->callback([&out] { out.what = verb::rpc; });
  rpc->add_flag("--schema", out.shows_schema,
                "print what it can be asked and tells, as JSON Schema, and end");
  auto* mcp = app.add_subcommand("mcp", "serve a coding agent: sandboxes as tools, by MCP");
  mcp->footer(
      "The Model Context Protocol on stdin and stdout, until stdin ends; an agent starts it "
      "by itself.\nSandboxes that are not to be kept go with it.");
  mcp->callback([&out] { out.what = verb::mcp; });
}

} // namespace banger::cli
