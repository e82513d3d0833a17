#include "core/frame_filter.hpp"

#include <doctest/doctest.h>

#include <array>

using banger::core::frame_verdict;
using banger::core::judge_frame;
using banger::core::refusal_of;
using banger::core::way_out;

namespace {

using address = std::array<int, 4>;

constexpr address guest{10, 0, 2, 15}, gateway{10, 0, 2, 2}, resolver{10, 0, 2, 3};
constexpr address elsewhere{198, 51, 100, 7};
constexpr int icmp = 1, tcp = 6, udp = 17;
constexpr int syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10, ece_cwr = 0xC0;
const std::string guest_mac{"\x52\x54\x00\x12\x34\x56", 6};
const std::string host_mac{"\x52\x55\x0a\x00\x02\x02", 6};

std::string be16(int x) {
  return {static_cast<char>(x >> 8 & 0xFF), static_cast<char>(x & 0xFF)};
}

std::string bytes_of(const address& x) {
  std::string out;
  for (int part : x)
    out += static_cast<char>(part);
  return out;
}

std::string ethernet(int type, const std::string& payload) {
  return host_mac + guest_mac + be16(type) + payload;
}

/// @param fragment  the flags and offset field of IPv4
std::string ipv4(const address& to, int protocol, const std::string& payload, int fragment = 0,
                 const std::string& options = {}) {
  auto header_size = 20 + static_cast<int>(options.size());
  std::string header{static_cast<char>(0x40 | header_size / 4), '\0'};
  header += be16(header_size + static_cast<int>(payload.size())) + be16(7) + be16(fragment);
  header += static_cast<char>(64);
  header += static_cast<char>(protocol);
  header += be16(0) + bytes_of(guest) + bytes_of(to) + options;
  return ethernet(0x0800, header + payload);
}

std::string tcp_segment(int port, int flags) {
  return be16(40000) + be16(port) + std::string{"\x01\x02\x03\xff", 4} + std::string(4, '\0') +
         be16(0x5000 | flags) + std::string(6, '\0');
}

std::string udp_datagram(int port) {
  return be16(40000) + be16(port) + be16(12) + be16(0) + "ping";
}

const std::string echo{"\x08\x00\xf7\xff\x00\x00\x00\x00", 8};

frame_verdict judge(const std::string& frame) {
  return judge_frame(frame, way_out::open);
}

frame_verdict judge_isolated(const std::string& frame) {
  return judge_frame(frame, way_out::closed);
}

/// The one's complement sum of a packet with its checksum in it is 0xFFFF (RFC 1071).
unsigned ones_sum(std::string_view bytes) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    sum += static_cast<unsigned>(static_cast<unsigned char>(bytes[i])) << (i % 2 == 0 ? 8 : 0);
  while (sum > 0xFFFF)
    sum = (sum & 0xFFFF) + (sum >> 16);
  return sum;
}

} // namespace

TEST_CASE("frame filter: the outside is open on every protocol") {
  CHECK(judge(ipv4(elsewhere, tcp, tcp_segment(443, syn))) == frame_verdict::pass);
  CHECK(judge(ipv4(elsewhere, udp, udp_datagram(123))) == frame_verdict::pass);
  CHECK(judge(ipv4(elsewhere, icmp, echo)) == frame_verdict::pass);
  CHECK(judge(ipv4({126, 255, 255, 255}, tcp, tcp_segment(80, syn))) == frame_verdict::pass);
  CHECK(judge(ipv4({128, 0, 0, 1}, tcp, tcp_segment(80, syn))) == frame_verdict::pass);
  CHECK(judge(ipv4({10, 0, 3, 2}, tcp, tcp_segment(80, syn))) == frame_verdict::pass);
}

