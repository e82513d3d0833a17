#include "core/cpio.hpp"

#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <sys/stat.h>

using namespace banger::core;
using namespace std::string_literals;

TEST_CASE("cpio: one small file is exactly these bytes") {
  auto archive = cpio_archive({{"banger/hostname", "box\n", cpio_private_file}});
  auto expected = "070701"
                  "00000001" // inode
                  "00008180" // regular file, 0600
                  "00000000" // uid
                  "00000000" // gid
                  "00000001" // links
                  "00000000" // time
                  "00000004" // size
                  "00000000"
                  "00000000"
                  "00000000"
                  "00000000"
                  "00000010" // name with its NUL
                  "00000000" // check
                  "banger/hostname\0"
                  "\0\0"
                  "box\n"s;
  CHECK(archive.substr(0, expected.size()) == expected);
  CHECK(archive.substr(expected.size(), 6) == "070701");
  CHECK(archive.find("TRAILER!!!\0"s) == expected.size() + 110);
}

TEST_CASE("cpio: data and headers start at multiples of four, archives at multiples of 512") {
  for (std::size_t length = 0; length < 9; ++length) {
    std::string name(length + 1, 'n'), data(length, 'd');
    auto archive = cpio_archive({{name, data, cpio_private_file}, {"next", "", cpio_directory}});
    CHECK(archive.size() % 512 == 0);
    auto next = archive.find("070701", 6);
    CHECK(next % 4 == 0);
    if (length > 0)
      CHECK(archive.find(data, 110 + name.size()) % 4 == 0);
  }
}

TEST_CASE("cpio: every entry has an inode of its own, else the kernel links them") {
  auto archive = cpio_archive({{"a", "1", cpio_program}, {"b", "2", cpio_program}});
  auto first = archive.substr(6, 8);
  auto second = archive.substr(archive.find("070701", 6) + 6, 8);
  CHECK(first != second);
}

TEST_CASE("cpio: an archive of nothing is one block") {
  CHECK(cpio_archive({}).size() == 512);
}

TEST_CASE("cpio: cpio(1) unpacks names, contents and modes") {
  if (std::system("command -v cpio >/dev/null") != 0) {
    MESSAGE("skipped: no cpio here");
    return;
  }
  banger::test::temporary_folder folder;
  std::vector<cpio_entry> entries{{"etc", "", cpio_directory},
                                  {"etc/secret", "s3cret\n", cpio_private_file},
                                  {"etc/empty", "", cpio_private_file},
                                  {"init", std::string(1000, 'x'), cpio_program}};
  std::ofstream{folder / "archive"} << cpio_archive(entries);
  auto command = "cd " + folder.path() + " && cpio -i --quiet < archive 2>&1";
  REQUIRE(std::system(command.c_str()) == 0);
  for (const auto& entry : entries) {
    CAPTURE(entry.name);
    struct stat info {};
    REQUIRE(::stat((folder / entry.name).c_str(), &info) == 0);
    CHECK(info.st_mode == entry.mode);
    if (!S_ISREG(info.st_mode))
      continue;
    std::ostringstream text;
    text << std::ifstream{folder / entry.name}.rdbuf();
    CHECK(text.str() == entry.data);
  }
}
