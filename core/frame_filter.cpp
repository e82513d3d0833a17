#include "core/frame_filter.hpp"

#include <cstddef>
#include <optional>

namespace banger::core {

namespace {

constexpr std::size_t ethernet_size = 14, least_ip_size = 20, least_tcp_size = 20, udp_size = 8;
constexpr unsigned ethertype_ipv4 = 0x0800, ethertype_arp = 0x0806, ethertype_ipv6 = 0x86DD;
constexpr unsigned protocol_icmp = 1, protocol_tcp = 6, protocol_udp = 17;
constexpr unsigned dns_port = 53, dhcp_server_port = 67;
constexpr unsigned flag_syn = 0x02, flag_rst = 0x04, flag_ack = 0x10;
constexpr std::uint32_t gateway = 0x0A000202, resolver = 0x0A000203, network = 0x0A000200;
constexpr std::uint32_t network_mask = 0xFFFFFF00, broadcast = 0xFFFFFFFF;

unsigned u8(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

unsigned u16(std::string_view bytes, std::size_t at) {
  return u8(bytes, at) << 8 | u8(bytes, at + 1);
}

std::uint32_t u32(std::string_view bytes, std::size_t at) {
  return std::uint32_t{u16(bytes, at)} << 16 | u16(bytes, at + 2);
}

struct ipv4_packet {
  std::string_view header;
  std::string_view payload; ///< without the padding of a short Ethernet frame
  unsigned protocol = 0;
  std::uint32_t destination = 0;
  bool is_fragment = false;
  bool is_later_fragment = false;
};

/// Nothing where the sizes in it do not fit: then libslirp might see another packet than we do.
std::optional<ipv4_packet> parse_ipv4(std::string_view bytes) {
  if (bytes.size() < least_ip_size || u8(bytes, 0) >> 4 != 4)
    return std::nullopt;
  std::size_t header_size = (u8(bytes, 0) & 0x0F) * std::size_t{4};
  std::size_t total_size = u16(bytes, 2);
  if (header_size < least_ip_size || total_size < header_size || total_size > bytes.size())
    return std::nullopt;
  ipv4_packet x;
  x.header = bytes.substr(0, header_size);
  x.payload = bytes.substr(header_size, total_size - header_size);
  x.protocol = u8(bytes, 9);
  x.destination = u32(bytes, 16);
  x.is_fragment = (u16(bytes, 6) & 0x3FFF) != 0; // "more fragments" or an offset
  x.is_later_fragment = (u16(bytes, 6) & 0x1FFF) != 0;
  return x;
}

/// True where the header after IP's ought to be there, and is cut.
bool is_cut(const ipv4_packet& x) {
  auto needed = x.protocol == protocol_tcp                                  ? least_tcp_size
                : x.protocol == protocol_udp || x.protocol == protocol_icmp ? udp_size
                                                                            : 0;
  return !x.is_later_fragment && x.payload.size() < needed;
}

bool is_whole(const ipv4_packet& x, unsigned protocol) {
  return x.protocol == protocol && !x.is_fragment;
}

unsigned destination_port(const ipv4_packet& x) {
  return u16(x.payload, 2);
}

bool has_syn_only(const ipv4_packet& x) {
  return (u8(x.payload, 13) & (flag_syn | flag_ack)) == flag_syn;
}

bool opens_connection(const ipv4_packet& x) {
  return is_whole(x, protocol_tcp) && has_syn_only(x);
}

/// The guest's half of a connection that it did not open.
bool continues_connection(const ipv4_packet& x) {
  return is_whole(x, protocol_tcp) && !has_syn_only(x);
}

bool is_dhcp(const ipv4_packet& x) {
  return is_whole(x, protocol_udp) && destination_port(x) == dhcp_server_port;
}

bool is_dns(const ipv4_packet& x) {
  return (is_whole(x, protocol_udp) || is_whole(x, protocol_tcp)) &&
         destination_port(x) == dns_port;
}

frame_verdict judge_packet(const ipv4_packet& x, way_out out) {
  auto pass_if = [](bool passes, frame_verdict otherwise) {
    return passes ? frame_verdict::pass : otherwise;
  };
  auto is_ping = x.protocol == protocol_icmp;
  auto first = x.destination >> 24;
  if (first == 127 || first == 0)
    return frame_verdict::loopback;
  if (x.destination == gateway)
    return pass_if(is_ping || is_dhcp(x) || continues_connection(x), frame_verdict::gateway);
  if (x.destination == resolver && out == way_out::open)
    return pass_if(is_ping || is_dns(x), frame_verdict::resolver);
  if (x.destination == resolver)
    return pass_if(is_ping, frame_verdict::isolated);
  if (x.destination == broadcast)
    return pass_if(is_dhcp(x), frame_verdict::virtual_network);
  if ((x.destination & network_mask) == network)
    return frame_verdict::virtual_network;
  return pass_if(out == way_out::open || continues_connection(x), frame_verdict::isolated);
}

void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8 & 0xFF);
  out += static_cast<char>(value & 0xFF);
}

void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xFFFF);
}

