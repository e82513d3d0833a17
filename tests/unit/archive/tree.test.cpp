// Packs and unpacks real folders.
#include "archive/pack.h"
#include "archive/remove.h"
#include "archive/unpack.h"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/archive/archive_bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace banger::test;
namespace fs = std::filesystem;

namespace {

bool append(void* to, const void* bytes, std::size_t size) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
  return true;
}

struct packed {
  std::string bytes;
  bool is_good;
  archive_failure failure;
};

packed pack(const std::vector<std::string>& sources) {
  packed out{{}, true, {}};
  auto writer = std::make_unique<archive_writer>();
  archive_writer_init(writer.get(), append, &out.bytes);
  archive_put_begin(writer.get(), nullptr);
  archive_packer packer;
  archive_packer_init(&packer, writer.get());
  for (const auto& source : sources)
    out.is_good = out.is_good && archive_pack(&packer, source.c_str());
  out.failure = packer.failure;
  if (out.is_good)
    archive_put_end(writer.get());
  else
    archive_put_failed(writer.get(), &packer.failure);
  return out;
}

/// @param step  bytes at a time
archive_report unpack(std::string_view bytes, const std::string& destination, unsigned flags = 0,
                      std::size_t step = 1U << 20) {
  auto out = std::make_unique<archive_unpacker>();
  archive_report report;
  if (archive_unpack_begin(out.get(), destination.c_str(), flags))
    while (!bytes.empty() && archive_unpack(out.get(), bytes.data(), std::min(step, bytes.size())))
      bytes.remove_prefix(std::min(step, bytes.size()));
  auto is_done = archive_unpack_finish(out.get(), &report);
  CHECK(is_done == (report.failure.step == archive_step_none));
  ::umask(022);
  return report;
}

