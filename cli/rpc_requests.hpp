// Those methods of banger rpc that are one request to the daemon and one answer.
#pragma once

#include "cli/json_values.hpp"
#include "client/connection.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <string_view>

namespace banger::cli::rpc {

/// How long an answer may take.
enum class patience_kind : std::uint8_t {
  quick,
  operation, ///< it has stages, and can be cancelled
  waiting, ///< for somebody else: the daemon minds the time, and nobody waits when the client goes
};

struct simple_request {
  const char* method;
  /// @returns the request's number
  result<std::uint64_t> (*send)(client::connection& link, const record& params);
  result<record> (*read)(const client::incoming& answer);
  patience_kind patience = patience_kind::quick;
  const char* operation = ""; ///< as the daemon names it in its stages
};

/// Nothing where the method is not one of these.
[[nodiscard]] const simple_request* find_simple(std::string_view method);

/// 0: the daemon's alone.
[[nodiscard]] client::milliseconds limit_of(const simple_request& what);

} // namespace banger::cli::rpc