/// The Internet checksum, RFC 1071.
unsigned checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += u16(bytes, i);
  if (bytes.size() % 2 != 0)
    sum += u8(bytes, bytes.size() - 1) << 8;
  while (sum > 0xFFFF)
    sum = (sum & 0xFFFF) + (sum >> 16);
  return ~sum & 0xFFFF;
}

void store16(std::string& out, std::size_t at, unsigned value) {
  out[at] = static_cast<char>(value >> 8 & 0xFF);
  out[at + 1] = static_cast<char>(value & 0xFF);
}

/// Ethernet and IP headers of a packet back to the sender of `frame`, with `payload` behind.
std::string reply_to(std::string_view frame, const ipv4_packet& asked, unsigned protocol,
                     std::string_view payload) {
  std::string ip;
  put16(ip, 0x4500); // version 4, 20 bytes of header
  put16(ip, static_cast<unsigned>(least_ip_size + payload.size()));
  put16(ip, 0);
  put16(ip, 0x4000); // "don't fragment"
  put16(ip, 64U << 8 | protocol);
  put16(ip, 0); // checksum, below
  ip += asked.header.substr(16, 4);
  ip += asked.header.substr(12, 4);
  store16(ip, 10, checksum(ip));
  std::string out{frame.substr(6, 6)};
  out += frame.substr(0, 6);
  put16(out, ethertype_ipv4);
  return out + ip + std::string{payload};
}

/// RFC 9293, 3.10.7.1: a segment to a port that nobody listens on.
std::string tcp_reset(const ipv4_packet& asked) {
  std::string tcp{asked.payload.substr(2, 2)};
  tcp += asked.payload.substr(0, 2);
  put32(tcp, 0);
  put32(tcp, u32(asked.payload, 4) + 1); // a SYN counts as one byte
  put16(tcp, 5U << 12 | flag_rst | flag_ack);
  put16(tcp, 0);
  put32(tcp, 0); // checksum, below, and urgent pointer
  std::string pseudo{asked.header.substr(12, 8)};
  put16(pseudo, protocol_tcp);
  put16(pseudo, static_cast<unsigned>(tcp.size()));
  store16(tcp, 16, checksum(pseudo + tcp));
  return tcp;
}

/// RFC 792: destination unreachable (3), port (3), with the header and 8 bytes of what was sent.
std::string port_unreachable(const ipv4_packet& asked) {
  std::string icmp;
  put16(icmp, 0x0303);
  put16(icmp, 0); // checksum, below
  put32(icmp, 0);
  icmp += asked.header;
  icmp += asked.payload.substr(0, udp_size);
  store16(icmp, 2, checksum(icmp));
  return icmp;
}

} // namespace

frame_verdict judge_frame(std::string_view frame, way_out out) {
  if (frame.size() < ethernet_size)
    return frame_verdict::truncated;
  auto type = u16(frame, 12);
  if (type == ethertype_arp)
    return frame_verdict::pass;
  if (type == ethertype_ipv6)
    return frame_verdict::ipv6;
  if (type != ethertype_ipv4)
    return frame_verdict::unknown_ethertype;
  auto packet = parse_ipv4(frame.substr(ethernet_size));
  if (!packet || is_cut(*packet))
    return frame_verdict::truncated;
  return judge_packet(*packet, out);
}

std::string refusal_of(std::string_view frame, frame_verdict verdict) {
  if (verdict != frame_verdict::gateway && verdict != frame_verdict::resolver &&
      verdict != frame_verdict::isolated)
    return {};
  auto packet = parse_ipv4(frame.substr(ethernet_size));
  if (packet && opens_connection(*packet))
    return reply_to(frame, *packet, protocol_tcp, tcp_reset(*packet));
  if (packet && is_whole(*packet, protocol_udp))
    return reply_to(frame, *packet, protocol_icmp, port_unreachable(*packet));
  return {};
}

} // namespace banger::core
