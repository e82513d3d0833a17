// What bangerd asks of banger-helper, the only part of banger that needs root, and what that
// answers: fixed operations, one SOCK_SEQPACKET message of one size each, no paths. Files and
// devices travel as descriptors beside it (unix(7), SCM_RIGHTS): who sends one could open it, so
// there is no path to be checked. All numbers are little-endian.
#pragma once

#include "core/snapshot_disk.hpp"
#include "protocol/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core {

inline constexpr std::uint16_t helper_version = 1;
inline constexpr std::size_t helper_request_size = 32;
inline constexpr std::size_t helper_reply_size = 320;

/// The number is the wire value: append, never reorder.
enum class helper_op : std::uint8_t {
  hello = 1,    ///< first on every connection
  attach_tap,   ///< address, has_nat. Answer: name, and the tap as a descriptor. The tap goes with
                ///< the last descriptor of it.
  release_tap,  ///< address: the tap, its NAT, and with the last tap the bridge. None: fine.
  set_nat,      ///< address, has_nat, of a tap that is there
  attach_disk,  ///< vm_id, with two descriptors: the image, and the file of changes. Answer: name,
                ///< and the device as a descriptor. The device goes with the last one of it.
  disk_status,  ///< vm_id. Answer: disk. Errors: not_found.
  release_disk, ///< vm_id. None: fine. Errors: busy, while somebody has it open.
  describe,     ///< Answer: counts.
  lend_tap,     ///< As attach_tap, for a program that opens it by its name. Answer: name, and no
                ///< descriptor. The asker's user may open it. It goes when nobody has it open and
                ///< this connection has ended.
  lend_disk,    ///< As attach_disk, and the asker's user may open its node in /dev too.
};

/// Descriptors that come with a request, and with its good answer.
[[nodiscard]] std::size_t descriptors_to(helper_op op);
[[nodiscard]] std::size_t descriptors_from(helper_op op);

struct helper_request {
  std::uint32_t number = 0; ///< of the asker's choice; the answer has it too
  helper_op op = helper_op::hello;
  bool has_nat = false;
  std::uint32_t address_index = 0; ///< core::bridged_address
  std::string vm_id;               ///< 12 hex digits, or empty where the operation has none
  friend bool operator==(const helper_request&, const helper_request&) = default;
};

struct helper_counts {
  std::uint32_t taps = 0;
  std::uint32_t with_nat = 0; ///< of the taps
  std::uint32_t disks = 0;    ///< of the asker
  bool has_bridge = false;
  bool is_forwarding = false; ///< IPv4
  friend bool operator==(const helper_counts&, const helper_counts&) = default;
};

struct helper_reply {
  std::uint32_t number = 0;
  helper_op op = helper_op::hello;
  failure why{ec::none, {}, {}, {}}; ///< code none: done. Its texts are cut at 47, 127 and 67 bytes
  std::string name;                  ///< of a tap or device, up to 31 bytes
  snapshot_state disk;
  helper_counts counts;
  friend bool operator==(const helper_reply&, const helper_reply&) = default;
};

/// @pre vm_id has 12 bytes or none
[[nodiscard]] std::string encode(const helper_request& x);
[[nodiscard]] std::string encode(const helper_reply& x);

/// Errors: version_mismatch; bad_request for anything that encode() does not write, or that no VM
/// can have.
[[nodiscard]] result<helper_request> decode_helper_request(std::string_view bytes);

/// Errors: version_mismatch; failed for anything that encode() does not write.
[[nodiscard]] result<helper_reply> decode_helper_reply(std::string_view bytes);

} // namespace banger::core
