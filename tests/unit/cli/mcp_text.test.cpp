#include "cli/mcp_text.hpp"

#include "cli/json_values.hpp"
#include "cli/mcp_files.hpp"
#include "cli/mcp_tools.hpp"
#include "host/process.hpp"
#include "host/scratch_file.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <poll.h>
#include <set>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace banger;
using namespace banger::cli;
using namespace banger::cli::mcp;
using strings = std::vector<std::string>;

namespace {

std::string kept(std::size_t most, const strings& pieces) {
  kept_output x{most};
  for (const auto& piece : pieces)
    x.add(piece);
  return x.text();
}

struct said {
  int status = 0;
  std::string out, errors;
};

/// Runs a script as a guest would.
said run(strings argv, const std::string& input = {}) {
  auto in = host::make_scratch_file(input), out = host::make_scratch_file(),
       errors = host::make_scratch_file();
  REQUIRE(in);
  host::spawn_request spawn;
  argv[0] = "/bin/sh";
  spawn.argv = argv;
  spawn.fds = {{in->get(), 0}, {out->get(), 1}, {errors->get(), 2}};
  auto child = host::spawn(spawn);
  REQUIRE(child);
  pollfd waiting{child->pidfd.get(), POLLIN, 0};
  REQUIRE(::poll(&waiting, 1, 10'000) == 1);
  const auto status = host::reap(child->pidfd).value_or(-1);
  return {WEXITSTATUS(status), *host::read_scratch_file(*out), *host::read_scratch_file(*errors)};
}

std::string content(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

unsigned mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

std::string read_part(read_wish x) {
  const auto how = run(read_script(x));
  return how.status == 0 ? read_text(x, how.out) : "! " + how.errors;
}

} // namespace

TEST_CASE("mcp text: output within the bound is kept as it is, however it comes") {
  CHECK(kept(10, {"0123456789"}) == "0123456789");
  CHECK(kept(10, {"012", "3456", "", "789"}) == "0123456789");
  CHECK(kept(10, {}).empty());
}

TEST_CASE("mcp text: of what is longer there is the beginning and the end, between characters") {
  CHECK(kept(10, {"01234x56789"}) == "01234\n[1 bytes left out here]\n56789");
  std::string all;
  strings pieces;
  for (int i = 0; i < 1000; ++i) {
    pieces.push_back(std::to_string(i) + "\n");
    all += pieces.back();
  }
  CHECK(kept(12, pieces) ==
        "0\n1\n2\n\n[" + std::to_string(all.size() - 12) + " bytes left out here]\n8\n999\n");
  CHECK(kept(4, {"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"}) == "\n[9 bytes left out here]\n");
  CHECK(kept(6, {"\xe2\x82\xac....\xe2\x82\xac"}) ==
        "\xe2\x82\xac\n[4 bytes left out here]\n\xe2\x82\xac");
}

TEST_CASE("mcp text: a cut leaves characters whole") {
  CHECK(whole_characters("") == 0);
  CHECK(whole_characters("ab") == 2);
  CHECK(whole_characters("a\xe2\x82\xac") == 4);
  CHECK(whole_characters("a\xe2\x82") == 1);
  CHECK(whole_characters("a\xe2") == 1);
  CHECK(whole_characters("a\xf0\x9f\x98") == 1);
  CHECK(whole_characters("\x80\x80\x80\x80\x80") == 5); // no text anyway
}

TEST_CASE("mcp text: a command's end") {
  kept_output out{100}, errors{100}, nothing{100};
  out.add("hello\n");
  errors.add("oh\xff");
  CHECK(exec_text({3, 0, {ec::none, {}, {}, {}}}, out, nothing) ==
        "exit code 3\n--- stdout\nhello");
  CHECK(exec_text({0, 9, {ec::none, {}, {}, {}}}, nothing, errors)
            .starts_with("ended by signal 9\n--- stderr (not UTF-8"));
}

TEST_CASE("mcp text: either a line or a list is a command") {
  CHECK(command_of("ls -l", {}) == strings{"sh", "-c", "ls -l"});
  CHECK(command_of("", {"ls", "-l"}) == strings{"ls", "-l"});
  CHECK(!command_of("", {}));
  CHECK(!command_of("ls", {"ls"}));
}

TEST_CASE("mcp tools: each says what it does, and takes what it says") {
  std::set<std::string> names;
  for (const auto& x : tools()) {
    CHECK(names.insert(x.name).second);
    CHECK(x.about.size() < 450);
    CHECK(x.about.ends_with("."));
    CHECK(!(x.is_reading && x.is_destructive));
    CHECK(find_tool(x.name) == &x);
  }
  CHECK(find_tool("nothing") == nullptr);
  const auto all = tool_list()["tools"];
  CHECK(all.size() == tools().size());
  for (const auto& x : all)
    CHECK(x["inputSchema"]["type"] == "object");
}

TEST_CASE("mcp files: a file is written whole, with its mode, through links") {
  const test::temporary_folder folder;
  const auto path = folder / "a/b c/file";
  CHECK(run(write_script(path, "", false, 5), "hello").status == 0);
  CHECK(content(path) == "hello");
  CHECK(mode_of(path) == 0644);
  CHECK(run(write_script(path, "0750", false, 3), "new").status == 0);
  CHECK(mode_of(path) == 0750);
  const auto link = folder / "link";
  REQUIRE(::symlink(path.c_str(), link.c_str()) == 0);
  CHECK(run(write_script(link, "", false, 4), std::string{"a\0b\xff", 4}).status == 0);
  CHECK(content(path) == std::string{"a\0b\xff", 4});
  CHECK(mode_of(path) == 0750);
  CHECK(run(write_script(path, "", true, 2), "++").status == 0);
  CHECK(content(path) == std::string{"a\0b\xff++", 6});
}

TEST_CASE("mcp files: what does not come whole changes nothing and leaves nothing") {
  const test::temporary_folder folder;
  const auto path = folder / "file";
  REQUIRE(run(write_script(path, "", false, 5), "hello").status == 0);
  const auto cut = run(write_script(path, "", false, 100), "part");
  CHECK(cut.status != 0);
  CHECK(cut.errors == "not all of it came\n");
  CHECK(content(path) == "hello");
  CHECK(run({"sh", "-c", "ls -A \"$1\"", "sh", folder.path()}).out == "file\n");
  CHECK(run(write_script(folder.path(), "", false, 1), "x").errors == "it is a folder\n");
  CHECK(run(write_script(folder.path(), "", true, 1), "x").errors == "it is a folder\n");
  CHECK(!check_mode("999"));
  CHECK(!check_mode("75"));
  CHECK(!check_mode("+x"));
  CHECK(check_mode("755"));
  CHECK(check_mode(""));
}

TEST_CASE("mcp files: parts of a file, by bytes and by lines, and where to go on") {
  const test::temporary_folder folder;
  const auto path = folder / "file";
  REQUIRE(run(write_script(path, "", false, 14), "one\ntwo\nthree\n").status == 0);
  read_wish x;
  x.path = path;
  x.max_bytes = 100;
  CHECK(read_part(x) == "bytes 0 to 14 of 14:\none\ntwo\nthree\n");
  x.offset = 4;
  x.max_bytes = 3;
  CHECK(read_part(x) == "bytes 4 to 7 of 14; go on at offset 7:\ntwo");
  x.offset = 100;
  CHECK(read_part(x) == "bytes 14 to 14 of 14:\n");
  x = {path, 2, 1, 0, 100, false};
  CHECK(read_part(x) == "1 line from line 2 of 3; go on at line 3:\ntwo\n");
  x = {path, 2, 0, 0, 100, false};
  CHECK(read_part(x) == "2 lines from line 2 of 3:\ntwo\nthree\n");
  x = {path, 1, 0, 0, 6, false};
  CHECK(read_part(x) == "2 lines from line 1 of 3; cut at max_bytes; go on at line 2:\none\ntw");
  x = {path, 0, 0, 0, 3, true};
  CHECK(read_part(x) == "bytes 0 to 3 of 14; go on at offset 3, in base64:\nb25l");
  CHECK(read_part({folder.path(), 0, 0, 0, 3, false}).starts_with("! it is a folder"));
  CHECK(read_part({path + "x", 1, 0, 0, 3, false}).find("No such file") != std::string::npos);
}

TEST_CASE("mcp files: a part ends between characters, and bytes come as base64") {
  const test::temporary_folder folder;
  const auto path = folder / "file";
  REQUIRE(run(write_script(path, "", false, 6), "\xe2\x82\xac\xe2\x82\xac").status == 0);
  CHECK(read_part({path, 0, 0, 0, 5, false}) ==
        "bytes 0 to 3 of 6; go on at offset 3:\n\xe2\x82\xac");
  REQUIRE(run(write_script(path, "", false, 3), std::string{"\xff\0\xfe", 3}).status == 0);
  CHECK(read_part({path, 0, 0, 0, 5, false}) == "bytes 0 to 3 of 3, in base64:\n/wD+");
  CHECK(!read_wish_of({{"path", "a"}, {"first_line", 1}, {"offset", 1}}));
  CHECK(read_wish_of({{"path", "a"}, {"line_count", 5}})->first_line == 1);
}
