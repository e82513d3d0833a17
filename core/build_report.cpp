#include "core/build_report.hpp"

#include "core/error_name.hpp"

#include <nlohmann/json.hpp>

namespace banger::core {

namespace {

std::string text_of(const nlohmann::json& json, const char* key) {
  auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

} // namespace

build_report parse_build_report(std::string_view line) {
  auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object())
    return build_noise{};
  if (json.contains("done"))
    return build_done{};
  if (auto error = json.find("error"); error != json.end() && error->is_object())
    return failure{error_code(text_of(*error, "code")), text_of(*error, "what"),
                   text_of(*error, "why"), text_of(*error, "hint")};
  if (json.contains("stage"))
    return build_stage{text_of(json, "stage"), text_of(json, "detail")};
  return build_noise{};
}

} // namespace banger::core
