#include "host/console_log.hpp"

#include "host/files.hpp"
#include "host/unique_fd.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace host = banger::host;
using banger::ec;
using banger::test::temporary_folder;

namespace {

constexpr std::size_t plenty = 64U << 20;

/// Writes like QEMU's file chardev with append=on.
class appender {
public:
  explicit appender(const std::string& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
  [[nodiscard]] bool try_write(const std::string& text) const {
    return ::write(fd_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }
  void write(const std::string& text) const { REQUIRE(try_write(text)); }

private:
  host::unique_fd fd_;
};

std::string content(const std::string& path) {
  return host::read_file(path, plenty).value_or("no file");
}

} // namespace

TEST_CASE("console_log: a log within its limit is left alone") {
  temporary_folder folder;
  appender{folder / "log"}.write("12345678");
  CHECK(host::cap_log(folder / "log", 8) == false);
  CHECK(content(folder / "log") == "12345678");
  CHECK_FALSE(host::exists(folder / "log.1"));
  CHECK(host::cap_log(folder / "none", 8) == false);
}

TEST_CASE("console_log: of a longer log the newest part is kept beside it") {
  temporary_folder folder;
  appender{folder / "log"}.write("123456789");
  REQUIRE(host::write_file(folder / "log.1", "from last time", 0600));
  CHECK(host::cap_log(folder / "log", 4) == true);
  CHECK(content(folder / "log").empty());
  CHECK(content(folder / "log.1") == "6789");
  CHECK_FALSE(host::exists(folder / "log.1.tmp"));
}

TEST_CASE("console_log: the writer goes on at the start, without a hole") {
  temporary_folder folder;
  appender writer{folder / "log"};
  writer.write(std::string(300'000, 'a'));
  REQUIRE(host::cap_log(folder / "log", 200'000) == true);
  writer.write("next");
  CHECK(content(folder / "log") == "next");
  CHECK(content(folder / "log.1") == std::string(200'000, 'a'));
}

TEST_CASE("console_log: beside a writer that never rests both files stay within bounds") {
  temporary_folder folder;
  constexpr std::uint64_t limit = 64U << 10;
  appender writer{folder / "log"};
  std::atomic<bool> is_done{false};
  std::thread guest{[&] {
    const std::string line(1023, 'x');
    while (!is_done && writer.try_write(line + "\n")) {
    }
  }};
  int capped = 0;
  bool has_failed = false;
  std::size_t longest = 0;
  while (capped < 20 && !has_failed) {
    auto did = host::cap_log(folder / "log", limit);
    has_failed = !did;
    capped += did.value_or(false) ? 1 : 0;
    if (host::exists(folder / "log.1"))
      longest = std::max(longest, std::filesystem::file_size(folder / "log.1"));
  }
  is_done = true;
  guest.join();
  CHECK_FALSE(has_failed);
  CHECK(longest >= limit);
  CHECK(longest <= 2 * limit);
}

TEST_CASE("console_log: links, pipes and folders are refused and left alone") {
  temporary_folder folder;
  REQUIRE(host::write_file(folder / "victim", "123456789", 0600));
  REQUIRE(::symlink("victim", (folder / "link").c_str()) == 0);
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(host::cap_log(folder / "link", 4).error().code == ec::unsafe_path);
  CHECK(host::cap_log(folder / "pipe", 4).error().code == ec::unsafe_path);
  CHECK_FALSE(host::cap_log(folder.path(), 4));
  CHECK(content(folder / "victim") == "123456789");
}

TEST_CASE("console_log: a log whose older part cannot be replaced keeps its text") {
  temporary_folder folder;
  appender{folder / "log"}.write("123456789");
  REQUIRE(host::make_private_directory(folder / "log.1"));
  CHECK_FALSE(host::cap_log(folder / "log", 4));
  CHECK(content(folder / "log") == "123456789");
  CHECK_FALSE(host::exists(folder / "log.1.tmp"));
}
