#include "core/sizes.hpp"

#include <doctest/doctest.h>

#include <array>

namespace core = banger::core;
using banger::ec;

TEST_CASE("sizes: the units mean what they say, in either case") {
  for (const auto* text : {"2048", "2048M", "2048mb", "2048MiB", "2G", "2g", "2GB", "2gib"})
    CHECK_MESSAGE(core::parse_size_mib(text, "--memory") == 2048, text);
  CHECK(core::parse_size_mib("1T", "--disk") == 1024U * 1024U);
  CHECK(core::parse_size_mib("16TiB", "--disk") == 16U * 1024U * 1024U);
}

TEST_CASE("sizes: what is no size is refused for its own reason") {
  struct example {
    const char* text;
    const char* why;
  };
  for (const auto& [text, why] : std::array{
           example{"", "it does not start with a number"},
           example{"much", "it does not start with a number"},
           example{"+2G", "it does not start with a number"},
           example{" 2G", "it does not start with a number"},
           example{"-1", "it is negative"},
           example{"0", "it is zero"},
           example{"0G", "it is zero"},
           example{"1.5G", "it is not a whole number"},
           example{"2 G", "its unit is not M, G or T"},
           example{"512K", "its unit is not M, G or T"},
           example{"2Gx", "its unit is not M, G or T"},
           example{"17T", "it is too large; 16 TiB is the most"},
           example{"18446744073709551615T", "it is too large; 16 TiB is the most"},
           example{"18446744073709551616", "it is too large"},
       }) {
    auto size = core::parse_size_mib(text, "--memory");
    REQUIRE_MESSAGE(!size, text);
    CHECK(size.error().code == ec::bad_request);
    CHECK(size.error().what == "--memory '" + std::string{text} + "' is not a size");
    CHECK(size.error().why == why);
    CHECK_FALSE(size.error().hint.empty());
  }
}

TEST_CASE("sizes: a text that is part of a larger one is read to its own end only") {
  const std::string_view line = "512M,2G";
  CHECK(core::parse_size_mib(line.substr(0, 3), "--memory") == 512);
  CHECK(core::parse_size_mib(line.substr(0, 4), "--memory") == 512);
}

TEST_CASE("sizes: they are written with the largest unit, and at most one decimal") {
  CHECK(core::format_mib(0) == "0 MiB");
  CHECK(core::format_mib(512) == "512 MiB");
  CHECK(core::format_mib(1024) == "1 GiB");
  CHECK(core::format_mib(1536) == "1.5 GiB");
  CHECK(core::format_mib(2047) == "1.9 GiB");
  CHECK(core::format_mib(16U * 1024U * 1024U) == "16 TiB");
}

TEST_CASE("sizes: the ends of each range are allowed, the next value is not") {
  constexpr std::uint32_t mib_per_tib = 1024 * 1024;
  CHECK(core::check_vm_sizes(1, 96, 64));
  CHECK(core::check_vm_sizes(64, mib_per_tib, 16 * mib_per_tib));
  struct example {
    std::uint32_t vcpu, memory, disk;
    const char* what;
  };
  for (const auto& [vcpu, memory, disk, what] : std::array{
           example{0, 96, 64, "--vcpu 0 is not possible"},
           example{65, 96, 64, "--vcpu 65 is not possible"},
           example{1, 95, 64, "--memory 95 MiB is not possible"},
           example{1, mib_per_tib + 1, 64, "--memory 1 TiB is not possible"},
           example{1, 96, 63, "--disk 63 MiB is not possible"},
           example{1, 96, 16 * mib_per_tib + 1, "--disk 16 TiB is not possible"},
       }) {
    auto ok = core::check_vm_sizes(vcpu, memory, disk);
    REQUIRE_MESSAGE(!ok, what);
    CHECK(ok.error().code == ec::bad_request);
    CHECK(ok.error().what == what);
  }
}
