// Names of VMs: host names, so RFC 1123 labels.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core {

/// 1 to 63 of a-z, 0-9 and '-', neither first nor last a '-'. Errors: bad_request, saying which
/// rule is broken.
[[nodiscard]] result<void> check_vm_name(std::string_view name);

/// Same for an image's name: '.' and '_' are allowed inside as well.
[[nodiscard]] result<void> check_image_name(std::string_view name);

/// Two words and a number, e.g. "calm-otter-42", chosen by `entropy`.
[[nodiscard]] std::string random_vm_name(std::uint64_t entropy);

} // namespace banger::core
