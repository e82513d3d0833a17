#include "core/frame_filter.hpp"

namespace banger::core {

namespace {

// IEEE 802.3, RFC 791
constexpr std::size_t ethernet_head = 14, least_ipv4_head = 20, destination_offset = 16;
constexpr unsigned ethertype_ipv4 = 0x0800, ethertype_ipv6 = 0x86DD, ethertype_vlan = 0x8100;

unsigned byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

} // namespace

frame_verdict judge_frame(std::string_view frame) {
  if (frame.size() < ethernet_head)
    return frame_verdict::truncated;
  auto type = byte_at(frame, 12) << 8 | byte_at(frame, 13);
  if (type == ethertype_ipv6)
    return frame_verdict::ipv6;
  if (type == ethertype_vlan)
    return frame_verdict::truncated; // libslirp knows no VLANs; do not let it guess
  if (type != ethertype_ipv4)
    return frame_verdict::pass; // ARP, and what libslirp ignores
  auto packet = frame.substr(ethernet_head);
  if (packet.size() < least_ipv4_head)
    return frame_verdict::truncated;
  auto first = byte_at(packet, destination_offset);
  return first == 127 || first == 0 ? frame_verdict::loopback : frame_verdict::pass;
}

} // namespace banger::core
