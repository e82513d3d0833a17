// "vm cp" on the command line. A part of parse.cpp.
#pragma once

#include "cli/options.hpp"
#include "protocol/result.hpp"

namespace CLI {
class App;
}

namespace banger::cli {

/// Adds the command to `vm`; what is read goes to `out`. @param vm, out  outlive the parsing
void add_copy(CLI::App& vm, options& out);

/// Turns its words into a plan, once the line has been read. What follows "--" are paths as the
/// others are, also where they begin with '-'. Errors: bad_request.
[[nodiscard]] result<void> check_copy(options& out);

} // namespace banger::cli
