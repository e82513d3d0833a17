#include "core/dns_message.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace banger::core::dns;
using namespace std::string_literals;

namespace {

constexpr std::uint16_t in = 1, a = 1, ns = 2, soa = 6, mx = 15, aaaa = 28, axfr = 252, any = 255;

std::string u16(unsigned x) {
  return {static_cast<char>(x >> 8 & 0xff), static_cast<char>(x & 0xff)};
}

std::string name(const std::vector<std::string>& labels) {
  std::string out;
  for (const auto& label : labels)
    out += static_cast<char>(label.size()) + label;
  return out + '\0';
}

std::string header(unsigned flags, unsigned questions, unsigned additional = 0) {
  return "id"s + u16(flags) + u16(questions) + u16(0) + u16(0) + u16(additional);
}

std::string question(const std::vector<std::string>& labels, std::uint16_t type,
                     std::uint16_t net_class = in) {
  return name(labels) + u16(type) + u16(net_class);
}

/// As dig sends it: with recursion desired.
std::string ask(const std::vector<std::string>& labels, std::uint16_t type) {
  return header(0x0100, 1) + question(labels, type);
}

std::string opt(unsigned udp_size, unsigned version = 0) {
  return "\0"s + u16(41) + u16(udp_size) + "\0"s + static_cast<char>(version) + u16(0) + u16(0);
}

std::string ask_with_edns(const std::vector<std::string>& labels, const std::string& more) {
  return header(0x0100, 1, 1) + question(labels, a) + more;
}

/// The fields of an answer that matter.
struct reply {
  unsigned flags = 0, code = 0, questions = 0, answers = 0, authorities = 0, additional = 0;
  std::string whole;
  [[nodiscard]] bool is_authoritative() const { return (flags & 0x0400) != 0; }
  [[nodiscard]] bool is_truncated() const { return (flags & 0x0200) != 0; }
  [[nodiscard]] bool has(const std::string& bytes) const {
    return whole.find(bytes) != std::string::npos;
  }
};

unsigned number_at(const std::string& bytes, std::size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(bytes.at(at)) << 8 |
                               static_cast<unsigned char>(bytes.at(at + 1)));
}

reply reply_to(const std::string& bytes, const lookup& found = {}, std::size_t limit = 512) {
  const auto x = parse_query(bytes);
  REQUIRE(x);
  reply out;
  out.whole = answer(*x, found, limit);
  CHECK(out.whole.substr(0, 2) == "id");
  out.flags = number_at(out.whole, 2);
  CHECK((out.flags & 0x8000) != 0);
  CHECK((out.flags & 0x0080) == 0); // RA: nobody recurses here
  out.code = out.flags & 15;
  out.questions = number_at(out.whole, 4);
  out.answers = number_at(out.whole, 6);
  out.authorities = number_at(out.whole, 8);
  out.additional = number_at(out.whole, 10);
  return out;
}

const lookup box{false, "127.77.0.2"};
const lookup nobody{};
const std::string zone_of_vm = "\x09localhost\0\x06nobody\x07invalid\0"s;

} // namespace

TEST_CASE("dns: a running VM has its address, and no time to live") {
  const auto x = reply_to(ask({"box", "vm"}, a), box);
  CHECK(x.code == 0);
  CHECK(x.is_authoritative());
  CHECK((x.flags & 0x0100) != 0); // RD comes back
  CHECK(x.questions == 1);
  CHECK(x.answers == 1);
  CHECK(x.authorities == 0);
  CHECK(x.additional == 0);
  CHECK(x.whole == "id\x85\0\0\1\0\1\0\0\0\0"s + question({"box", "vm"}, a) +
                       "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\x4d\0\2"s);
}

TEST_CASE("dns: names have no case, and come back as they were spelled") {
  CHECK(wanted_vm(*parse_query(ask({"BoX", "Vm"}, a))) == "box");
  const auto x = reply_to(ask({"BoX", "Vm"}, a), box);
  CHECK(x.answers == 1);
  CHECK(x.has(name({"BoX", "Vm"})));
}