void write_file(const std::string& path, const std::string& content, mode_t mode = 0644) {
  std::ofstream{path, std::ios::binary} << content;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

std::string read_file(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream{path, std::ios::binary}.rdbuf();
  return out.str();
}

/// All that is below a folder: path to type, mode, time and content.
std::map<std::string, std::string> tree(const std::string& root) {
  std::map<std::string, std::string> out;
  for (const auto& x : fs::recursive_directory_iterator{root}) {
    struct stat info {};
    REQUIRE(::lstat(x.path().c_str(), &info) == 0);
    auto text = std::to_string(info.st_mode) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
                std::to_string(info.st_mtim.tv_nsec) + " ";
    if (S_ISLNK(info.st_mode))
      text += fs::read_symlink(x.path()).string();
    else if (S_ISREG(info.st_mode))
      text += read_file(x.path());
    out[x.path().string().substr(root.size())] = text;
  }
  return out;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> out;
  for (const auto& x : fs::directory_iterator{folder})
    out.push_back(x.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

using names = std::vector<std::string>;

/// A folder with one of all that there is.
void make_tree(const std::string& at) {
  fs::create_directories(at + "/sub/deeper");
  fs::create_directories(at + "/empty");
  write_file(at + "/sub/run", "#!/bin/sh\n", 0755);
  write_file(at + "/sub/deeper/secret", "x", 0600);
  write_file(at + "/nothing", "");
  write_file(at + "/-dash", "-");
  write_file(at + "/two\nlines", "\n");
  write_file(at + "/\xff\xfe", "not UTF-8");
  write_file(at + "/read only", "r", 0400);
  fs::create_symlink("../nowhere", at + "/link");
  fs::create_symlink("sub", at + "/folder link");
  fs::create_directories(at + "/locked");
  write_file(at + "/locked/in", "in");
  ::chmod((at + "/locked").c_str(), 0500);
  const timespec old[2] = {{0, UTIME_OMIT}, {981'173'106, 123'456'789}};
  for (const char* name : {"/sub/run", "/sub", "/empty", "/link"})
    REQUIRE(::utimensat(AT_FDCWD, (at + name).c_str(), old, AT_SYMLINK_NOFOLLOW) == 0);
}

} // namespace

TEST_CASE("archive: a folder comes back as it was") {
  temporary_folder here;
  make_tree(here / "src");
  auto archive = pack({here / "src"});
  REQUIRE(archive.is_good);
  for (std::size_t step : {std::size_t{1} << 20, std::size_t{13}}) {
    auto report = unpack(archive.bytes, here / "dst", 0, step);
    CHECK(report.totals.files == 8);
    CHECK(report.totals.links == 2);
    CHECK(tree(here / "dst") == tree(here / "src"));
    struct stat a {
    }, b{};
    REQUIRE(::stat((here / "src").c_str(), &a) == 0);
    REQUIRE(::stat((here / "dst").c_str(), &b) == 0);
    CHECK(a.st_mode == b.st_mode);
    CHECK(a.st_mtim.tv_nsec == b.st_mtim.tv_nsec);
    CHECK(archive_remove(AT_FDCWD, (here / "dst").c_str()));
  }
}

TEST_CASE("archive: copied again, it replaces what is there and leaves the rest") {
  temporary_folder here;
  make_tree(here / "src");
  auto archive = pack({here / "src"});
  fs::create_directories(here / "to/src/sub");
  write_file(here / "to/src/sub/run", "the old one, which is longer", 0600);
  write_file(here / "to/src/other", "stays");
  fs::create_symlink("/etc/passwd", here / "to/src/-dash"); // is replaced, not written through
  unpack(archive.bytes, here / "to");
  CHECK(read_file(here / "to/src/other") == "stays");
  fs::remove(here / "to/src/other");
  auto got = tree(here / "to/src"), wanted = tree(here / "src");
  CHECK(got == wanted);
  CHECK(names_in(here / "to") == names{"src"});
}

TEST_CASE("archive: holes stay holes") {
  temporary_folder here;
  constexpr off_t size = 64 << 20;
  write_file(here / "holes", "begin");
  REQUIRE(::truncate((here / "holes").c_str(), size) == 0);
  {
    std::fstream out{here / "holes", std::ios::in | std::ios::out | std::ios::binary};
    out.seekp(size / 2);
    out << "middle";
  }
  auto archive = pack({here / "holes"});
  CHECK(archive.bytes.size() < (1U << 20));
  unpack(archive.bytes, here / "copy");
  struct stat info {};
  REQUIRE(::stat((here / "copy").c_str(), &info) == 0);
  CHECK(info.st_size == size);
  CHECK(info.st_blocks * 512 < (1 << 20));
  CHECK(read_file(here / "copy") == read_file(here / "holes"));
}

TEST_CASE("archive: the destination is what scp would make of it") {
  temporary_folder here;
  write_file(here / "one", "1");
  fs::create_directories(here / "there");
  const auto one = pack({here / "one"}).bytes;
  unpack(one, here / "there"); // into a folder that is there
  CHECK(read_file(here / "there/one") == "1");
  unpack(one, here / "there/");   // as well
  unpack(one, here / "new name"); // else it is the name
  CHECK(read_file(here / "new name") == "1");
  unpack(one, here / "made/"); // which is to be a folder
  CHECK(read_file(here / "made/one") == "1");
  const auto two = pack({here / "one", here / "new name"}).bytes;
  unpack(two, here / "there", ARCHIVE_UNPACK_MANY);
  CHECK(names_in(here / "there") == names{"new name", "one"});
  unpack(two, here / "many/", ARCHIVE_UNPACK_MANY);
  CHECK(names_in(here / "many") == names{"new name", "one"});
  const auto inside = pack({here / "there/."}).bytes; // what is in it
  unpack(inside, here / "inside", ARCHIVE_UNPACK_CONTENTS);
  CHECK(names_in(here / "inside") == names{"new name", "one"});
  unpack(inside, here / "made", ARCHIVE_UNPACK_CONTENTS);
  CHECK(names_in(here / "made") == names{"new name", "one"});
}

TEST_CASE("archive: a destination that cannot be is told, and nothing is made") {
  temporary_folder here;
  write_file(here / "one", "1");
  fs::create_directories(here / "folder/one");
  const auto one = pack({here / "one"}).bytes;
  const auto two = pack({here / "one", here / "one"}).bytes;
  auto error = [&](const std::string& bytes, const std::string& to, unsigned flags = 0) {
    auto report = unpack(bytes, here / to, flags);
    CHECK(report.failure.step != archive_step_none);
    return static_cast<int>(report.failure.error);
  };
  CHECK(error(one, "no/such") == ENOENT);
  CHECK(error(one, "one/x") == ENOTDIR);
  CHECK(error(one, "one/") == ENOTDIR);
  CHECK(error(one, "folder") == EISDIR); // a folder of that name is in it
  CHECK(error(one, "folder", ARCHIVE_UNPACK_NAMED) == EISDIR);
  CHECK(error(two, "new", ARCHIVE_UNPACK_MANY) == ENOENT);
  CHECK(error(two, "new") == ENOTDIR);
  CHECK(error(two, "one", ARCHIVE_UNPACK_MANY) == ENOTDIR);
  CHECK(error(pack({here / "folder"}).bytes, "one") == ENOTDIR);
  CHECK(error(one, std::string(300, 'x')) == ENAMETOOLONG);
  CHECK(names_in(here.path()) == names{"folder", "new", "one"});
  CHECK(names_in(here / "folder") == names{"one"});
}

TEST_CASE("archive: cut anywhere, nothing is left that is not whole") {
  temporary_folder here;
  make_tree(here / "src");
  const auto archive = pack({here / "src"}).bytes;
  fs::create_directories(here / "into");
  constexpr std::size_t trailer = ARCHIVE_HEADER_SIZE + 40; // before it the folder is whole
  for (std::size_t size = 0; size < archive.size() - trailer; size += size < 600 ? 1 : 7) {
    auto report = unpack(std::string_view{archive}.substr(0, size), here / "dst");
    CHECK(report.failure.step == archive_step_archive);
    CHECK(report.failure.error == EPIPE);
    unpack(std::string_view{archive}.substr(0, size), here / "made/");
    unpack(std::string_view{archive}.substr(0, size), here / "into");
    CHECK(names_in(here.path()) == names{"into", "src"});
    CHECK(names_in(here / "into").empty());
  }
}

TEST_CASE("archive: a file that is cut off leaves what was there, and nothing of its own") {
  temporary_folder here;
  write_file(here / "file", "the new one");
  const auto archive = pack({here / "file"}).bytes;
  fs::create_directories(here / "into");
  write_file(here / "into/file", "the old one");
  constexpr std::size_t ends = 2 * ARCHIVE_HEADER_SIZE + 8 + 40; // of the file, and the trailer
  for (std::size_t size = 0; size <= archive.size() - ends; ++size) {
    unpack(std::string_view{archive}.substr(0, size), here / "into");
    CHECK(names_in(here / "into") == names{"file"});
    CHECK(read_file(here / "into/file") == "the old one");
  }
}

TEST_CASE("archive: damaged anywhere, it writes nowhere else and leaves nothing unfinished") {
  temporary_folder here;
  make_tree(here / "src");
  const auto archive = pack({here / "src"}).bytes;
  const auto before = tree(here / "src");
  fs::create_directories(here / "box/in");
  std::mt19937 random{3};
  for (int i = 0; i < 300; ++i) {
    auto bytes = archive;
    for (auto changes = 1 + random() % 4; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    unpack(bytes, here / "box/in", 0, 1 + random() % 500);
    for (const auto& x : fs::recursive_directory_iterator{here / "box"})
      CHECK(x.path().filename().string().rfind(ARCHIVE_TEMPORARY_PREFIX, 0) != 0);
    CHECK(names_in(here / "box") == names{"in"});
    REQUIRE(archive_remove(AT_FDCWD, (here / "box/in").c_str()));
    fs::create_directories(here / "box/in");
  }
  CHECK(names_in(here.path()) == names{"box", "src"});
  CHECK(tree(here / "src") == before);
}

TEST_CASE("archive: no link leads out of the destination") {
  temporary_folder here;
  fs::create_directories(here / "outside");
  fs::create_directories(here / "in");
  archive_maker linked;
  auto bytes =
      linked.begin().link("way", "../outside").directory("way").file("evil", "x").up().end();
  CHECK(unpack(bytes, here / "in").failure.error == ENOTDIR);
  archive_maker staged; // within a folder that is made anew
  bytes =
      staged.begin().directory("new").link("way", "../../outside").directory("way").up().up().end();
  CHECK(unpack(bytes, here / "in").failure.error == ENOTDIR);
  archive_maker through; // a file is made anew, never written through a link
  bytes = through.begin().directory("new").link("f", "../../outside/f").file("f", "x").up().end();
  CHECK(unpack(bytes, here / "in").failure.error == EEXIST);
  CHECK(names_in(here / "outside").empty());
  CHECK(names_in(here / "in") == names{"way"});
}

TEST_CASE("archive: deletions are done only where they are wanted") {
  temporary_folder here;
  fs::create_directories(here / "in/gone/below");
  write_file(here / "in/gone/below/file", "x");
  write_file(here / "in/kept", "x");
  auto deletes = [] {
    archive_maker maker;
    return maker.begin().removed("gone").removed("never there").end();
  };
  CHECK(unpack(deletes(), here / "in").failure.error == EPERM);
  CHECK(names_in(here / "in") == names{"gone", "kept"});
  CHECK(unpack(deletes(), here / "in", ARCHIVE_UNPACK_DELETE).totals.deletes == 2);
  CHECK(names_in(here / "in") == names{"kept"});
}

TEST_CASE("archive: a folder that is to stay as it is must be there, and keeps its mode and time") {
  temporary_folder here;
  fs::create_directories(here / "in/kept");
  ::chmod((here / "in/kept").c_str(), 0750);
  archive_maker maker, missing;
  auto bytes =
      maker.begin().directory("kept", ARCHIVE_FLAG_AS_IT_IS, 0700).file("f", "x").up().end();
  unpack(bytes, here / "in");
  struct stat info {};
  REQUIRE(::stat((here / "in/kept").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0750);
  CHECK(info.st_mtim.tv_sec != made_at);
  CHECK(read_file(here / "in/kept/f") == "x");
  bytes = missing.begin().directory("missing", ARCHIVE_FLAG_AS_IT_IS).up().end();
  CHECK(unpack(bytes, here / "in").failure.error == ENOENT);
}

TEST_CASE("archive: special bits are kept only where they are wanted") {
  temporary_folder here;
  archive_maker maker;
  auto bytes = maker.begin().file("su", "x", 04755).directory("sticky", 0, 01777).up().end();
  auto mode = [&](const std::string& name) {
    struct stat info {};
    REQUIRE(::stat((here / name).c_str(), &info) == 0);
    return info.st_mode & 07777;
  };
  unpack(bytes, here / "a/");
  CHECK(mode("a/su") == 0755);
  CHECK(mode("a/sticky") == 0777);
  unpack(bytes, here / "b/", ARCHIVE_UNPACK_SPECIAL_BITS);
  CHECK(mode("b/su") == 04755);
  CHECK(mode("b/sticky") == 01777);
}

TEST_CASE(
    "archive: a source that is not there, or is no file, is told; what lies beside is left out") {
  temporary_folder here;
  fs::create_directories(here / "src");
  write_file(here / "src/file", "x");
  REQUIRE(::mkfifo((here / "src/pipe").c_str(), 0644) == 0);
  write_file(here / "src/" ARCHIVE_TEMPORARY_PREFIX "1", "of a copy under way");
  auto missing = pack({here / "src", here / "missing"});
  CHECK(!missing.is_good);
  CHECK(missing.failure.error == ENOENT);
  CHECK(std::string{missing.failure.path} == here / "missing");
  CHECK(unpack(missing.bytes, here / "dst/", ARCHIVE_UNPACK_MANY).failure.step ==
        archive_step_read);
  CHECK(names_in(here.path()) == names{"src"});
  CHECK(pack({here / "src/pipe"}).failure.error == EINVAL);
  CHECK(pack({here / "src/file/."}).failure.error == ENOTDIR);
  auto seen = read_archive(pack({here / "src"}).bytes);
  CHECK(seen.state == archive_state_ended);
  CHECK(std::count(seen.calls.begin(), seen.calls.end(), "left out " + (here / "src/pipe")) == 1);
  unpack(pack({here / "src"}).bytes, here / "dst");
  CHECK(names_in(here / "dst") == names{"file"});
}

TEST_CASE("archive: what cannot be written is told with its path, and undone") {
  temporary_folder here;
  fs::create_directories(here / "src");
  write_file(here / "src/small", "x");
  write_file(here / "src/large", std::string(100'000, 'x'));
  const auto bytes = pack({here / "src"}).bytes;
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit less = before;
  less.rlim_cur = 1000;
  std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &less); // stands for a disk that is full
  auto report = unpack(bytes, here / "dst");
  ::setrlimit(RLIMIT_FSIZE, &before);
  CHECK(report.failure.step == archive_step_write);
  CHECK(report.failure.error == EFBIG);
  CHECK(std::string{report.failure.path} == here / "dst/large");
  CHECK(names_in(here.path()) == names{"src"});
}

TEST_CASE("archive: counting finds what packing packs") {
  temporary_folder here;
  make_tree(here / "src");
  archive_packer counter;
  archive_packer_init(&counter, nullptr);
  CHECK(archive_pack(&counter, (here / "src").c_str()));
  CHECK(archive_pack(&counter, (here / "missing").c_str())); // packing will tell
  CHECK(counter.totals.files == 8);
  CHECK(counter.totals.links == 2);
  CHECK(counter.totals.directories == 5);
}

TEST_CASE("archive: deeper than the limit is an error, up to it is none") {
  temporary_folder here;
  auto path = here / "0";
  for (int i = 1; i < ARCHIVE_DEPTH_MAX; ++i)
    path += "/d";
  fs::create_directories(path);
  auto good = pack({here / "0"});
  REQUIRE(good.is_good);
  CHECK(unpack(good.bytes, here / "copy").totals.directories == ARCHIVE_DEPTH_MAX);
  fs::create_directories(path + "/d");
  auto bad = pack({here / "0"});
  CHECK(!bad.is_good);
  CHECK(bad.failure.error == ENAMETOOLONG);
}

TEST_CASE("archive: the base name of a path is its last part, where it has one") {
  auto base = [](const char* path) {
    char out[ARCHIVE_NAME_MAX + 1];
    archive_base_name(path, out);
    return std::string{out};
  };
  CHECK(base("a") == "a");
  CHECK(base("a/b//") == "b");
  CHECK(base("/a/.hidden") == ".hidden");
  for (const char* path : {"", "/", "//", ".", "..", "a/.", "a/..", "../.", "./"})
    CHECK(base(path) == "");
  CHECK(base(std::string(256, 'x').c_str()) == "");
}
