#include "host/folder_watch.hpp"

#include "host/files.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>

using namespace banger;

TEST_CASE("folder_watch tells of changes to one file, however they are made") {
  test::temporary_folder folder;
  const auto watched = folder.path() + "/sub";
  std::filesystem::create_directory(watched);
  auto watch = host::folder_watch::open(watched);
  REQUIRE(watch);
  const auto path = watched + "/file";
  const auto has_file = [&] { return watch->take("file").has_file; };
  CHECK_FALSE(has_file());
  SUBCASE("another file") {
    REQUIRE(host::write_file(watched + "/file2", "x", 0600));
    CHECK_FALSE(has_file());
  }
  SUBCASE("made, written, replaced and removed") {
    REQUIRE(host::write_file(path, "x", 0600));
    CHECK(has_file());
    CHECK_FALSE(has_file());
    REQUIRE(host::write_file(path, "y", 0600));
    CHECK(has_file());
    REQUIRE(host::write_file_durably(path, "z", 0600));
    CHECK(has_file());
    host::remove_file(path);
    CHECK(has_file());
    CHECK_FALSE(watch->take("file").is_over);
  }
  SUBCASE("more changes than the kernel keeps") {
    for (int i = 0; i < 20'000; ++i) {
      auto* out = std::fopen((watched + "/other" + std::to_string(i % 2)).c_str(), "a");
      REQUIRE(out != nullptr);
      std::fputs("x", out);
      std::fclose(out);
    }
    CHECK(has_file());
  }
  SUBCASE("the folder itself") {
    std::filesystem::rename(watched, folder.path() + "/elsewhere");
    CHECK(watch->take("file").is_over);
  }
}

TEST_CASE("folder_watch: a folder that is missing is an error") {
  auto watch = host::folder_watch::open("/nowhere/at/all");
  REQUIRE_FALSE(watch);
  CHECK(watch.error().code == ec::not_found);
}
