#include "cli/rpc_message.hpp"

#include "core/base64.hpp"
#include "core/exit_code.hpp"

#include <cstddef>
#include <cstdint>

namespace banger::cli::rpc {

namespace {

constexpr int deepest = 32;

/// JSON that is nested a million times would cost more memory than its line by far.
bool is_too_deep(std::string_view line) {
  int depth = 0;
  bool is_in_text = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto c = line[i];
    if (is_in_text && c == '\\')
      ++i;
    else if (c == '"')
      is_in_text = !is_in_text;
    else if (!is_in_text && (c == '[' || c == '{'))
      ++depth;
    else if (!is_in_text && (c == ']' || c == '}'))
      --depth;
    if (depth > deepest)
      return true;
  }
  return false;
}

tl::unexpected<refusal> refuse(const record& id, int code, std::string why) {
  return tl::make_unexpected(refusal{id, code, std::move(why)});
}

/// The id where it is one that can be sent back.
record id_in(const record& message) {
  const auto found = message.find("id");
  return found != message.end() && (found->is_string() || found->is_number()) ? *found
                                                                              : record(nullptr);
}

std::string strange_member(const record& message) {
  for (const auto& item : message.items())
    if (item.key() != "jsonrpc" && item.key() != "id" && item.key() != "method" &&
        item.key() != "params")
      return item.key();
  return {};
}

} // namespace

tl::expected<call, refusal> parse_call(std::string_view line, bool is_strict) {
  if (!is_utf8(line))
    return refuse(nullptr, parse_error, "the line is not UTF-8");
  if (is_too_deep(line))
    return refuse(nullptr, parse_error, "the line is nested too deep");
  auto message = record::parse(line, nullptr, false);
  if (message.is_discarded())
    return refuse(nullptr, parse_error, "the line is not JSON: one message a line");
  if (message.is_array())
    return refuse(nullptr, invalid_request, "there are no batches: one message a line");
  if (!message.is_object())
    return refuse(nullptr, invalid_request, "a message is an object");
  const auto id = id_in(message);
  if (message.contains("id") && id.is_null())
    return refuse(nullptr, invalid_request, "'id' is a text or a number");
  if (message.value("jsonrpc", record()) != "2.0")
    return refuse(id, invalid_request, "'jsonrpc' must be \"2.0\"");
  const auto method = message.find("method");
  if (method == message.end() || !method->is_string())
    return refuse(id, invalid_request, "'method' is missing, or no text");
  if (auto strange = strange_member(message); is_strict && !strange.empty())
    return refuse(id, invalid_request, "a message has no '" + strange.substr(0, 64) + "'");
  call x{id, message.contains("id"), method->get<std::string>(), record::object()};
  if (auto params = message.find("params"); params != message.end()) {
    if (!params->is_object())
      return refuse(id, bad_params, "'params' is an object: parameters go by name");
    x.params = std::move(*params);
  }
  return x;
}

record result_message(const record& id, record result) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

record error_message(const record& id, int code, const std::string& why, record data) {
  record error{{"code", code}, {"message", why}};
  if (!data.is_null())
    error["data"] = std::move(data);
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(error)}};
}

record failure_message(const record& id, const failure& why) {
  return error_message(id, request_failed, to_string(why), failure_record(why));
}

record notification(const std::string& method, record params) {
  return {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
}

record failure_record(const failure& why) {
  return {{"code", to_string(why.code)},
          {"doing", text(why.what)},
          {"why", text(why.why)},
          {"hint", text(why.hint)},
          {"exit_code", core::exit_code(why.code)}};
}

/// Source: Unicode 15, table 3-7, well-formed byte sequences.
bool is_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto first = static_cast<std::uint8_t>(bytes[i]);
    const std::size_t more = first < 0x80   ? 0
                             : first < 0xC2 ? 4
                             : first < 0xE0 ? 1
                             : first < 0xF0 ? 2
                             : first < 0xF5 ? 3
                                            : 4;
    if (more > 3 || bytes.size() - i <= more)
      return false;
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<std::uint8_t>(bytes[i + k]);
      const auto least = k > 1 ? 0x80 : first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
      const auto most = k > 1 ? 0xBF : first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
      if (next < least || next > most)
        return false;
    }
    i += more + 1;
  }
  return true;
}

record bytes_record(std::string_view bytes, bool is_base64_wanted) {
  if (is_base64_wanted || !is_utf8(bytes))
    return {{"data", core::base64_encode(bytes)}, {"encoding", "base64"}};
  return {{"data", bytes}, {"encoding", "utf-8"}};
}

} // namespace banger::cli::rpc
