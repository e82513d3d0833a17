// Compares a text with a file under tests/data. With BANGER_TEST_ACCEPT=1 the file is written anew,
// and the test fails all the same: an accepting run must never count as a pass.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace banger::test {

/// A file's text; the test ends where it is not there.
inline std::string read_golden(const std::string& name) {
  std::ifstream in{std::filesystem::path{BANGER_TEST_DATA} / name, std::ios::binary};
  REQUIRE_MESSAGE(in, name, ": no such file; BANGER_TEST_ACCEPT=1 makes it");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline void check_golden(const std::string& name, const std::string& found) {
  const auto path = std::filesystem::path{BANGER_TEST_DATA} / name;
  INFO(path.string());
  const char* accept = std::getenv("BANGER_TEST_ACCEPT");
  if (accept != nullptr && std::string{accept} == "1") {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path, std::ios::binary} << found;
    FAIL_CHECK("rewritten");
    return;
  }
  CHECK(found == read_golden(name));
}

} // namespace banger::test
