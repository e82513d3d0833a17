// "rpc" and "mcp" on the command line. A part of parse.cpp.
#pragma once

#include "cli/options.hpp"

namespace CLI {
class App;
}

namespace banger::cli {

/// Adds the commands to `app`; what is read goes to `out`. @param app, out  outlive the parsing
void add_rpc(CLI::App& app, options& out);

} // namespace banger::cli
