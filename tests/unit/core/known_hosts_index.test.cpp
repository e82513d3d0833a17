#include "core/known_hosts_index.hpp"

#include "core/base64.hpp"
#include "tests/support/host_keys.hpp"
#include "tests/support/known_hosts_texts.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <random>

using namespace banger::core;
using namespace banger::core::known_hosts;
using banger::test::ed25519_key;
using banger::test::hashed;

namespace {

std::vector<std::size_t> numbers_of(const std::vector<const line*>& lines) {
  std::vector<std::size_t> out;
  for (const auto* each : lines)
    out.push_back(each->number);
  return out;
}

void check_same(const verdict& ours, const verdict& plain) {
  CHECK(ours.status == plain.status);
  CHECK(ours.name == plain.name);
  CHECK(ours.keys == plain.keys);
}

/// The index says of the host what the plain functions say, also when it is asked again.
void check_same_answers(const std::string& text, const std::string& host, std::uint16_t port,
                        const host_key& key) {
  INFO(text);
  const auto lines = parse(text);
  line_index indexed(lines);
  const auto name = host_name_for(host, port);
  for (int times = 0; times < 2; ++times) {
    CHECK(numbers_of(indexed.find(name)) == numbers_of(matching_lines(lines, name)));
    check_same(check(indexed, host, port, key), check(lines, host, port, key));
    check_same(check_sole_pin(indexed, name, key), check_sole_pin(lines, name, key));
    CHECK(pinned_algorithms(indexed, host, port) == pinned_algorithms(lines, host, port));
  }
  const auto ours = plan_removal(indexed, {name, "A", host});
  const auto plain = plan_removal(lines, {name, "A", host});
  CHECK(ours.kept == plain.kept);
  REQUIRE(ours.removals.size() == plain.removals.size());
  for (std::size_t i = 0; i < plain.removals.size(); ++i) {
    CHECK(ours.removals[i].offset == plain.removals[i].offset);
    CHECK(ours.removals[i].replacement == plain.removals[i].replacement);
  }
}

std::string pin(const std::string& hosts) {
  return render_line({hosts}, ed25519_key('a'));
}

} // namespace

TEST_CASE("known_hosts index: its verdict is the one of a look at every line, in all known cases") {
  std::ifstream file(BANGER_TEST_DATA "/known_hosts.json");
  const auto cases = nlohmann::json::parse(file).at("cases");
  for (const auto& each : cases) {
    const auto blob = base64_decode(each.at("key").at("base64").get<std::string>());
    REQUIRE(blob);
    check_same_answers(each.at("file").get<std::string>(), each.at("host").get<std::string>(),
                       each.at("port").get<std::uint16_t>(),
                       {each.at("key").at("type").get<std::string>(), *blob});
  }
}

TEST_CASE("known_hosts index: its answers are those of a look at every line, in random files") {
  std::mt19937 random(7); // NOLINT: the same files every time
  for (int round = 0; round < 400; ++round) {
    const auto text = banger::test::random_file(random);
    for (const std::string host : {"box.vm", "BOX.vm", "172.16.0.2", "a", "", "other.vm"})
      for (const auto port : std::array<std::uint16_t, 2>{22, 2222})
        check_same_answers(text, host, port, ed25519_key(static_cast<char>('a' + round % 4)));
  }
}

TEST_CASE("known_hosts index: names too long for ssh, empty ones and repeated ones match as ever") {
  const std::string longest(1022, 'x');
  const std::string longer(1023, 'x');
  for (const auto& hosts :
       {longest, longer, "a," + longer, longer + ",a", std::string("a,a,A"), std::string("a,,b"),
        std::string(",a"), std::string("a,"), "!b,a," + longer, std::string("!,a"),
        std::string("|1|"), std::string("|1|a,a"), std::string("|2|a|b"), std::string("@a,a")})
    for (const auto& name : {longest, longer, std::string("a"), std::string("b"), std::string()})
      check_same_answers(pin("c") + pin(hosts), name, 22, ed25519_key('a'));
}

TEST_CASE("known_hosts index: a hashed name is found in every place of a group, at every length") {
  for (std::size_t length = 0; length < 140; ++length) {
    const std::string name(length, 'n');
    std::string text;
    for (int i = 0; i < 7; ++i)
      text += pin(hashed(i % 3 == 0 ? name : name + "x", static_cast<char>('0' + i)));
    line_index indexed(parse(text));
    CHECK(numbers_of(indexed.find(name)) == std::vector<std::size_t>{1, 4, 7});
    CHECK(indexed.find(name + "y").empty());
  }
}

TEST_CASE("known_hosts index: a hashed name in another spelling, or cut, matches nothing") {
  const auto whole = hashed("a", 's');
  const auto salt_end = whole.find('|', 3);
  for (const auto& field :
       {whole.substr(0, whole.size() - 1), whole + "=", whole + "|", "|2" + whole.substr(2),
        whole.substr(0, salt_end) + "," + whole.substr(salt_end)})
    check_same_answers(pin(field), "a", 22, ed25519_key('a'));
  CHECK(line_index(parse(pin(whole))).find("a").size() == 1);
}

TEST_CASE("known_hosts index: what it has found stays right when it has forgotten some of it") {
  std::string text;
  const auto count = line_index::most_remembered + 10;
  for (std::size_t i = 0; i < count; ++i)
    text += pin("vm" + std::to_string(i));
  line_index indexed(parse(text));
  for (int times = 0; times < 2; ++times)
    for (std::size_t i = 0; i < count; ++i)
      CHECK(numbers_of(indexed.find("vm" + std::to_string(i))) == std::vector<std::size_t>{i + 1});
}
