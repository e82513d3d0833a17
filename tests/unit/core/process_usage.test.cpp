#include "core/process_usage.hpp"
#include "core/net_counters.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

using namespace banger::core;

namespace {

/// Of a process whose name makes the line hard to read.
const std::string stat_line =
    "4242 (banger-net) ) S 1 4242 4242 0 -1 4194560 5000 0 12 0 350 50 7 3 20 0 4 0 987654 "
    "1048576000 2560 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0\n";

} // namespace

TEST_CASE("process usage: a line of /proc/PID/stat is read, whatever the program's name") {
  const auto x = parse_process_stat(stat_line);
  REQUIRE(x);
  CHECK(*x == process_stat{400, 987654, 2560});
}

TEST_CASE("process usage: a line that is cut short, or is another, is nothing") {
  const auto needed = stat_line.find(" 18446744073709551615");
  for (std::size_t size = 0; size < needed - 4; ++size)
    CHECK_FALSE(parse_process_stat(std::string_view{stat_line}.substr(0, size)));
  CHECK_FALSE(parse_process_stat("1 (x) S 1 1 1 0 -1 0 0 0 0 0 many 0 0 0 20 0 1 0 1 1 1"));
  CHECK_FALSE(parse_process_stat(""));
}

TEST_CASE("process usage: the proportional share is found among its kinds") {
  CHECK(parse_proportional_bytes(
            "5584f7d8d000-7ffd [rollup]\nRss:   9000 kB\nPss:            1234 kB\n"
            "Pss_Anon:        77 kB\n") == 1234U << 10);
  CHECK(parse_proportional_bytes("Pss_Anon: 77 kB\n") == 0);
  CHECK(parse_proportional_bytes("a\nPss:") == 0);
  CHECK(parse_proportional_bytes("") == 0);
}

TEST_CASE("process usage: the size of a qcow2 disk is in its header") {
  std::string header{"QFI\xfb\0\0\0\3", 8};
  header.resize(24);
  header += std::string{"\0\0\0\2\x80\0\0\0", 8};
  CHECK(qcow2_virtual_bytes(header) == 10ULL << 30);
  CHECK(qcow2_virtual_bytes(header.substr(0, 31)) == 0);
  header[3] = 'x';
  CHECK(qcow2_virtual_bytes(header) == 0);
  CHECK(qcow2_virtual_bytes("") == 0);
}

TEST_CASE("process usage: percent are of one processor") {
  CHECK(cpu_percent(500, 1000) == doctest::Approx(50));
  CHECK(cpu_percent(2000, 1000) == doctest::Approx(200));
  CHECK(cpu_percent(1, 0) == doctest::Approx(0));
}

TEST_CASE("net counters: they are read as they were written, and nothing else is") {
  const net_counters x{net_counters_magic, 7, 0x1122334455667788};
  std::string bytes(sizeof x, '\0');
  std::memcpy(bytes.data(), &x, sizeof x);
  CHECK(bytes.starts_with("bangent1"));
  const auto found = parse_net_counters(bytes);
  REQUIRE(found);
  CHECK(found->sent_bytes == 7);
  CHECK(found->received_bytes == 0x1122334455667788);
  CHECK_FALSE(parse_net_counters(bytes.substr(1)));
  CHECK_FALSE(parse_net_counters(bytes + "x"));
  CHECK_FALSE(parse_net_counters(std::string(sizeof x, '\0')));
}
