// "vm stats", "vm set" and "events" on the command line. A part of parse.cpp.
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

/// Adds the commands to group `vm`, and `--owner-token` to those that are there; what is read goes
/// to `out` and `sizes`. All it is given outlives it.
void add_resources(CLI::App& vm, options& out, const size_texts& sizes);

/// Gives "vm list" its options.
void add_vm_list(CLI::App* to, options& out);

/// Adds "owner renew". @param ttl  a text, in seconds, to be checked later
void add_owner(CLI::App& app, options& out, std::string& ttl);

/// Adds "events".
void add_events(CLI::App& app, options& out);

} // namespace banger::cli
