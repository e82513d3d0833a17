#include "host/files.hpp"

#include "host/unique_fd.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
namespace host = banger::host;
using banger::ec;
using banger::test::temporary_folder;

namespace {

constexpr std::size_t plenty = 1U << 20;

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

std::string content(const std::string& path) {
  auto text = host::read_file(path, plenty);
  REQUIRE(text);
  return *text;
}

std::size_t entries_in(const std::string& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator{folder}, fs::directory_iterator{}));
}

} // namespace

TEST_CASE("files: what is written durably is read back whole, whatever bytes it has") {
  temporary_folder folder;
  std::string text(100'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<char>(i % 251);
  REQUIRE(host::write_file_durably(folder / "a", text, 0600));
  CHECK(content(folder / "a") == text);
}

TEST_CASE("files: a durable write leaves one file of the new mode, whatever a crash left") {
  temporary_folder folder;
  REQUIRE(host::write_file(folder / "a", "old", 0644));
  REQUIRE(host::write_file(folder / "a.tmp", "half of an earlier wri", 0644));
  REQUIRE(host::write_file_durably(folder / "a", "new", 0600));
  CHECK(content(folder / "a") == "new");
  CHECK(mode_of(folder / "a") == 0600);
  CHECK(entries_in(folder.path()) == 1);
}

TEST_CASE("files: a durable write gives its mode in spite of the umask") {
  temporary_folder folder;
  auto old = ::umask(077);
  auto ok = host::write_file_durably(folder / "a", "x", 0644);
  ::umask(old);
  REQUIRE(ok);
  CHECK(mode_of(folder / "a") == 0644);
}

TEST_CASE("files: a durable write that cannot replace its target leaves no temporary file") {
  temporary_folder folder;
  REQUIRE(host::make_private_directory(folder / "a/child"));
  auto ok = host::write_file_durably(folder / "a", "x", 0600);
  REQUIRE(!ok);
  CHECK(ok.error().what.find(folder / "a") != std::string::npos);
  CHECK_FALSE(host::exists(folder / "a.tmp"));
  CHECK(host::exists(folder / "a/child"));
}

TEST_CASE("files: nothing is written through a symbolic link") {
  temporary_folder folder;
  REQUIRE(host::write_file(folder / "victim", "precious", 0600));
  REQUIRE(::symlink("victim", (folder / "a.tmp").c_str()) == 0);
  REQUIRE(::symlink("victim", (folder / "b").c_str()) == 0);
  CHECK_FALSE(host::write_file_durably(folder / "a", "x", 0600));
  CHECK_FALSE(host::write_file(folder / "b", "x", 0600));
  CHECK(content(folder / "victim") == "precious");
}

TEST_CASE("files: a full disk is no_space") {
  if (!host::exists("/dev/full"))
    return;
  temporary_folder folder;
  auto ok = host::write_file("/dev/full", "x", 0600);
  REQUIRE(!ok);
  CHECK(ok.error().code == ec::no_space);
}

TEST_CASE("files: reading stops at the limit and says so") {
  temporary_folder folder;
  REQUIRE(host::write_file(folder / "a", "12345678", 0600));
  CHECK(host::read_file(folder / "a", 8) == "12345678");
  auto text = host::read_file(folder / "a", 7);
  REQUIRE(!text);
  CHECK(text.error().why == "it is longer than 7 bytes");
}

TEST_CASE("files: a missing file is not_found, a folder is a failure") {
  temporary_folder folder;
  CHECK(host::read_file(folder / "a", plenty).error().code == ec::not_found);
  CHECK(host::read_file(folder.path(), plenty).error().code == ec::failed);
}

TEST_CASE("files: files in /proc, which say that they are empty, are read") {
  CHECK(content("/proc/self/status").find("Name:") == 0);
}

TEST_CASE("files: an empty file is empty text") {
  temporary_folder folder;
  REQUIRE(host::write_file(folder / "a", "", 0600));
  CHECK(content(folder / "a").empty());
  CHECK(host::read_tail(folder / "a", 5) == "");
}

TEST_CASE("files: the tail of a file is its last bytes") {
  temporary_folder folder;
  REQUIRE(host::write_file(folder / "a", "12345678", 0600));
  CHECK(host::read_tail(folder / "a", 3) == "678");
  CHECK(host::read_tail(folder / "a", 100) == "12345678");
}

TEST_CASE("files: a private folder and its missing parents are for us alone") {
  temporary_folder folder;
  auto old = ::umask(022);
  auto ok = host::make_private_directory(folder / "a/b/c");
  ::umask(old);
  REQUIRE(ok);
  for (const auto* name : {"a", "a/b", "a/b/c"})
    CHECK(mode_of(folder / name) == 0700);
  CHECK(host::make_private_directory(folder / "a/b/c")); // again: fine
}

TEST_CASE("files: a folder that others may enter is refused with the command that mends it") {
  temporary_folder folder;
  REQUIRE(host::make_private_directory(folder / "a"));
  REQUIRE(::chmod((folder / "a").c_str(), 0750) == 0);
  auto ok = host::make_private_directory(folder / "a");
  REQUIRE(!ok);
  CHECK(ok.error().code == ec::unsafe_path);
  CHECK(ok.error().hint == "chmod 700 " + folder / "a");
}

TEST_CASE("files: a folder that all users share is refused without a hint to close it") {
  auto ok = host::make_private_directory("/tmp");
  REQUIRE(!ok);
  CHECK(ok.error().code == ec::unsafe_path);
  CHECK(ok.error().hint.find("chmod") == std::string::npos);
}

TEST_CASE("files: a link or a file in the place of a private folder is refused") {
  temporary_folder folder;
  REQUIRE(host::make_private_directory(folder / "real"));
  REQUIRE(::symlink("real", (folder / "link").c_str()) == 0);
  REQUIRE(host::write_file(folder / "file", "", 0600));
  auto link = host::make_private_directory(folder / "link");
  REQUIRE(!link);
  CHECK(link.error().code == ec::unsafe_path);
  CHECK(link.error().why == "it is a symbolic link");
  CHECK(host::make_private_directory(folder / "file").error().why == "it is not a folder");
}

TEST_CASE("files: a private folder below a file cannot be made") {
  temporary_folder folder;
  REQUIRE(host::write_file(folder / "file", "", 0600));
  CHECK(host::make_private_directory(folder / "file/a").error().code == ec::failed);
}

TEST_CASE("files: removing a tree leaves what its links point at") {
  temporary_folder folder;
  REQUIRE(host::make_private_directory(folder / "outside"));
  REQUIRE(host::write_file(folder / "outside/precious", "x", 0600));
  REQUIRE(host::make_private_directory(folder / "tree/deep"));
  REQUIRE(::symlink("../../outside", (folder / "tree/deep/link").c_str()) == 0);
  REQUIRE(::symlink("outside", (folder / "top").c_str()) == 0);
  CHECK(host::remove_tree(folder / "tree"));
  CHECK(host::remove_tree(folder / "top"));
  CHECK_FALSE(host::exists(folder / "tree"));
  CHECK_FALSE(host::exists(folder / "top"));
  CHECK(host::exists(folder / "outside/precious"));
  CHECK(host::remove_tree(folder / "tree")); // nothing there: fine
}

TEST_CASE("files: a dangling link exists") {
  temporary_folder folder;
  REQUIRE(::symlink("nowhere", (folder / "a").c_str()) == 0);
  CHECK(host::exists(folder / "a"));
  CHECK_FALSE(host::exists(folder / "nowhere"));
}

TEST_CASE("files: the space on a disk is known, and no disk is not_found") {
  temporary_folder folder;
  auto bytes = host::free_bytes(folder.path());
  REQUIRE(bytes);
  CHECK(*bytes == doctest::Approx(static_cast<double>(fs::space(folder.path()).available)));
  CHECK(host::free_bytes(folder / "none").error().code == ec::not_found);
}

TEST_CASE("unique_fd: closes what it owns, once") {
  int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  auto is_open = [&] { return ::fcntl(raw, F_GETFD) >= 0; };
  {
    host::unique_fd a{raw};
    host::unique_fd b{std::move(a)};
    CHECK(b.get() == raw);
    auto& itself = b;
    b = std::move(itself);
    CHECK(is_open());
  }
  CHECK_FALSE(is_open());
}

TEST_CASE("files: whoever reads while a file is replaced keeps the old one") {
  temporary_folder folder;
  REQUIRE(host::write_file(folder / "a", "old and longer", 0600));
  const host::unique_fd reader{::open((folder / "a").c_str(), O_RDONLY | O_CLOEXEC)};
  REQUIRE(host::write_file_durably(folder / "a", "new", 0600));
  char text[32] = {};
  CHECK(::read(reader.get(), text, sizeof text) == 14);
  CHECK(content(folder / "a") == "new");
}

TEST_CASE("files: a private folder of another user is refused") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can make one");
    return;
  }
  temporary_folder folder;
  constexpr uid_t somebody = 12345;
  REQUIRE(::mkdir((folder / "a").c_str(), 0700) == 0);
  REQUIRE(::chown((folder / "a").c_str(), somebody, somebody) == 0);
  const auto ok = host::make_private_directory(folder / "a");
  REQUIRE_FALSE(ok);
  CHECK(ok.error().code == ec::unsafe_path);
  CHECK(ok.error().why.find("12345") != std::string::npos);
}

TEST_CASE("files: removing a link removes the link; removing nothing is fine") {
  temporary_folder folder;
  fs::create_directory(folder / "real");
  REQUIRE(host::write_file(folder / "real/file", "", 0600));
  fs::create_directory_symlink(folder / "real", folder / "link");
  CHECK(host::remove_tree(folder / "link"));
  CHECK_FALSE(host::exists(folder / "link"));
  CHECK(host::exists(folder / "real/file"));
  CHECK(host::remove_tree(folder / "nothing"));
}
