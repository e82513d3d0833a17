// "vm stats" and "vm set" on the command line. A part of parse.cpp.
#pragma once

#include "cli/options.hpp"

#include <string>

namespace CLI {
class App;
}

namespace banger::cli {

/// Texts of options, to be checked by who gave them once the line has been read.
struct size_texts {
  std::string& vcpu;
  std::string& memory;
  std::string& disk;
};

/// Adds the commands to group `vm`; what is read goes to `out` and `sizes`. All it is given
/// outlives it.
void add_resources(CLI::App& vm, options& out, const size_texts& sizes);

} // namespace banger::cli
