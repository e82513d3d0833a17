// What may stand in a certificate of ours. Pure.
#pragma once

#include "protocol/result.hpp"

#include <string>
#include <string_view>

namespace banger::core {

/// Of a certificate, and of the folder it is in: as a VM's. Errors: bad_request.
[[nodiscard]] result<void> check_cert_name(std::string_view name);

/// What a host is reached by: a DNS name (RFC 1123, no wildcard) or a numeric address. Errors:
/// bad_request, saying what is wrong.
[[nodiscard]] result<void> check_cert_host(std::string_view host);

} // namespace banger::core
