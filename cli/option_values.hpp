// Values of options, out of their texts. Pure.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::cli {

/// A whole number from 1 to `most`. @param what  the option, for the error. Errors: bad_request.
[[nodiscard]] result<std::uint32_t> parse_number(const std::string& text, const std::string& what,
                                                 std::uint32_t most);

/// A time like "30", "30s", "5m" or "1h", at most a day, as milliseconds; an empty text leaves
/// `out_ms` as it is. Errors: bad_request.
[[nodiscard]] result<void> take_seconds(const std::string& text, const std::string& what,
                                        std::uint32_t& out_ms);

/// A time like "90s", "10m", "12h" or "7d", at most ten years, as milliseconds; an empty text
/// leaves `out_ms` as it is. Errors: bad_request.
[[nodiscard]] result<void> take_age(const std::string& text, const std::string& what,
                                    std::int64_t& out_ms);

/// A size like "512M" or "2G" as MiB; an empty text leaves `out` as it is. Errors: bad_request.
[[nodiscard]] result<void> take_size(const std::string& text, const std::string& what,
                                     std::uint32_t& out);

/// Whether a line that may not be understood asks for JSON.
[[nodiscard]] bool wants_json(const std::vector<std::string>& line);

/// Keeps the first of each: "vm stop box box" is to stop it once.
void drop_repeated(std::vector<std::string>& words);

} // namespace banger::cli
