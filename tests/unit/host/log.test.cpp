#include "host/log.hpp"

#include "host/files.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <spdlog/spdlog.h>

namespace host = banger::host;
using banger::ec;
using banger::test::temporary_folder;

namespace {

constexpr std::size_t plenty = 16U << 20;

/// spdlog keeps loggers by name for the whole process.
struct log_guard {
  ~log_guard() { spdlog::drop("banger"); }
};

} // namespace

TEST_CASE("log: lines at the level and above are in the file at once") {
  temporary_folder folder;
  log_guard guard;
  REQUIRE(host::open_log(folder / "log", "info"));
  host::log_debug("too small");
  host::log_info("vm {} ready"); // no format string
  host::log_error("broken");
  auto text = host::read_file(folder / "log", plenty);
  REQUIRE(text);
  CHECK(text->find("too small") == std::string::npos);
  CHECK(text->find(" info vm {} ready\n") != std::string::npos);
  CHECK(text->find(" error broken\n") != std::string::npos);
}

TEST_CASE("log: a word that is no level is refused instead of switching the log off") {
  temporary_folder folder;
  log_guard guard;
  auto ok = host::open_log(folder / "log", "verbose");
  REQUIRE(!ok);
  CHECK(ok.error().code == ec::bad_request);
  CHECK(ok.error().hint.find("debug") != std::string::npos);
  CHECK(host::open_log(folder / "log", "off"));
}

TEST_CASE("log: logging before the log is open does nothing") {
  host::log_error("nobody hears this");
}

TEST_CASE("log: a log that cannot be opened is a failure") {
  CHECK_FALSE(host::open_log("/proc/none/log", "info"));
}

TEST_CASE("log: it never takes more than two files of 4 MiB") {
  temporary_folder folder;
  log_guard guard;
  REQUIRE(host::open_log(folder / "log", "info"));
  const std::string line(64U << 10, 'x');
  for (int i = 0; i < 160; ++i) // 10 MiB
    host::log_info(line);
  std::size_t bytes = 0, files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder.path()}) {
    bytes += entry.file_size();
    ++files;
  }
  CHECK(files == 2);
  CHECK(bytes <= 8U << 20);
}

TEST_CASE("log: every level of the manual is one, no other word is") {
  for (const char* level : {"trace", "debug", "info", "warn", "error", "off"}) {
    temporary_folder folder;
    log_guard guard;
    CHECK_MESSAGE(host::open_log(folder / "log", level), level);
  }
  for (const char* level : {"", "loud", "INFO", "7"})
    CHECK_MESSAGE(!host::open_log("/nowhere/log", level), level);
}
