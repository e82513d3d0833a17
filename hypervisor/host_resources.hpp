// What banger-helper made for one VM: asked for without waiting, recorded, held by descriptors,
// and released.
#pragma once

#include "core/handles.hpp"
#include "core/helper_protocol.hpp"
#include "host/unique_fd.hpp"
#include "hypervisor/helper_channel.hpp"
#include "protocol/host_needs.hpp"
#include "protocol/result.hpp"
#include "protocol/vm_record.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace banger::hypervisor {

/// How a hypervisor takes what is made for it.
enum class resource_kind : std::uint8_t {
  passed, ///< as descriptors
  lent,   ///< it opens the tap by its name and the disk by its path, with our user's rights
};

/// Held by these descriptors, and then by the hypervisor's copies of them, or by its own: with the
/// last one the kernel, or banger-helper, removes what they stand for.
struct host_resources {
  core::host_handles handles;
  host::unique_fd tap;   ///< none for the user network, and for a tap that is lent
  host::unique_fd disk;  ///< a block device; none for an overlay
  host::unique_fd loan;  ///< our connection to banger-helper, where a tap is lent
  std::string disk_path; ///< of a disk that is lent: good for as long as somebody has it open
};

/// Asks for all that a VM needs. Given up, it leaves nothing: what has come goes with it.
class resource_request {
public:
  /// Sends the requests. @param directory  the VM's, with its file of changes
  /// @param address  the guest's on the bridge. Errors: as helper_channel; not_found (no image, no
  /// file of changes), bad_request.
  [[nodiscard]] static result<resource_request>
  begin(const host_needs& needs, const std::string& vm_id, const std::string& directory,
        const std::string& address, resource_kind how);

  /// Readable when more has come.
  [[nodiscard]] int fd() const { return channel_.fd(); }

  /// Takes what has come. @returns whether that is all. Errors: what the helper says.
  [[nodiscard]] result<bool> take();

  /// @pre take() said that it is all
  [[nodiscard]] host_resources finish() &&;

private:
  resource_request(helper_channel channel, resource_kind how)
      : channel_(std::move(channel)), how_(how) {}
  [[nodiscard]] result<void> ask_for_tap(const host_needs& needs, const std::string& address);
  [[nodiscard]] result<void> ask_for_disk(const host_needs& needs, const std::string& vm_id,
                                          const std::string& directory);
  [[nodiscard]] result<void> take_one(helper_answer got);

  helper_channel channel_;
  resource_kind how_;
  host_resources made_;
  int expected_ = 0; ///< answers that are to come
};

/// Whether a VM needs banger-helper at all.
[[nodiscard]] bool needs_helper(const host_needs& needs);

/// Sees to it that nothing is left of what a VM that has ended had. A device that is still in use
/// is tried again for 6 s. Without a helper there is nothing to do: the kernel has removed it.
/// Blocks. Errors: busy, timed_out, failed.
[[nodiscard]] result<void> release_blocking(const core::vm_handles& handles);

/// A running VM's tap reaches other networks from now on, or no more. Fine without a tap. Blocks.
/// Errors: as ask_helper_blocking.
[[nodiscard]] result<void> set_nat_blocking(const core::vm_handles& handles, bool has_nat);

/// What a running VM holds, by the names that follow from its record: for handles that were lost.
[[nodiscard]] std::optional<core::host_handles> expected_handles(const vm_record& record,
                                                                 const std::string& helper_socket);

/// How full a VM's root disk is, as a text for a user; empty: nothing to worry about, or no
/// snapshot. Blocks. Errors: as ask_helper_blocking.
[[nodiscard]] result<std::string> disk_warning_blocking(const core::vm_handles& handles);

/// The file with what a VM changed of its image.
[[nodiscard]] std::string changes_path(const std::string& directory);

} // namespace banger::hypervisor
