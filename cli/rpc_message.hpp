// JSON-RPC 2.0, a message a line: what a line asks for, and the lines that answer. Pure.
// Source: https://www.jsonrpc.org/specification
#pragma once

#include "cli/json_values.hpp"
#include "protocol/errors.hpp"

#include <tl/expected.hpp>

#include <string>
#include <string_view>

namespace banger::cli::rpc {

inline constexpr int parse_error = -32700;
inline constexpr int invalid_request = -32600;
inline constexpr int unknown_method = -32601;
inline constexpr int bad_params = -32602;
inline constexpr int request_failed = -32000; ///< any failure of ours; its data says which

struct call {
  record id; ///< null where it is a notification
  bool wants_answer = false;
  std::string method;
  record params = record::object();
};

/// What is wrong with a line, and whose answer says so.
struct refusal {
  record id; ///< null where it is not known
  int code = invalid_request;
  std::string why;
};

/// Takes a line apart. What is nested deeper than any message of ours, or is not UTF-8, is refused
/// before anything is made of it. @param is_strict  refuse members that JSON-RPC does not have
[[nodiscard]] tl::expected<call, refusal> parse_call(std::string_view line, bool is_strict);

[[nodiscard]] record result_message(const record& id, record result);
[[nodiscard]] record error_message(const record& id, int code, const std::string& why,
                                   record data = nullptr);
/// One of request_failed.
[[nodiscard]] record failure_message(const record& id, const failure& why);
[[nodiscard]] record notification(const std::string& method, record params);

/// {"code", "doing", "why", "hint", "exit_code"}
[[nodiscard]] record failure_record(const failure& why);

[[nodiscard]] bool is_utf8(std::string_view bytes);

/// {"data", "encoding"}: as text where it is UTF-8 and base64 is not asked for.
[[nodiscard]] record bytes_record(std::string_view bytes, bool is_base64_wanted);

} // namespace banger::cli::rpc
