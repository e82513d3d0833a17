// The options that say what a new VM is to be. Private to the parser.
#pragma once

#include "protocol/values.hpp"

#include <string>

namespace CLI {
class App;
}

namespace banger::cli {

/// @param vcpu, memory, disk  their texts, for the parser to read; as `config`, they have to stay
/// where they are.
void add_vm_config(CLI::App* to, vm_config& config, std::string& vcpu, std::string& memory,
                   std::string& disk);

} // namespace banger::cli
