// Which Ethernet frames of a guest may enter the user-mode network, and the answer a refused one
// gets. Pure.
//
// libslirp connects to whatever address a guest names, from the host, as the user who runs it. So a
// guest could reach what listens on the host's loopback only: databases, other guests' ssh
// forwards, the user's own services. libslirp's own switch (disable_host_loopback) covers the
// gateway alias 10.0.2.2 and 255.255.255.255 alone; a raw frame to 127.0.0.1 passes it. This filter
// is the second fence around the first and the only one around the latter.
//
// Not fenced off: the host's other addresses (its LAN address, a bridge's), which are reachable
// like any other machine's. What listens on 0.0.0.0 of the host is open to a guest as it is to the
// network.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core {

/// Whether a guest may reach anything but its own forwards.
enum class way_out : std::uint8_t { open, closed };

enum class frame_verdict : std::uint8_t {
  pass,
  truncated,         ///< shorter than its own headers say, or they contradict themselves
  loopback,          ///< to 127.0.0.0/8, or to 0.0.0.0/8, which Linux connects to itself
  gateway,           ///< to 10.0.2.2, libslirp's alias of the host's loopback
  resolver,          ///< to 10.0.2.3, but not DNS
  virtual_network,   ///< to an address of 10.0.2.0/24 that nobody has, or a broadcast
  isolated,          ///< to the outside, from a guest that has no way out
  ipv6,              ///< not offered to guests
  unknown_ethertype, ///< neither IPv4 nor ARP
};

/// Judges one frame without its length prefix.
///
/// To the gateway only this passes: ICMP (libslirp answers `ping` itself), DHCP, and TCP segments
/// other than a first SYN, which are the guest's half of a forwarded connection (libslirp shows
/// those as coming from the gateway, and makes a connection of nothing but a SYN). To the resolver:
/// ICMP, and port 53. No fragment passes to these two, as only a first one has the ports; a
/// fragment to elsewhere is judged by its own IP header, which repeats the destination, and
/// libslirp puts together only fragments of one destination. With the way out closed, nothing else
/// passes than to the gateway, pings of the resolver, and the guest's half of connections that came
/// in through a forward.
///
/// Source: IEEE 802.3, RFC 791, RFC 9293; libslirp 4.7 tcp_input.c, udp.c, socket.c.
[[nodiscard]] frame_verdict judge_frame(std::string_view frame, way_out out);

/// The frame that tells the guest at once: a TCP reset or an ICMP "port unreachable", both
/// "connection refused" to a program. Without it a program would wait for minutes.
/// @pre `verdict` is what judge_frame() said of `frame`
/// @returns nothing where silence is right: for `pass`, for frames no honest kernel sends, and for
/// what is not the start of an exchange.
[[nodiscard]] std::string refusal_of(std::string_view frame, frame_verdict verdict);

} // namespace banger::core
