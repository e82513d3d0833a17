// Our own codec, CAF's serializer and the files agree on every byte that may cross the socket.
#include "core/basp.hpp"
#include "core/wire_codec.hpp"
#include "protocol/caf_error.hpp"
#include "protocol/caf_types.hpp"
#include "protocol/wire_types.hpp"
#include "tests/golden/golden_file.hpp"
#include "tests/golden/wire_samples.hpp"

#include <doctest/doctest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace banger;

namespace {

struct actor_system {
  actor_system() {
    add_message_types(config);
    config.set("scheduler.max-threads", 1);
    system.emplace(config);
  }
  caf::actor_system_config config;
  std::optional<caf::actor_system> system;
};

template <class T>
std::string by_codec(const T& x) {
  std::string bytes;
  core::wire_writer{bytes}.put(x);
  return bytes;
}

template <class T>
std::string by_caf(caf::actor_system& system, T& x) {
  std::vector<char> buffer;
  caf::binary_serializer sink{system, buffer};
  REQUIRE_FALSE(sink(x));
  return {buffer.begin(), buffer.end()};
}

/// 16 bytes a line.
std::string hex_dump(const std::string& bytes) {
  constexpr const char* digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out += digits[byte >> 4];
    out += digits[byte & 15];
    out += i % 16 == 15 || i + 1 == bytes.size() ? '\n' : ' ';
  }
  return out;
}

template <class T>
std::size_t field_count() {
  T x{};
  std::size_t count = 0;
  const auto counter = [&](auto&... fields) { count = sizeof...(fields); };
  inspect(counter, x);
  return count;
}

template <class T>
void check_type(caf::actor_system& system, const std::string& name) {
  INFO(name);
  auto x = test::sample<T>();
  const auto bytes = by_codec(x);
  CHECK((field_count<T>() == 0 || bytes != by_codec(T{}))); // else it has no sample
  CHECK(hex_dump(by_caf(system, x)) == hex_dump(bytes));
  T back{};
  core::wire_reader in{bytes};
  in.get(back);
  CHECK(in.ok());
  CHECK(in.rest().empty());
  CHECK(by_codec(back) == bytes);
  T by_framework{};
  caf::binary_deserializer source{system, bytes.data(), bytes.size()};
  CHECK_FALSE(source(by_framework));
  CHECK(by_codec(by_framework) == bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    T ignored{};
    core::wire_reader cut{std::string_view{bytes}.substr(0, n)};
    cut.get(ignored);
    CHECK_FALSE(cut.ok());
  }
  test::check_golden("wire/" + name + ".hex", hex_dump(bytes));
}

} // namespace

TEST_CASE_FIXTURE(actor_system, "wire bytes: what a client may send is the same for all") {
#define CHECK_TYPE(type) check_type<type>(*system, #type);
  BANGER_CLIENT_TYPES(CHECK_TYPE)
}

TEST_CASE_FIXTURE(actor_system, "wire bytes: what the daemon may send is the same for all"){
    BANGER_DAEMON_TYPES(CHECK_TYPE)
#undef CHECK_TYPE
}

TEST_CASE_FIXTURE(actor_system, "wire bytes: a failure comes out of CAF's error as it went in") {
  auto error = to_error(test::sample<failure>());
  const auto bytes = by_caf(*system, error);
  const auto found = core::basp::decode_error(bytes);
  REQUIRE(found);
  CHECK(*found == test::sample<failure>());
  test::check_golden("wire/error.hex", hex_dump(bytes));
}

TEST_CASE_FIXTURE(actor_system, "wire bytes: every code of ours survives, and so do empty texts") {
  for (unsigned i = 1; i <= static_cast<unsigned>(ec::image_failed); ++i) {
    const failure why{static_cast<ec>(i), "", "", ""};
    auto error = to_error(why);
    CHECK(to_failure(error) == why);
    CHECK(core::basp::decode_error(by_caf(*system, error)) == why);
  }
}

TEST_CASE_FIXTURE(actor_system, "wire bytes: CAF's own errors are understood") {
  const auto code_of = [&](caf::sec code) {
    caf::error error{code};
    const auto found = core::basp::decode_error(by_caf(*system, error));
    REQUIRE(found);
    CHECK_FALSE(found->what.empty());
    return found->code;
  };
  CHECK(code_of(caf::sec::unexpected_message) == ec::version_mismatch);
  CHECK(code_of(caf::sec::request_timeout) == ec::timed_out);
  CHECK(code_of(caf::sec::request_receiver_down) == ec::unreachable);
  CHECK(code_of(caf::sec::runtime_error) == ec::failed);
}

TEST_CASE("wire bytes: atoms have CAF's numbers") {
  CHECK(core::basp::atom_value("banger") == caf::atom_uint(caf::atom("banger")));
  CHECK(core::basp::atom_value("system") == caf::atom_uint(caf::atom("system")));
  CHECK(core::basp::atom_value("a Z_09z") == caf::atom_uint(caf::atom("a Z_09z")));
}
