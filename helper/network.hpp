// The network of VMs with a tap: their taps, the bridge, NAT. What is wanted stands in the links'
// aliases and nowhere else; the rest is made from it. So nothing is lost when this program ends,
// and a tap that goes in whatever way takes what was its own with it.
#pragma once

#include "core/helper_protocol.hpp"
#include "helper/links.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <set>

namespace banger::helper {

class network {
public:
  /// @param owner  user id whose taps may be touched
  /// Errors: failed.
  [[nodiscard]] static result<network> open(std::uint32_t owner);

  /// Makes a tap on the bridge, and the bridge where it is the first. On failure nothing is left.
  /// Errors: already_exists (the address is in use), no_space (the user has 512), missing_program,
  /// failed.
  [[nodiscard]] result<host::unique_fd> attach(std::uint32_t index, bool has_nat);

  /// Makes a tap as attach does, for a program of the owner's that opens it by its name. It stays
  /// while somebody has it open, and until end_loan. Errors: as attach.
  [[nodiscard]] result<void> lend(std::uint32_t index, bool has_nat);

  /// Who wanted this tap has gone: it goes too unless somebody has opened it.
  void end_loan(std::uint32_t index);

  /// Removes the owner's taps that nobody has open, and nobody is about to: the kernel keeps a tap
  /// that was made persistent. Errors: failed.
  [[nodiscard]] result<void> remove_unheld();

  /// Removes a tap, if it is there, and what nobody needs after it. Errors: bad_request (another
  /// user's), failed.
  [[nodiscard]] result<void> release(std::uint32_t index);

  /// Errors: not_found, bad_request (another user's), failed.
  [[nodiscard]] result<void> set_nat(std::uint32_t index, bool has_nat);

  /// Makes firewall, forwarding and bridge agree with the taps there are: with none, all of it
  /// goes. Errors: failed; every step is tried.
  [[nodiscard]] result<void> settle();

  [[nodiscard]] result<core::helper_counts> count() const;

private:
  struct view;
  network(links all, std::uint32_t owner) : links_(std::move(all)), owner_(owner) {}
  [[nodiscard]] result<view> look() const;
  [[nodiscard]] result<void> settle(const view& now);
  [[nodiscard]] result<void> check_count() const;
  [[nodiscard]] result<int> ensure_bridge();

  links links_;
  std::uint32_t owner_;
  std::multiset<std::uint32_t> lent_; ///< to those who are still there
};

} // namespace banger::helper
