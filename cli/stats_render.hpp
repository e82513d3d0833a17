// What VMs take, for people and for programs.
#pragma once

#include "protocol/resources.hpp"

#include <string>
#include <vector>

namespace banger::cli {

/// A table with a line for each; "-" for what is not known, or what a VM that does not run has not.
[[nodiscard]] std::string stats_table(const std::vector<vm_stats>& all);

/// {"stats": [...]}, in one line where more follow.
[[nodiscard]] std::string stats_json(const std::vector<vm_stats>& all, bool in_one_line);

/// Lets `now` count from `before` and not from the look of anybody else, where it was in the same
/// run of the same VM.
void count_from(const std::vector<vm_stats>& before, std::vector<vm_stats>& now);

} // namespace banger::cli
