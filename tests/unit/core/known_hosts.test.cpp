#include "core/known_hosts.hpp"

#include "core/base64.hpp"
#include "core/sha1.hpp"
#include "tests/support/host_keys.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>

using namespace banger::core;
using namespace banger::core::known_hosts;
using banger::test::ecdsa_key;
using banger::test::ed25519_key;
using banger::test::rsa_key;
using banger::test::wire_string;

namespace {

const host_key key_a = ed25519_key('a');
const host_key key_b = ed25519_key('b');

std::string pin(const std::string& hosts, const host_key& key = key_a) {
  return render_line({hosts}, key);
}

std::string hashed(std::string_view name) {
  const std::string salt(20, 's');
  return "|1|" + base64_encode(salt) + "|" + base64_encode(hmac_sha1(salt, name));
}

outcome status_of(std::string_view text, std::string_view host = "box.vm", std::uint16_t port = 22,
                  const host_key& key = key_a) {
  return check(parse(text), host, port, key).status;
}

/// `text` after the removal, as a program would do it that follows the plan.
std::string applied(std::string text, const removal_plan& plan) {
  for (const auto& each : plan.removals)
    text += each.replacement;
  for (const auto& each : plan.removals)
    text[each.offset] = '#';
  return text;
}

std::string removed_from(const std::string& text, const std::vector<std::string>& names) {
  return applied(text, plan_removal(parse(text), names));
}

outcome outcome_named(const std::string& name) {
  if (name == "ok")
    return outcome::trusted;
  if (name == "mismatch")
    return outcome::mismatch;
  return name == "revoked" ? outcome::revoked : outcome::unknown;
}

} // namespace

TEST_CASE("known_hosts: every verdict is the one OpenSSH gave for the same file, host and key") {
  std::ifstream file(BANGER_TEST_DATA "/known_hosts.json");
  const auto cases = nlohmann::json::parse(file).at("cases");
  CHECK(cases.size() == 188);
  for (const auto& each : cases) {
    const auto name = each.at("name").get<std::string>();
    const auto blob = base64_decode(each.at("key").at("base64").get<std::string>());
    REQUIRE_MESSAGE(blob, name);
    const host_key offered{each.at("key").at("type").get<std::string>(), *blob};
    REQUIRE_MESSAGE(is_well_formed(offered), name);
    const auto text = each.at("file").get<std::string>();
    const auto found = check(parse(text), each.at("host").get<std::string>(),
                             each.at("port").get<std::uint16_t>(), offered);
    CHECK_MESSAGE(found.status == outcome_named(each.at("expect").get<std::string>()), name);
  }
}

TEST_CASE(
    "known_hosts: lines carry their offset and their number, comments and empty lines count") {
  const auto lines =
      parse("# one\n\n" + pin("a.vm") + "\t" + pin("b.vm") + "broken\n" + pin("c.vm"));
  REQUIRE(lines.size() == 4);
  const auto size = pin("a.vm").size();
  CHECK(lines[0].offset == 7);
  CHECK(lines[0].number == 3);
  CHECK(lines[1].offset == 7 + size);
  CHECK(lines[1].number == 4);
  CHECK(lines[1].is_valid);
  CHECK(!lines[2].is_valid);
  CHECK(lines[3].offset == 7 + size + 1 + size + 7);
  CHECK(lines[3].number == 6);
}

TEST_CASE("known_hosts: a mismatch lists every key it could have been, with line and fingerprint") {
  const auto found = check(parse(pin("x.vm") + pin("box.vm", key_b) + pin("*.vm", rsa_key('r'))),
                           "BOX.vm", 22, key_a);
  CHECK(found.status == outcome::mismatch);
  CHECK(found.name == "box.vm");
  const std::vector<listed_key> expected = {{"ssh-ed25519", fingerprint_sha256(key_b.blob), 2},
                                            {"ssh-rsa", fingerprint_sha256(rsa_key('r').blob), 3}};
  CHECK(found.keys == expected);
  const auto text = explain_refusal(found, key_a);
  CHECK(text.find(fingerprint_sha256(key_b.blob) + " (line 2)") != std::string::npos);
  CHECK(text.find("offered the key ssh-ed25519 " + fingerprint_sha256(key_a.blob)) !=
        std::string::npos);
}

