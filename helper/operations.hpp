// What banger-helper does, one request at a time.
#pragma once

#include "core/helper_protocol.hpp"
#include "helper/disks.hpp"
#include "helper/network.hpp"
#include "host/unique_fd.hpp"

#include <cstdint>
#include <vector>

namespace banger::helper {

struct answer {
  core::helper_reply reply;
  host::unique_fd fd; ///< goes with it
};

class operations {
public:
  /// @param owner  the user who may ask
  /// Errors: failed.
  [[nodiscard]] static result<operations> open(std::uint32_t owner);

  /// Carries a request out. @param fds  as many as core::descriptors_to says
  [[nodiscard]] answer perform(const core::helper_request& x,
                               const std::vector<host::unique_fd>& fds);

  /// Makes the host agree with the taps and disks that there are.
  [[nodiscard]] result<void> settle();

  /// Somebody who was lent these taps has gone.
  [[nodiscard]] result<void> end_loans(const std::vector<std::uint32_t>& taps);

  /// Removes taps that nobody has open any more.
  [[nodiscard]] result<void> remove_unheld();

private:
  operations(network net, std::uint32_t owner)
      : network_(std::move(net)), disks_(owner), owner_(owner) {}
  void describe(answer& out);

  network network_;
  disks disks_;
  std::uint32_t owner_;
};

} // namespace banger::helper