TEST_CASE("frame filter: the host's loopback is closed, on every address and protocol") {
  for (const address& to : {address{127, 0, 0, 1}, address{127, 77, 0, 9},
                            address{127, 255, 255, 255}, address{0, 0, 0, 0}, address{0, 1, 2, 3}})
    for (int flags : {syn, ack, syn | ack, rst}) {
      CHECK(judge(ipv4(to, tcp, tcp_segment(22, flags))) == frame_verdict::loopback);
      CHECK(judge(ipv4(to, udp, udp_datagram(53))) == frame_verdict::loopback);
      CHECK(judge(ipv4(to, icmp, echo)) == frame_verdict::loopback);
    }
}

TEST_CASE("frame filter: a fragment to the host's loopback is closed as well, first or later") {
  CHECK(judge(ipv4({127, 0, 0, 1}, udp, udp_datagram(53), 0x2000)) == frame_verdict::loopback);
  CHECK(judge(ipv4({127, 0, 0, 1}, udp, "rest", 0x0001)) == frame_verdict::loopback);
}

TEST_CASE("frame filter: no connection can be opened to the gateway") {
  for (int flags : {syn, syn | psh, syn | ece_cwr, syn | rst})
    CHECK(judge(ipv4(gateway, tcp, tcp_segment(22, flags))) == frame_verdict::gateway);
}

TEST_CASE("frame filter: the guest's half of a forwarded connection passes to the gateway") {
  for (int flags : {syn | ack, ack, ack | psh, ack | 1, rst, rst | ack})
    CHECK(judge(ipv4(gateway, tcp, tcp_segment(40001, flags))) == frame_verdict::pass);
}

TEST_CASE("frame filter: to the gateway only ping and DHCP pass besides") {
  CHECK(judge(ipv4(gateway, icmp, echo)) == frame_verdict::pass);
  CHECK(judge(ipv4(gateway, udp, udp_datagram(67))) == frame_verdict::pass);
  CHECK(judge(ipv4(gateway, udp, udp_datagram(69))) == frame_verdict::gateway); // TFTP
  CHECK(judge(ipv4(gateway, udp, udp_datagram(53))) == frame_verdict::gateway);
  CHECK(judge(ipv4(gateway, 132, udp_datagram(67))) == frame_verdict::gateway); // SCTP
}

TEST_CASE("frame filter: the resolver answers DNS over both protocols, and pings, nothing else") {
  CHECK(judge(ipv4(resolver, udp, udp_datagram(53))) == frame_verdict::pass);
  CHECK(judge(ipv4(resolver, tcp, tcp_segment(53, syn))) == frame_verdict::pass);
  CHECK(judge(ipv4(resolver, tcp, tcp_segment(53, ack))) == frame_verdict::pass);
  CHECK(judge(ipv4(resolver, icmp, echo)) == frame_verdict::pass);
  CHECK(judge(ipv4(resolver, udp, udp_datagram(5353))) == frame_verdict::resolver);
  CHECK(judge(ipv4(resolver, tcp, tcp_segment(22, syn))) == frame_verdict::resolver);
  CHECK(judge(ipv4(resolver, tcp, tcp_segment(22, ack))) == frame_verdict::resolver);
}

TEST_CASE("frame filter: no fragment passes to gateway or resolver, where ports decide") {
  CHECK(judge(ipv4(resolver, udp, udp_datagram(53), 0x2000)) == frame_verdict::resolver);
  CHECK(judge(ipv4(resolver, udp, "tail", 0x0001)) == frame_verdict::resolver);
  CHECK(judge(ipv4(gateway, tcp, tcp_segment(22, ack), 0x2000)) == frame_verdict::gateway);
  CHECK(judge(ipv4(gateway, tcp, "tail", 0x0002)) == frame_verdict::gateway);
  CHECK(judge(ipv4(gateway, udp, udp_datagram(67), 0x2000)) == frame_verdict::gateway);
}

TEST_CASE("frame filter: \"don't fragment\" does not make a fragment") {
  CHECK(judge(ipv4(resolver, udp, udp_datagram(53), 0x4000)) == frame_verdict::pass);
}