TEST_CASE("known_hosts: a revoked verdict names the line, an unknown one names nothing") {
  const auto text = pin("box.vm") + "@revoked " + pin("*");
  const auto found = check(parse(text), "box.vm", 22, key_a);
  CHECK(found.status == outcome::revoked);
  REQUIRE(found.keys.size() == 1);
  CHECK(found.keys[0].line_number == 2);
  CHECK(explain_refusal(found, key_a).find("@revoked (line 2)") != std::string::npos);
  const auto unknown = check({}, "box.vm", 22, key_a);
  CHECK(unknown.keys.empty());
  CHECK(explain_refusal(unknown, key_a).empty());
}

TEST_CASE("known_hosts: a trusted verdict through the bare name says so") {
  const auto found = check(parse(pin("box.vm")), "box.vm", 2222, key_a);
  CHECK(found.status == outcome::trusted);
  CHECK(found.name == "box.vm");
  CHECK(check(parse(pin("box.vm", key_b)), "box.vm", 2222, key_a).name == "[box.vm]:2222");
}

TEST_CASE("known_hosts: names have brackets and a port unless the port is 22 or 0") {
  CHECK(host_name_for("Box.VM", 22) == "box.vm");
  CHECK(host_name_for("box.vm", 0) == "box.vm");
  CHECK(host_name_for("::1", 2222) == "[::1]:2222");
}

TEST_CASE("known_hosts: a pattern of many stars against a long name takes no time") {
  std::string stars;
  for (int i = 0; i < 300; ++i)
    stars += "*a";
  CHECK(!matches(stars + "b", std::string(1000, 'a')));
  CHECK(matches(stars, std::string(1000, 'a')));
}

TEST_CASE("known_hosts: pinned_algorithms starts with the pinned types and never offers SHA-1") {
  const auto text = pin("box.vm", rsa_key('r')) + pin("box.vm", ecdsa_key('e')) + "@revoked " +
                    pin("box.vm") + pin("box.vm", rsa_key('s'));
  CHECK(pinned_algorithms(parse(text), "box.vm", 22) ==
        "rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256,ssh-ed25519,ecdsa-sha2-nistp384,"
        "ecdsa-sha2-nistp521");
  CHECK(pinned_algorithms({}, "box.vm", 22) ==
        "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,"
        "rsa-sha2-256");
}

TEST_CASE("known_hosts: pinned_algorithms uses the bare name only where the port has no pin") {
  const auto bare = pin("box.vm", rsa_key('r'));
  CHECK(pinned_algorithms(parse(bare), "box.vm", 2222).starts_with("rsa-sha2-512"));
  CHECK(pinned_algorithms(parse(bare + pin("[box.vm]:2222", ecdsa_key('e'))), "box.vm", 2222)
            .starts_with("ecdsa-sha2-nistp256,ssh-ed25519"));
}

TEST_CASE("known_hosts: a sole pin is trusted only where no other key stands beside it") {
  const auto both = parse(pin("box.vm") + pin("box.vm") + pin("*.vm", key_b));
  CHECK(check(both, "box.vm", 22, key_a).status == outcome::trusted);
  const auto found = check_sole_pin(both, "box.vm", key_a);
  CHECK(found.status == outcome::mismatch);
  REQUIRE(found.keys.size() == 1);
  CHECK(found.keys[0].line_number == 3);
  const auto alone = parse(pin("box.vm") + pin("box.vm") + "@cert-authority " + pin("*", key_b));
  CHECK(check_sole_pin(alone, "box.vm", key_a).status == outcome::trusted);
  CHECK(check_sole_pin({}, "box.vm", key_a).status == outcome::unknown);
}

TEST_CASE("known_hosts: fingerprints are those that ssh-keygen -l prints") {
  const auto blob =
      base64_decode("AAAAC3NzaC1lZDI1NTE5AAAAIBNuLDWpGgAbKPKLmQbL9YIxtXQaMSdzKoNgiohuAn6z");
  REQUIRE(blob);
  CHECK(fingerprint_sha256(*blob) == "SHA256:nUwhFoa5/pO1rZv408+NBM2DnHXlSwF/N9fhvJOYovU");
}