TEST_CASE("dns: a name that is there has no record of another type") {
  for (auto type : {aaaa, mx, soa, ns}) {
    const auto x = reply_to(ask({"box", "vm"}, type), box);
    CHECK(x.code == 0);
    CHECK(x.is_authoritative());
    CHECK(x.answers == 0);
    CHECK(x.authorities == 1);
    CHECK(x.has(zone_of_vm));
  }
  CHECK(reply_to(ask({"box", "vm"}, any), box).answers == 1);
}

TEST_CASE("dns: a name that is not there is denied, for no time") {
  for (auto type : {a, aaaa, any}) {
    const auto x = reply_to(ask({"box", "vm"}, type), nobody);
    CHECK(x.code == 3);
    CHECK(x.is_authoritative());
    CHECK(x.answers == 0);
    CHECK(x.authorities == 1);
    // The zone's name is a pointer to the question's end: 12 bytes of header, "\3box".
    CHECK(x.has("\xc0\x10\0\6\0\1\0\0\0\0"s));
    CHECK(x.whole.ends_with("\0\0\0\0"s)); // RFC 2308: how long it may be kept
  }
  CHECK(reply_to(ask({"a", "box", "vm"}, a), box).code == 3);
  CHECK_FALSE(wanted_vm(*parse_query(ask({"a", "box", "vm"}, a))));
}

TEST_CASE("dns: a VM that nobody can look up is no denial") {
  const auto x = reply_to(ask({"box", "vm"}, a), {true, {}});
  CHECK(x.code == 2);
  CHECK_FALSE(x.is_authoritative());
  CHECK(x.answers + x.authorities == 0);
}

TEST_CASE("dns: the zone itself has its two records") {
  CHECK(reply_to(ask({"vm"}, soa)).answers == 1);
  CHECK(reply_to(ask({"vm"}, soa)).has(zone_of_vm));
  CHECK(reply_to(ask({"vm"}, ns)).answers == 1);
  CHECK(reply_to(ask({"vm"}, any)).answers == 1);
  const auto other = reply_to(ask({"vm"}, a));
  CHECK(other.code == 0);
  CHECK(other.answers == 0);
  CHECK(other.authorities == 1);
}

TEST_CASE("dns: what is outside of the zone is refused, with nothing added") {
  for (const auto& bytes :
       {ask({"example", "com"}, a), ask({"boxvm"}, a), ask({}, ns), ask({"vm", "com"}, a),
        ask({"vm"}, axfr), header(0, 1) + question({"box", "vm"}, a, 3)}) {
    const auto x = reply_to(bytes, box);
    CHECK(x.code == 5);
    CHECK_FALSE(x.is_authoritative());
    CHECK(x.whole.size() == bytes.size());
  }
}

TEST_CASE("dns: another operation is not implemented") {
  for (unsigned opcode = 1; opcode < 16; ++opcode) {
    const auto x = reply_to(header(opcode << 11, 1) + question({"box", "vm"}, a), box);
    CHECK(x.code == 4);
    CHECK((x.flags >> 11 & 15) == opcode);
    CHECK(x.whole.size() == 12);
  }
}

TEST_CASE("dns: an answer is never answered, and neither is what is no message") {
  CHECK_FALSE(parse_query(header(0x8000, 1) + question({"box", "vm"}, a)));
  for (std::size_t size = 0; size < 12; ++size)
    CHECK_FALSE(parse_query(ask({"box", "vm"}, a).substr(0, size)));
}

TEST_CASE("dns: a message that is cut short or too long is told so, and no more") {
  const auto whole = ask_with_edns({"box", "vm"}, opt(1232));
  for (std::size_t size = 12; size < whole.size(); ++size) {
    const auto x = reply_to(whole.substr(0, size), box);
    CHECK(x.code == 1);
    CHECK(x.whole.size() == 12);
  }
  CHECK(reply_to(whole + "x", box).code == 1);
  CHECK(reply_to(header(0, 0), box).code == 1);
  CHECK(
      reply_to(header(0, 2) + question({"box", "vm"}, a) + question({"box", "vm"}, a), box).code ==
      1);
}