TEST_CASE("frame filter: fragments to elsewhere pass, the later ones whatever their size") {
  CHECK(judge(ipv4(elsewhere, udp, udp_datagram(53), 0x2000)) == frame_verdict::pass);
  CHECK(judge(ipv4(elsewhere, udp, "x", 0x0010)) == frame_verdict::pass);
}

TEST_CASE("frame filter: ports are found behind IP options") {
  std::string options(8, '\1');
  CHECK(judge(ipv4(gateway, tcp, tcp_segment(22, syn), 0, options)) == frame_verdict::gateway);
  CHECK(judge(ipv4(resolver, udp, udp_datagram(53), 0, options)) == frame_verdict::pass);
  CHECK(judge(ipv4(resolver, udp, udp_datagram(54), 0, options)) == frame_verdict::resolver);
}

TEST_CASE("frame filter: nobody else is in the virtual network, and a broadcast is for DHCP only") {
  for (const address& to : {address{10, 0, 2, 0}, address{10, 0, 2, 4}, guest,
                            address{10, 0, 2, 255}, address{255, 255, 255, 255}})
    CHECK(judge(ipv4(to, tcp, tcp_segment(22, syn))) == frame_verdict::virtual_network);
  CHECK(judge(ipv4({255, 255, 255, 255}, udp, udp_datagram(67))) == frame_verdict::pass);
  CHECK(judge(ipv4({255, 255, 255, 255}, udp, udp_datagram(68))) == frame_verdict::virtual_network);
}

TEST_CASE("frame filter: IPv6 is closed, ARP is open, other protocols are closed") {
  CHECK(judge(ethernet(0x86DD, std::string(60, '\0'))) == frame_verdict::ipv6);
  CHECK(judge(ethernet(0x0806, std::string(28, '\0'))) == frame_verdict::pass);
  CHECK(judge(ethernet(0x8100, std::string(60, '\0'))) == frame_verdict::unknown_ethertype); // VLAN
  CHECK(judge(ethernet(0x88F8, std::string(60, '\0'))) ==
        frame_verdict::unknown_ethertype); // NC-SI
}

TEST_CASE("frame filter: a frame cut anywhere inside its headers never passes") {
  for (const auto& whole :
       {ipv4(elsewhere, tcp, tcp_segment(80, syn)), ipv4(elsewhere, udp, udp_datagram(80)),
        ipv4(elsewhere, icmp, echo), ipv4(elsewhere, 132, "payload", 0, "\1\1\1\1")}) {
    REQUIRE(judge(whole) == frame_verdict::pass);
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK(judge(whole.substr(0, size)) == frame_verdict::truncated);
  }
}

TEST_CASE("frame filter: headers that contradict themselves never pass") {
  auto frame = ipv4(elsewhere, udp, udp_datagram(80));
  auto with = [&](std::size_t at, int value) {
    auto changed = frame;
    changed[14 + at] = static_cast<char>(value);
    return judge(changed);
  };
  CHECK(with(0, 0x65) == frame_verdict::truncated);   // version 6 behind the type of 4
  CHECK(with(0, 0x44) == frame_verdict::truncated);   // a header of 16 bytes
  CHECK(with(0, 0x4F) == frame_verdict::truncated);   // a header beyond the packet
  CHECK(with(3, 19) == frame_verdict::truncated);     // a packet shorter than its header
  CHECK(with(3, 20 + 7) == frame_verdict::truncated); // a cut UDP header before padding
}

TEST_CASE("frame filter: a tiny TCP segment or first fragment does not get past the SYN check") {
  CHECK(judge(ipv4(gateway, tcp, tcp_segment(22, syn).substr(0, 8))) == frame_verdict::truncated);
  CHECK(judge(ipv4(gateway, tcp, tcp_segment(22, syn).substr(0, 8), 0x2000)) ==
        frame_verdict::truncated);
}

