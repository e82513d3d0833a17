#include "cli/copy_render.hpp"

#include "cli/copy_meter.hpp"
#include "cli/json.hpp"
#include "tests/unit/archive/archive_bytes.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

using namespace banger;
using namespace banger::cli;

namespace {

copy_figures some() {
  copy_figures x;
  x.files = 3;
  x.bytes = 12U << 20;
  x.duration_ms = 4100;
  x.name = "notes.txt";
  return x;
}

failure told(archive_step step, int error, const char* path, const char* side = "box:/root") {
  archive_failure x{};
  x.step = step;
  x.error = static_cast<std::uint32_t>(error);
  std::strcpy(x.path, path);
  return copy_failure(x, core::parse_copy_ref(side));
}

} // namespace

TEST_CASE("copy: the summary says how much, in one line") {
  CHECK(copy_summary(some()) == "copied 3 files, 12.0 MiB in 4.1s\n");
  copy_figures x;
  x.files = 1;
  x.links = 1;
  x.bytes = 1;
  CHECK(copy_summary(x) == "copied 1 file, 1 link, 1 byte in 0.0s\n");
  x = {};
  x.directories = 2;
  CHECK(copy_summary(x) == "copied 2 folders, 0 bytes in 0.0s\n");
  x.files = 1;
  x.bytes = UINT64_C(5) << 40;
  CHECK(copy_summary(x) == "copied 1 file, 5.0 TiB in 0.0s\n");
}

TEST_CASE("copy: progress has a rate, and where all was counted what is left") {
  auto x = some();
  CHECK(copy_progress_line(x, 80) == "notes.txt  12.0 MiB  2.9 MiB/s  3 files");
  x.files = 1;
  x.planned_files = 1;
  x.planned_bytes = 24U << 20;
  CHECK(copy_progress_line(x, 80) == "notes.txt  50%  12.0 MiB of 24.0 MiB  2.9 MiB/s  4 s left");
  x.bytes = x.planned_bytes * 2; // it grew meanwhile
  CHECK(copy_progress_line(x, 80).find("100%") != std::string::npos);
  x.bytes = 0;
  x.files = 0;
  CHECK(copy_progress_line(x, 80).find("left") == std::string::npos);
}

TEST_CASE("copy: progress is never wider than the terminal, and shows a name's end") {
  auto x = some();
  x.name = std::string(100, 'x') + "\n\xff.end";
  for (std::size_t width = 1; width < 120; ++width)
    CHECK(copy_progress_line(x, width).size() < width);
  CHECK(copy_progress_line(x, 60).find('\n') == std::string::npos);
  CHECK(copy_progress_line(x, 60).find(".end") != std::string::npos);
}

TEST_CASE("copy: what was left out is told once") {
  auto x = some();
  CHECK(copy_notice(x).empty());
  x.left_out = 1;
  x.first_left_out = "a/pi\npe";
  CHECK(copy_notice(x).starts_with("banger: left out 'a/pi\\npe': "));
  x.left_out = 3;
  CHECK(copy_notice(x).find("and 2 more") != std::string::npos);
}

TEST_CASE("copy: JSON has every figure") {
  auto x = nlohmann::json::parse(json(some()));
  CHECK(x.size() == 7);
  CHECK(x["files"] == 3);
  CHECK(x["bytes"] == 12U << 20);
  CHECK(x["duration_ms"] == 4100);
  for (const char* name : {"directories", "links", "bytes_sent", "left_out"})
    CHECK(x[name] == 0);
}

TEST_CASE("copy: an error says where, why and what to do") {
  auto x = told(archive_step_write, ENOSPC, "/root/a/b");
  CHECK(to_string(x) == "write 'box:/root/a/b': No space left on device");
  CHECK(x.code == ec::no_space);
  CHECK(!x.hint.empty());
  x = told(archive_step_read, ENOENT, "notes.txt", "notes.txt");
  CHECK(to_string(x) == "read 'notes.txt': No such file or directory");
  CHECK(x.code == ec::not_found);
  x = told(archive_step_place, ENOENT, "/no/such");
  CHECK(to_string(x) == "copy to 'box:/no/such': No such file or directory");
  CHECK(x.hint.find("'/'") != std::string::npos);
  CHECK(told(archive_step_write, ENOTDIR, "x").code == ec::already_exists);
  CHECK(told(archive_step_read, EACCES, "x").code == ec::failed);
  x = told(archive_step_read, EINVAL, "/run/socket");
  CHECK(to_string(x) == "read 'box:/run/socket': it is no file, folder or link");
}

TEST_CASE("copy: an archive that did not come whole is told as such") {
  auto x = told(archive_step_archive, EPIPE, "");
  CHECK(to_string(x) == "copy to 'box:/root': what came was cut off");
  CHECK(x.code == ec::link_lost);
  CHECK(told(archive_step_archive, EPROTO, "").code == ec::version_mismatch);
  CHECK(told(archive_step_archive, EBADMSG, "").why == "what came is damaged");
}

TEST_CASE("copy: a name of a guest cannot write to the terminal") {
  auto x = told(archive_step_write, EACCES, "/root/\x1b[2J\n");
  CHECK(x.what.find('\x1b') == std::string::npos);
  CHECK(x.what.find('\n') == std::string::npos);
}

TEST_CASE("copy: the meter counts what passes by") {
  copy_meter meter;
  test::archive_maker maker;
  const auto bytes =
      maker.begin().directory("d").file("one", "12345").link("l", "x").up().file("two", "").end();
  for (char byte : bytes)
    meter.feed({&byte, 1});
  CHECK(meter.state() == archive_state_ended);
  auto x = meter.figures();
  CHECK(x.files == 2);
  CHECK(x.directories == 1);
  CHECK(x.links == 1);
  CHECK(x.bytes == 5);
  CHECK(x.bytes_sent == bytes.size());
  CHECK(x.name == "two");
  meter.feed("more");
  CHECK(meter.state() == archive_state_bad);
}
