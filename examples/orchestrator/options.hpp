// The command line of the orchestrator.
#pragma once

#include "plan.hpp"

#include <string>

namespace orchestrator {

struct options {
  settings wanted;
  std::string state, image = "debian", name = "fleet";
  bool is_once = false, is_help = false;
  std::string error; ///< what is wrong with it, and what would be right; empty: nothing
};

[[nodiscard]] options parse(const std::vector<std::string>& words);

extern const char* const help_text;

} // namespace orchestrator