TEST_CASE("frame filter: with the way out closed only forwards, DHCP and pings are left") {
  CHECK(judge_isolated(ipv4(elsewhere, tcp, tcp_segment(443, syn))) == frame_verdict::isolated);
  CHECK(judge_isolated(ipv4(elsewhere, udp, udp_datagram(123))) == frame_verdict::isolated);
  CHECK(judge_isolated(ipv4(elsewhere, icmp, echo)) == frame_verdict::isolated);
  CHECK(judge_isolated(ipv4(resolver, udp, udp_datagram(53))) == frame_verdict::isolated);
  CHECK(judge_isolated(ipv4(resolver, tcp, tcp_segment(53, ack))) == frame_verdict::isolated);
  CHECK(judge_isolated(ipv4({127, 0, 0, 1}, tcp, tcp_segment(22, ack))) == frame_verdict::loopback);
  // A forward on a LAN address shows its real client to the guest.
  CHECK(judge_isolated(ipv4(elsewhere, tcp, tcp_segment(40001, syn | ack))) == frame_verdict::pass);
  CHECK(judge_isolated(ipv4(gateway, tcp, tcp_segment(40001, ack))) == frame_verdict::pass);
  CHECK(judge_isolated(ipv4(gateway, udp, udp_datagram(67))) == frame_verdict::pass);
  CHECK(judge_isolated(ipv4(gateway, icmp, echo)) == frame_verdict::pass);
}

TEST_CASE("frame filter: a refused SYN is answered with the reset that the guest expects") {
  auto asked = ipv4(gateway, tcp, tcp_segment(22, syn));
  auto answer = refusal_of(asked, judge(asked));
  REQUIRE(answer.size() == 14 + 20 + 20);
  CHECK(answer.substr(0, 14) == guest_mac + host_mac + be16(0x0800));
  auto ip = answer.substr(14, 20);
  CHECK(ip.substr(12) == bytes_of(gateway) + bytes_of(guest));
  CHECK(ones_sum(ip) == 0xFFFF);
  auto segment = answer.substr(34);
  CHECK(segment.substr(0, 4) == be16(22) + be16(40000));
  CHECK(segment.substr(8, 4) == std::string{"\x01\x02\x04\x00", 4}); // its sequence number + 1
  CHECK(segment.substr(12, 2) == be16(0x5000 | rst | ack));
  CHECK(ones_sum(ip.substr(12) + be16(tcp) + be16(20) + segment) == 0xFFFF);
}

TEST_CASE("frame filter: a refused datagram is answered with \"port unreachable\", quoting it") {
  auto asked = ipv4(resolver, udp, udp_datagram(5353));
  auto answer = refusal_of(asked, judge(asked));
  REQUIRE(answer.size() == 14 + 20 + 8 + 28);
  CHECK(answer[14 + 9] == icmp);
  CHECK(ones_sum(answer.substr(14, 20)) == 0xFFFF);
  CHECK(answer.substr(34, 2) == "\3\3");
  CHECK(ones_sum(answer.substr(34)) == 0xFFFF);
  CHECK(answer.substr(42) == asked.substr(14, 28));
}

TEST_CASE("frame filter: what leaves an isolated guest is refused at once, DNS included") {
  for (const auto& asked :
       {ipv4(resolver, udp, udp_datagram(53)), ipv4(elsewhere, tcp, tcp_segment(443, syn))})
    CHECK_FALSE(refusal_of(asked, judge_isolated(asked)).empty());
}

TEST_CASE("frame filter: forged, broadcast and passed frames, and resets, get no answer") {
  for (const auto& asked :
       {ipv4({127, 0, 0, 1}, tcp, tcp_segment(22, syn)),
        ipv4({10, 0, 2, 255}, udp, udp_datagram(9)), ipv4(elsewhere, tcp, tcp_segment(80, syn)),
        ipv4(resolver, tcp, tcp_segment(22, rst)), ipv4(resolver, udp, "tail", 1),
        ipv4(gateway, 132, "whatever"), std::string{"short"}})
    CHECK(refusal_of(asked, judge(asked)).empty());
}