TEST_CASE("dns: a name of no form is refused") {
  const auto tail = u16(a) + u16(in);
  const auto with = [&](const std::string& bytes) { return header(0, 1) + bytes + tail; };
  CHECK(reply_to(with("\xc0\x0c"s)).code == 1);      // to itself
  CHECK(reply_to(with("\3box\xc0\x0c"s)).code == 1); // without end
  CHECK(reply_to(with("\x40"s + std::string(64, 'x') + "\0"s)).code == 1);
  std::vector<std::string> labels(127, "x");
  CHECK(reply_to(with(name(labels))).code == 5); // 255 bytes: the longest there is
  labels.emplace_back("x");
  CHECK(reply_to(with(name(labels))).code == 1);
}

TEST_CASE("dns: EDNS is understood, and answered by its own record") {
  const auto query = parse_query(ask_with_edns({"box", "vm"}, opt(4096)));
  REQUIRE(query);
  CHECK(query->has_edns);
  CHECK(udp_limit(*query) == 1232);
  CHECK(udp_limit(*parse_query(ask_with_edns({"box", "vm"}, opt(700)))) == 700);
  CHECK(udp_limit(*parse_query(ask_with_edns({"box", "vm"}, opt(0)))) == 512);
  CHECK(udp_limit(*parse_query(ask({"box", "vm"}, a))) == 512);
  const auto x = reply_to(ask_with_edns({"box", "vm"}, opt(4096)), box);
  CHECK(x.code == 0);
  CHECK(x.answers == 1);
  CHECK(x.additional == 1);
  CHECK(x.whole.ends_with("\0\0\x29\x04\xd0\0\0\0\0\0\0"s));
  // What it carries, a cookie for one, is of no interest.
  const auto cookie =
      "\0"s + u16(41) + u16(1232) + "\0\0\0\0"s + u16(12) + u16(10) + u16(8) + "01234567";
  CHECK(reply_to(ask_with_edns({"box", "vm"}, cookie), box).answers == 1);
}

TEST_CASE("dns: another version of EDNS is told ours, and two records of it are too many") {
  const auto x = reply_to(ask_with_edns({"box", "vm"}, opt(1232, 1)), box);
  CHECK(x.code == 0); // the upper bits are in the record
  CHECK(x.answers == 0);
  CHECK(x.whole.ends_with("\0\0\x29\x04\xd0\1\0\0\0\0\0"s));
  CHECK(reply_to(header(0, 1, 2) + question({"box", "vm"}, a) + opt(512) + opt(512), box).code ==
        1);
  const auto signature = name({"key"}) + u16(250) + u16(255) + "\0\0\0\0"s + u16(3) + "abc";
  CHECK(reply_to(header(0, 1, 1) + question({"box", "vm"}, a) + signature, box).answers == 1);
}

TEST_CASE("dns: what does not fit is cut, and says so") {
  const auto query = ask({"box", "vm"}, a);
  const auto whole = reply_to(query, box);
  CHECK_FALSE(reply_to(query, box, whole.whole.size()).is_truncated());
  const auto cut = reply_to(query, box, whole.whole.size() - 1);
  CHECK(cut.is_truncated());
  CHECK(cut.questions == 1);
  CHECK(cut.answers == 0);
  CHECK(cut.whole.size() == query.size());
}

TEST_CASE("dns: no answer is much longer than its question, so nobody gains by having it sent") {
  std::vector<std::string> longest(63, "abc"); // 252 bytes
  longest.back() = "vm";
  for (auto type : {a, aaaa, any, soa, ns})
    for (const auto& labels : {std::vector<std::string>{"vm"}, {"a", "vm"}, longest})
      for (const auto& found : {box, nobody}) {
        const auto bytes = header(0, 1, 1) + question(labels, type) + opt(65'535);
        CHECK(reply_to(bytes, found, 65'535).whole.size() <= bytes.size() + 70);
      }
}

TEST_CASE("dns: over TCP an answer has its length before it") {
  CHECK(with_tcp_prefix("abc") == "\0\3abc"s);
  CHECK(with_tcp_prefix(std::string(300, 'x')).starts_with("\1\x2c"));
}

TEST_CASE("dns: an address is four numbers") {
  CHECK(ipv4_bytes("127.77.0.2") == "\x7f\x4d\0\2"s);
  CHECK(ipv4_bytes("255.255.255.255") == "\xff\xff\xff\xff");
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1..2.3", "a.b.c.d", "::1", "1.2.3.4 ", "1.2.3."})
    CHECK_FALSE(ipv4_bytes(text));
}
