// Sizes as users write them, and what a VM may have.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core {

/// "512M", "2G", "4GiB", "1T", or a plain number of MiB. Errors: bad_request for zero, negative,
/// huge and junk, naming `what` ("--memory").
[[nodiscard]] result<std::uint32_t> parse_size_mib(std::string_view text, std::string_view what);

/// "512 MiB", "2 GiB", "1.5 GiB".
[[nodiscard]] std::string format_mib(std::uint64_t mib);

/// Errors: bad_request, naming the value and its range.
[[nodiscard]] result<void> check_vm_sizes(std::uint32_t vcpu_count, std::uint32_t memory_mib,
                                          std::uint32_t disk_mib);

} // namespace banger::core
