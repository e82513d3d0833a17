// Parameters as values of the protocol, and answers as records. What comes in has been checked
// against its shape. Pure.
#pragma once

#include "cli/json_values.hpp"
#include "protocol/attach.hpp"
#include "protocol/errors.hpp"
#include "protocol/requests.hpp"
#include "protocol/resources.hpp"
#include "protocol/result.hpp"
#include "protocol/sessions.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::cli::rpc {

[[nodiscard]] std::string text_in(const record& params, const char* name,
                                  const char* otherwise = "");
[[nodiscard]] bool flag_in(const record& params, const char* name, bool otherwise = false);
[[nodiscard]] std::vector<std::string> texts_in(const record& params, const char* name);
/// A record of texts as "NAME=value".
[[nodiscard]] std::vector<std::string> pairs_in(const record& params, const char* name);

template <class T>
[[nodiscard]] T number_in(const record& params, const char* name, T otherwise = 0) {
  const auto found = params.find(name);
  return found == params.end() || found->is_null() ? otherwise : found->template get<T>();
}

/// The bytes of a field as the field of its encoding says. Errors: bad_request.
[[nodiscard]] result<std::string> bytes_in(const record& params, const char* name,
                                           const char* encoding = "encoding");
/// "TERM", "SIGTERM", "15" or 15. Errors: bad_request.
[[nodiscard]] result<std::int32_t> signal_in(const record& params, const char* otherwise);

[[nodiscard]] vm_config vm_config_in(const record& params);
[[nodiscard]] set_vm set_vm_in(const record& params);
/// Errors: bad_request.
[[nodiscard]] result<session_config> session_config_in(const record& params);
[[nodiscard]] attach_session attach_in(const record& params);
[[nodiscard]] window_size window_in(const record& params);

[[nodiscard]] record record_of(const stage_entered& x, const record& request);
[[nodiscard]] subscribe_events events_in(const record& params);
[[nodiscard]] record record_of(const event_happened& x);
[[nodiscard]] record record_of(const session_info& x);

} // namespace banger::cli::rpc
