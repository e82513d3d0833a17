// Copies through the real agent: as the command it runs for a host, with pipes between.
#include "archive/pack.h"
#include "archive/reader.h"
#include "tests/unit/guest/agent_tester.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>

using namespace banger;
using namespace banger::test;

namespace {

std::vector<std::string> words(std::initializer_list<std::string> more) {
  std::vector<std::string> all{std::getenv("BANGER_TEST_AGENT"), "archive"};
  all.insert(all.end(), more);
  return all;
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream{path, std::ios::binary} << content;
}

std::string read_file(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream{path, std::ios::binary}.rdbuf();
  return out.str();
}

archive_report report_of(const outcome& x) {
  archive_report report;
  REQUIRE(archive_read_report(x.output.data(), x.output.size(), &report));
  return report;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> out;
  for (const auto& x : std::filesystem::directory_iterator{folder})
    out.push_back(x.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

/// What is in the test's folder beside the agent's own.
std::vector<std::string> copies_in(agent_tester& agent) {
  auto all = names_in(agent.folder().path());
  std::erase_if(all,
                [](const auto& x) { return x == "agent.sock" || x == "sessions" || x == "run"; });
  return all;
}

} // namespace

TEST_CASE("agent: what one packs another unpacks") {
  agent_tester agent;
  const auto content = noise(3'000'000);
  std::filesystem::create_directories(agent.folder() / "src/sub");
  write_file(agent.folder() / "src/large", content);
  write_file(agent.folder() / "src/sub/\xff\n", "odd");
  auto packed = agent.run(agent.command(words({"pack", "--count", "--", "src"})));
  CHECK(packed.end.exit_code == 0);
  CHECK(packed.error_output.empty());
  auto unpacked = agent.run(agent.command(words({"unpack", "--", "dst"})), packed.output);
  CHECK(unpacked.end.exit_code == 0);
  auto report = report_of(unpacked);
  CHECK(report.failure.step == archive_step_none);
  CHECK(report.totals.files == 2);
  CHECK(report.totals.bytes == content.size() + 3);
  CHECK(read_file(agent.folder() / "dst/large") == content);
  CHECK(read_file(agent.folder() / "dst/sub/\xff\n") == "odd");
  CHECK(copies_in(agent) == std::vector<std::string>{"dst", "src"});
}

TEST_CASE("agent: a copy that is cut off leaves nothing, and says so") {
  agent_tester agent;
  write_file(agent.folder() / "src", noise(500'000));
  auto packed = agent.run(agent.command(words({"pack", "--", "src"}))).output;
  for (std::size_t size :
       {std::size_t{1}, std::size_t{3}, std::size_t{100'000}, packed.size() - 60}) {
    auto cut = agent.run(agent.command(words({"unpack", "--", "dst"})), packed.substr(0, size));
    CHECK(cut.end.exit_code == 1);
    CHECK(report_of(cut).failure.error == EPIPE);
    CHECK(copies_in(agent) == std::vector<std::string>{"src"});
  }
}

TEST_CASE("agent: a copy that is ended undoes what it began") {
  agent_tester agent;
  std::filesystem::create_directories(agent.folder() / "src");
  for (int i = 0; i < 200; ++i)
    write_file(agent.folder() / ("src/" + std::to_string(i)), noise(5'000));
  auto packed = agent.run(agent.command(words({"pack", "--", "src"}))).output;
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    running_command command{agent, agent.command(words({"unpack", "--", "dst"}))};
    command.wait_started();
    command.stdio.send(std::string_view{packed}.substr(0, packed.size() / 2));
    command.send_signal(number);
    CHECK(command.wait_ended().exit_code == 1);
    CHECK(copies_in(agent) == std::vector<std::string>{"src"});
  }
}

TEST_CASE("agent: a source that cannot be read is told within the archive") {
  agent_tester agent;
  auto packed = agent.run(agent.command(words({"pack", "--", "missing"})));
  CHECK(packed.end.exit_code == 1);
  archive_handler none{};
  auto reader = std::make_unique<archive_reader>();
  archive_reader_init(reader.get(), &none);
  archive_read(reader.get(), packed.output.data(), packed.output.size());
  CHECK(reader->state == archive_state_failed);
  CHECK(reader->failure.error == ENOENT);
  auto unpacked = agent.run(agent.command(words({"unpack", "--", "dst"})), packed.output);
  CHECK(report_of(unpacked).failure.step == archive_step_read);
  CHECK(copies_in(agent).empty());
}

TEST_CASE("agent: arguments of a copy that make no sense are refused") {
  agent_tester agent;
  for (const auto& bad : {words({}), words({"pack"}), words({"pack", "--"}), words({"pack", "a"}),
                          words({"unpack", "--"}), words({"unpack", "--", "a", "b"}),
                          words({"unpack", "--count", "--", "a"}), words({"burn", "--", "a"})}) {
    auto done = agent.run(agent.command(bad));
    CHECK(done.end.exit_code == 2);
    CHECK(done.output.empty());
    CHECK(done.error_output.find("usage: ") != std::string::npos);
  }
}
