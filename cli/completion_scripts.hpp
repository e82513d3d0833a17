// What shells are told to complete our command lines with.
#pragma once

#include <string_view>

namespace banger::cli {

/// Each runs "banger __complete -- WORD..." and takes what it prints: "TEXT<tab>ABOUT" a line, or
/// ":files" where file names fit.
extern const std::string_view bash_completion, zsh_completion, fish_completion;

} // namespace banger::cli
