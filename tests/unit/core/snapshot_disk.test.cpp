#include "core/snapshot_disk.hpp"

#include <doctest/doctest.h>

using namespace banger::core;

TEST_CASE("snapshot disk: a name is its user's and its VM's") {
  CHECK(snapshot_name(1000, "0123456789ab") == "bgr-1000-0123456789ab");
  CHECK(is_snapshot_of("bgr-1000-0123456789ab", 1000));
  for (const char* name : {"bgr-1000-0123456789ab", "bgr-10-0123456789AB", "bgr-10-0123456789a",
                           "bgr-10-0123456789abc", "bgr-10-", "root", ""})
    CHECK_MESSAGE(!is_snapshot_of(name, 10), name);
}

TEST_CASE("snapshot disk: its file holds every chunk, a table for each 256 of them, and a header") {
  constexpr std::uint64_t chunk = 4096;
  CHECK(snapshot_file_bytes(chunk) == (1 + 1 + 1 + 1) * chunk);
  CHECK(snapshot_file_bytes(256 * chunk) == (1 + 256 + 1 + 1) * chunk);
  CHECK(snapshot_file_bytes(256 * chunk + 1) == (1 + 257 + 2 + 1) * chunk);
  CHECK(snapshot_file_bytes(8ULL << 30) % 512 == 0);
}

TEST_CASE("snapshot disk: the target's arguments are those of the kernel's documentation") {
  CHECK(snapshot_arguments("/dev/loop0", "/dev/loop1") == "/dev/loop0 /dev/loop1 P 8");
}

TEST_CASE("snapshot disk: its state is read as the target tells it") {
  CHECK(parse_snapshot_state("24/16384 16") == snapshot_state{false, 24, 16384});
  CHECK(parse_snapshot_state("24/16384") == snapshot_state{false, 24, 16384});
  CHECK(parse_snapshot_state("Invalid") == snapshot_state{true, 0, 0});
  CHECK(parse_snapshot_state("Overflow") == snapshot_state{true, 0, 0});
  for (const char* text : {"", "/", "1", "1/", "/1", "1/0 0", "x/2", "1/2x", "-1/2", "Unknown",
                           "99999999999999999999/1"})
    CHECK_MESSAGE(!parse_snapshot_state(text), text);
}

TEST_CASE("snapshot disk: a user hears of it from nine tenths on, and when it is lost") {
  CHECK(snapshot_warning({false, 0, 1000}).empty());
  CHECK(snapshot_warning({false, 899, 1000}).empty());
  CHECK(snapshot_warning({false, 900, 1000}).find("over 90 % full") != std::string::npos);
  CHECK(snapshot_warning({false, 979, 1000}) == snapshot_warning({false, 900, 1000}));
  CHECK(snapshot_warning({false, UINT64_MAX, UINT64_MAX}).find("over 98 %") != std::string::npos);
  CHECK(snapshot_warning({true, 0, 0}).find("lost") != std::string::npos);
}