TEST_CASE("host_key: only whole keys of the named type are well-formed") {
  CHECK(is_well_formed(key_a));
  CHECK(is_well_formed(rsa_key('r')));
  CHECK(is_well_formed(ecdsa_key('e')));
  for (const auto& key : {key_a, rsa_key('r'), ecdsa_key('e')}) {
    for (std::size_t size = 0; size < key.blob.size(); ++size)
      CHECK(!is_well_formed({key.type, key.blob.substr(0, size)}));
    CHECK(!is_well_formed({key.type, key.blob + '\0'}));
    CHECK(!is_well_formed({"", key.blob}));
    CHECK(!is_well_formed({"ssh-dss", key.blob}));
  }
  CHECK(!is_well_formed({"ssh-rsa", wire_string("ssh-rsa") + "\xff\xff\xff\xff" + "x"}));
}

TEST_CASE("known_hosts: a rendered line reads back as the same names and key") {
  const auto lines = parse(render_line({"box.vm", "172.16.0.2"}, key_a, "made by hand"));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].hosts == "box.vm,172.16.0.2");
  CHECK(lines[0].key == key_a);
  CHECK(lines[0].comment == "made by hand");
}

TEST_CASE("known_hosts: only names that match themselves and nothing else can be pinned") {
  for (const char* name : {"box.vm", "172.16.0.2", "[box.vm]:2222", "fe80::1%tap0", "a_b"})
    CHECK_MESSAGE(is_plain_name(name), name);
  for (const char* name :
       {"", "*", "a?", "!a", "a,b", "a b", "a\tb", "a\n", "|1|x", "@revoked", "#a"})
    CHECK_MESSAGE(!is_plain_name(name), name);
  CHECK(!is_plain_name(std::string_view("a\0b", 3)));
  CHECK(!is_plain_name(std::string(1023, 'a')));
}

TEST_CASE("known_hosts: a removed name is unknown afterwards, and its neighbours are as before") {
  const auto text = pin("a.vm") + pin("box.vm") + "  " + pin("BOX.vm", key_b) +
                    pin(hashed("box.vm")) + pin("box.vm.other");
  const auto left = removed_from(text, {"Box.vm"});
  CHECK(left.size() == text.size());
  CHECK(status_of(left) == outcome::unknown);
  CHECK(status_of(left, "a.vm") == outcome::trusted);
  CHECK(status_of(left, "box.vm.other") == outcome::trusted);
}

TEST_CASE("known_hosts: a list with foreign names is written again without ours first") {
  const auto text =
      "a.vm,,box.vm,B.vm " + key_a.type + "\t" + base64_encode(key_a.blob) + " note\r\n";
  const auto plan = plan_removal(parse(text), {"box.vm", "172.16.0.2"});
  REQUIRE(plan.removals.size() == 1);
  CHECK(plan.removals[0].replacement == render_line({"a.vm", "B.vm"}, key_a, "note\r"));
  const auto left = applied(text, plan);
  CHECK(status_of(left) == outcome::unknown);
  CHECK(status_of(left, "a.vm") == outcome::trusted);
  CHECK(status_of(left, "b.vm") == outcome::trusted);
  CHECK(plan_removal(parse("box.vm,box.vm " + pin("").substr(1)), {"box.vm"})
            .removals[0]
            .replacement == "");
}

TEST_CASE(
    "known_hosts: a name that comes first when others go does not become a marker or comment") {
  for (const std::string name : {"#a.vm", "@revoked", "|1|a"}) {
    const auto plan = plan_removal(parse(pin("box.vm," + name)), {"box.vm"});
    REQUIRE(plan.removals.size() == 1);
    const auto lines = parse(plan.removals[0].replacement);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].mark == marker::none);
    CHECK(lines[0].key == key_a);
    CHECK(matches(lines[0].hosts, name));
  }
}

