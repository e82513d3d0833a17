// "vm stats" and the like on the command line. A part of parse.cpp.
#pragma once

#include "cli/options.hpp"

namespace CLI {
class App;
}

namespace banger::cli {

/// Adds the commands to group `vm`; what is read goes to `out`, which outlives it.
void add_resources(CLI::App& vm, options& out);

} // namespace banger::cli
