#include "core/image_manifest.hpp"

#include <doctest/doctest.h>

using banger::ec;
using banger::core::parse_image_manifest;

namespace {

const std::string good = R"({"format": 1, "name": "debian", "suite": "bookworm", "init": "banger",
 "kernel_version": "6.1.0-1", "cmdline_extra": "a=b",
 "root": {"file": "root.raw", "format": "raw", "virtual_size": 8589934592},
 "created_at": 1700000000, "packages": 120})";

std::string replaced(const std::string& from, const std::string& to) {
  auto text = good;
  const auto at = text.find(from);
  REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("image manifest: every field is read") {
  const auto x = parse_image_manifest(good);
  REQUIRE(x);
  CHECK(x->name == "debian");
  CHECK(x->suite == "bookworm");
  CHECK(x->init == "banger");
  CHECK(x->kernel_version == "6.1.0-1");
  CHECK(x->cmdline_extra == "a=b");
  CHECK(x->root_file == "root.raw");
  CHECK(x->root_format == "raw");
  CHECK(x->root_virtual_bytes == 8589934592U);
  CHECK(x->created_at_ms == 1'700'000'000'000);
  CHECK(x->package_count == 120);
}

TEST_CASE("image manifest: what may be missing is empty then") {
  const auto x = parse_image_manifest(replaced(R"("cmdline_extra": "a=b",)", ""));
  REQUIRE(x);
  CHECK(x->cmdline_extra.empty());
  CHECK(parse_image_manifest(replaced(R"(, "packages": 120)", ""))->package_count == 0);
}

TEST_CASE("image manifest: a field that must be there is named where it is not") {
  for (const char* field : {"format", "name", "suite", "init", "kernel_version", "root", "file",
                            "virtual_size", "created_at"}) {
    const auto x = parse_image_manifest(replaced("\"" + std::string{field} + "\"", "\"other\""));
    REQUIRE_FALSE(x);
    CHECK(x.error().code == ec::storage_failed);
    CHECK_MESSAGE(x.error().why.find(field) != std::string::npos, x.error().why);
    CHECK_FALSE(x.error().hint.empty());
  }
}

TEST_CASE("image manifest: a field of another type is refused") {
  for (const auto& bad : {replaced("\"bookworm\"", "5"), replaced("8589934592", "\"8G\""),
                          replaced("\"a=b\"", "[]"), replaced("120", "\"120\"")}) {
    const auto x = parse_image_manifest(bad);
    REQUIRE_FALSE(x);
    CHECK(x.error().code == ec::storage_failed);
  }
}

TEST_CASE("image manifest: a newer format is another version") {
  const auto x = parse_image_manifest(replaced("\"format\": 1", "\"format\": 2"));
  REQUIRE_FALSE(x);
  CHECK(x.error().code == ec::version_mismatch);
}

TEST_CASE("image manifest: the root's file cannot lead out of the folder") {
  for (const char* name : {"", "../root.raw", "/etc/passwd", "a/b", ".", ".."}) {
    const auto x = parse_image_manifest(replaced("root.raw", name));
    REQUIRE_MESSAGE(!x, name);
    CHECK(x.error().code == ec::storage_failed);
  }
}

TEST_CASE("image manifest: damaged texts are refused") {
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK_FALSE(parse_image_manifest(std::string_view{good}.substr(0, n)));
  for (const char* text : {"null", "[]", "7", "\xff", "{}"})
    CHECK_FALSE(parse_image_manifest(text));
}
