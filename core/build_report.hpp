// The lines banger-image writes while it builds, one JSON object each. Pure.
#pragma once

#include "protocol/errors.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace banger::core {

struct build_stage {
  std::string stage;
  std::string detail;
};

struct build_done {};

/// A line that is none of these.
struct build_noise {};

using build_report = std::variant<build_stage, build_done, failure, build_noise>;

/// Never throws, whatever the line.
[[nodiscard]] build_report parse_build_report(std::string_view line);

} // namespace banger::core
