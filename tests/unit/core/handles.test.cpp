#include "core/handles.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace core = banger::core;
using banger::ec;

namespace {

core::vm_handles full_handles() {
  core::vm_handles x;
  x.vm_id = "0123456789ab";
  x.directory = "/s/vms/0123456789ab";
  x.boot_id = "11111111-2222-3333-4444-555555555555";
  x.qemu = {4242, 18'000'000'000'000'000'000U};
  x.net = {2147483647, 17};
  x.qmp_socket = x.directory + "/qmp.sock";
  x.control_socket = x.directory + "/control.sock";
  x.accelerator = "tcg";
  x.started_at_ms = 1'700'000'000'123;
  x.driver = banger::vm_driver::firecracker;
  return x;
}

} // namespace

TEST_CASE("handles: what was written is read back") {
  auto x = full_handles();
  CHECK(core::parse_handles(core::render_handles(x)) == x);
}

TEST_CASE("handles: what banger-helper made is read back, and every missing part is a failure") {
  auto x = full_handles();
  x.host = core::host_handles{"/run/banger-helper/1000.sock", "bgr-t0000", "10.77.0.2",
                              "bgr-1000-0123456789ab"};
  CHECK(core::parse_handles(core::render_handles(x)) == x);
  const auto whole = nlohmann::json::parse(core::render_handles(x));
  for (const auto& [key, value] : whole["host"].items()) {
    auto json = whole;
    json["host"].erase(key);
    CHECK_MESSAGE(!core::parse_handles(json.dump()), key);
  }
}

TEST_CASE("handles: a folder name that is no UTF-8 does not keep them from being written") {
  auto x = full_handles();
  x.directory = "/s/\xff\xfe";
  CHECK(core::parse_handles(core::render_handles(x)));
}

TEST_CASE("handles: every torn text is a failure") {
  auto text = core::render_handles(full_handles());
  while (text.back() == '\n')
    text.pop_back();
  for (std::size_t n = 0; n < text.size(); ++n) {
    auto x = core::parse_handles(text.substr(0, n));
    REQUIRE(!x);
    CHECK(x.error().code == ec::storage_failed);
  }
}

TEST_CASE("handles: every missing field, and every field of another type, is a failure") {
  const auto whole = nlohmann::json::parse(core::render_handles(full_handles()));
  for (const auto& [key, value] : whole.items()) {
    auto json = whole;
    json.erase(key);
    CHECK_MESSAGE(!core::parse_handles(json.dump()) == (key != "driver"), key);
    json[key] = nlohmann::json::array();
    CHECK_MESSAGE(!core::parse_handles(json.dump()), key);
  }
}

TEST_CASE("handles: those of a program that knew QEMU alone are QEMU's") {
  auto json = nlohmann::json::parse(core::render_handles(full_handles()));
  json.erase("driver");
  CHECK(core::parse_handles(json.dump())->driver == banger::vm_driver::qemu);
}

TEST_CASE("handles: text of somebody else is a failure") {
  for (const std::string text : {"null", "[]", "{}", "42", "\"text\"", "<html>", "{\"format\": 1}"})
    CHECK(core::parse_handles(text).error().code == ec::storage_failed);
  CHECK(core::parse_handles(std::string(64U << 10, '[')).error().code == ec::storage_failed);
  CHECK(core::parse_handles(std::string(4096, '\0')).error().code == ec::storage_failed);
}

TEST_CASE("handles: another format is told apart from damage") {
  auto json = nlohmann::json::parse(core::render_handles(full_handles()));
  json["format"] = 2;
  auto x = core::parse_handles(json.dump());
  REQUIRE(!x);
  CHECK(x.error().code == ec::version_mismatch);
}

TEST_CASE("handles: a pid out of range is nobody, never another process") {
  auto json = nlohmann::json::parse(core::render_handles(full_handles()));
  for (auto pid : {std::int64_t{4294967297}, std::int64_t{-1}, std::int64_t{0}}) {
    json["qemu"]["pid"] = pid;
    auto x = core::parse_handles(json.dump());
    REQUIRE(x);
    CHECK(x->qemu.pid == 0);
  }
}
