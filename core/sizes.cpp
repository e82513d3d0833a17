#include "core/sizes.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace banger::core {

namespace {

constexpr std::uint64_t mib_per_gib = 1024, mib_per_tib = 1024 * mib_per_gib;
constexpr std::uint64_t max_mib = 16 * mib_per_tib; // the largest ext4 with 4 KiB blocks

struct range {
  std::uint64_t least, most;
};
constexpr range vcpus{1, 64};
constexpr range memory{96, mib_per_tib}; // a kernel with less does not come up
constexpr range disk{64, max_mib};

/// MiB per unit; 0 for an unknown suffix.
std::uint64_t unit_of(std::string suffix) {
  std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (suffix.empty() || suffix == "m" || suffix == "mb" || suffix == "mib")
    return 1;
  if (suffix == "g" || suffix == "gb" || suffix == "gib")
    return mib_per_gib;
  if (suffix == "t" || suffix == "tb" || suffix == "tib")
    return mib_per_tib;
  return 0;
}

result<void> check_range(std::string_view what, std::uint64_t value, range allowed, bool is_size) {
  if (value >= allowed.least && value <= allowed.most)
    return {};
  auto text = [&](std::uint64_t x) { return is_size ? format_mib(x) : std::to_string(x); };
  return fail(ec::bad_request, std::string{what} + " " + text(value) + " is not possible",
              "it must be from " + text(allowed.least) + " to " + text(allowed.most));
}

} // namespace

result<std::uint32_t> parse_size_mib(std::string_view text, std::string_view what) {
  auto wrong = [&](std::string why) {
    return fail(ec::bad_request, std::string{what} + " '" + std::string{text} + "' is not a size",
                std::move(why), "write it like 512M, 2G or 4GiB");
  };
  if (text.starts_with('-'))
    return wrong("it is negative");
  std::uint64_t number = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec == std::errc::result_out_of_range)
    return wrong("it is too large");
  if (parsed.ec != std::errc{})
    return wrong("it does not start with a number");
  if (parsed.ptr != text.data() + text.size() && (*parsed.ptr == '.' || *parsed.ptr == ','))
    return wrong("it is not a whole number");
  auto unit = unit_of(std::string{parsed.ptr, text.data() + text.size()});
  if (unit == 0)
    return wrong("its unit is not M, G or T");
  if (number == 0)
    return wrong("it is zero");
  if (number > max_mib / unit)
    return wrong("it is too large; " + format_mib(max_mib) + " is the most");
  return static_cast<std::uint32_t>(number * unit);
}

std::string format_mib(std::uint64_t mib) {
  struct scale {
    std::uint64_t mib;
    const char* name;
  };
  for (auto [size, name] : {scale{mib_per_tib, " TiB"}, scale{mib_per_gib, " GiB"}}) {
    if (mib < size)
      continue;
    auto tenths = mib * 10 / size;
    auto text = std::to_string(tenths / 10);
    if (tenths % 10 != 0)
      text += "." + std::to_string(tenths % 10);
    return text + name;
  }
  return std::to_string(mib) + " MiB";
}

result<void> check_vm_sizes(std::uint32_t vcpu_count, std::uint32_t memory_mib,
                            std::uint32_t disk_mib) {
  if (auto ok = check_range("--vcpu", vcpu_count, vcpus, false); !ok)
    return ok;
  if (auto ok = check_range("--memory", memory_mib, memory, true); !ok)
    return ok;
  return check_range("--disk", disk_mib, disk, true);
}

} // namespace banger::core