TEST_CASE("known_hosts: revoked, certificate, pattern and broken lines are never removed") {
  const auto text = "@revoked " + pin("box.vm") + "@cert-authority " + pin("box.vm") + pin("*.vm") +
                    pin("box.vm,!x.vm") + "box.vm ssh-unknown AAAA\n";
  const auto plan = plan_removal(parse(text), {"box.vm"});
  CHECK(plan.removals.empty());
  CHECK(plan.kept == std::vector<std::size_t>{3, 4});
}

TEST_CASE("known_hosts: removal takes the name with the port only if it is asked for") {
  const auto text = pin("[box.vm]:2222") + pin("box.vm");
  CHECK(plan_removal(parse(text), {"box.vm"}).removals.size() == 1);
  CHECK(plan_removal(parse(text), {"[BOX.vm]:2222", "box.vm"}).removals.size() == 2);
}

TEST_CASE("known_hosts: compaction drops removed lines and keeps every other byte") {
  const auto kept = std::string("# my notes\n#\n# box.vm ") + pin("").substr(1) + "#hint\n\n" +
                    pin("a.vm") + "junk\r\n";
  const auto removed = "#" + pin("ox.vm");
  CHECK(without_removed_lines(removed + kept + removed) == kept);
  CHECK(removed_bytes(removed + kept + removed) == 2 * removed.size());
  CHECK(without_removed_lines(kept + "no line feed") == kept + "no line feed");
}

TEST_CASE(
    "known_hosts: what a removal leaves of any list, hashed or one-letter name is compacted away") {
  for (const auto& hosts : {std::string("a"), std::string("a,box.vm"), hashed("a")}) {
    const auto text = pin(hosts);
    const auto plan = plan_removal(parse(text), {"a"});
    REQUIRE(plan.removals.size() == 1);
    CHECK(without_removed_lines(applied(text, plan)) == plan.removals[0].replacement);
  }
}

TEST_CASE("known_hosts: text without a final line feed, or full of NUL bytes, is read to its end") {
  CHECK(status_of("\n\n" + pin("box.vm").substr(0, pin("box.vm").size() - 1)) == outcome::trusted);
  CHECK(status_of(std::string(5, '\0') + "\n" + pin("box.vm")) == outcome::trusted);
  CHECK(status_of(std::string(100000, 'x') + "\n" + pin("box.vm", key_b)) == outcome::mismatch);
  CHECK(parse("").empty());
  CHECK(parse("\n").empty());
}

TEST_CASE("known_hosts: a copy was read to its last common line, wherever lines are left out") {
  const auto a = pin("a");
  const auto b = pin("b");
  const auto c = pin("c");
  CHECK(end_of_copied(a + b + c, a + b + c) == (a + b + c).size());
  CHECK(end_of_copied(a + b + c, a + c) == (a + b + c).size());
  CHECK(end_of_copied(a + b + c, a + b) == (a + b).size());
  CHECK(end_of_copied(a + b + c, b + pin("new")) == (a + b).size());
  CHECK(end_of_copied(a + b + a, a + b) == (a + b).size());
  CHECK(end_of_copied("# x\n\n" + a + "# x\n\n", "# x\n\n") == 0);
  CHECK(end_of_copied("", a) == 0);
  CHECK(end_of_copied(a, "") == 0);
}

TEST_CASE("known_hosts: missing lines are those that are not there, not even as another line") {
  const auto a = pin("a");
  const auto b = pin("b");
  CHECK(missing_lines(a + b, b) == a);
  CHECK(missing_lines(a + pin(hashed("h")), "x\n" + pin(hashed("h"))) == a);
  CHECK(missing_lines(a, pin(hashed("a"))).empty());
  CHECK(missing_lines(a, pin("A,b")).empty());
  CHECK(missing_lines(a, pin("a", key_b)) == a);
  CHECK(missing_lines(a, pin("a", key_b) + "@revoked " + pin("a") + pin("a,b")).empty());
  CHECK(missing_lines("@revoked " + a, a) == "@revoked " + a);
  CHECK(missing_lines("#" + pin("ox.vm") + "# note\n", "") == "# note\n");
}
