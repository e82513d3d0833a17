#include "core/qmp.hpp"

#include <nlohmann/json.hpp>

namespace banger::core {

namespace {

std::string text_of(const nlohmann::json& json, const char* key) {
  auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

qmp_event event_from(const nlohmann::json& json) {
  qmp_event event;
  event.name = text_of(json, "event");
  auto data = json.find("data");
  if (data == json.end() || !data->is_object())
    return event;
  event.reason = text_of(*data, "reason");
  auto guest = data->find("guest");
  event.by_guest = guest != data->end() && guest->is_boolean() && guest->get<bool>();
  return event;
}

} // namespace

qmp_message parse_qmp(std::string_view line) {
  auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object())
    return qmp_unknown{};
  if (json.contains("QMP"))
    return qmp_greeting{};
  if (json.contains("event"))
    return event_from(json);
  if (json.contains("return"))
    return qmp_reply{text_of(json, "id")};
  if (auto error = json.find("error"); error != json.end() && error->is_object())
    return qmp_error{text_of(json, "id"), text_of(*error, "desc")};
  return qmp_unknown{};
}

std::string qmp_command(std::string_view name) {
  return nlohmann::json{{"execute", name}, {"id", name}}.dump() + "\n";
}

} // namespace banger::core
