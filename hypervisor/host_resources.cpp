#include "hypervisor/host_resources.hpp"

#include "core/bridge_network.hpp"
#include "core/snapshot_disk.hpp"
#include "host/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <thread>
#include <unistd.h>

namespace banger::hypervisor {

namespace {

using namespace std::chrono_literals;

constexpr auto answer_limit = 3s;
// Twice this, each with a last answer, fits into deadlines::storage.
constexpr auto release_limit = 6s;
constexpr auto retry_pause = 20ms; // a device goes some milliseconds after its last user

core::helper_request about(core::helper_op op, const std::string& vm_id) {
  core::helper_request x;
  x.op = op;
  x.vm_id = vm_id;
  return x;
}

/// What may be otherwise a moment later: in use, or a helper that is busy with others or restarts.
bool is_passing(ec code) {
  return code == ec::busy || code == ec::timed_out || code == ec::link_lost;
}

/// Asks for a release until it is done.
result<void> release(const std::string& socket, const core::helper_request& x) {
  const auto until = std::chrono::steady_clock::now() + release_limit;
  for (;;) {
    auto done = ask_helper_blocking(socket, x, answer_limit);
    // Another user's by now: ours was gone before.
    if (done || done.error().code == ec::missing_program || done.error().code == ec::bad_request)
      return {};
    if (!is_passing(done.error().code) || std::chrono::steady_clock::now() > until)
      return tl::make_unexpected(done.error());
    std::this_thread::sleep_for(retry_pause);
  }
}

} // namespace

std::string changes_path(const std::string& directory) {
  return directory + "/root.cow";
}

bool needs_helper(const host_needs& needs) {
  return needs.network == network_kind::tap || needs.root_disk == root_disk_kind::snapshot;
}

result<void> resource_request::ask_for_disk(const host_needs& needs, const std::string& vm_id,
                                            const std::string& directory) {
  host::unique_fd image{::open(needs.root_image.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!image)
    return fail_errno("open " + needs.root_image);
  const auto path = changes_path(directory);
  host::unique_fd changes{::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
  if (!changes)
    return fail_errno("open " + path);
  ++expected_;
  const auto op =
      how_ == resource_kind::lent ? core::helper_op::lend_disk : core::helper_op::attach_disk;
  return channel_.send(about(op, vm_id), {image.get(), changes.get()});
}

result<void> resource_request::ask_for_tap(const host_needs& needs, const std::string& address) {
  auto index = core::bridged_address_index(address);
  if (!index)
    return fail(ec::bad_request, "ask for a tap", "'" + address + "' is no guest's address");
  auto tap = about(
      how_ == resource_kind::lent ? core::helper_op::lend_tap : core::helper_op::attach_tap, {});
  tap.address_index = *index;
  tap.has_nat = needs.has_nat;
  ++expected_;
  made_.handles.address = address;
  return channel_.send(tap);
}

result<resource_request> resource_request::begin(const host_needs& needs, const std::string& vm_id,
                                                 const std::string& directory,
                                                 const std::string& address, resource_kind how) {
  auto channel = helper_channel::connect(needs.helper_socket);
  if (!channel)
    return tl::make_unexpected(channel.error());
  resource_request x{std::move(*channel), how};
  x.made_.handles.helper_socket = needs.helper_socket;
  if (needs.network == network_kind::tap)
    if (auto sent = x.ask_for_tap(needs, address); !sent)
      return tl::make_unexpected(sent.error());
  if (needs.root_disk == root_disk_kind::snapshot)
    if (auto sent = x.ask_for_disk(needs, vm_id, directory); !sent)
      return tl::make_unexpected(sent.error());
  return x;
}

result<bool> resource_request::take() {
  while (expected_ > 0) {
    auto answer = channel_.receive();
    if (!answer)
      return tl::make_unexpected(answer.error());
    if (!*answer)
      return false;
    --expected_;
    if (auto taken = take_one(std::move(**answer)); !taken)
      return tl::make_unexpected(taken.error());
  }
  return true;
}

result<void> resource_request::take_one(helper_answer got) {
  const auto op = got.reply.op;
  if (op == core::helper_op::attach_tap || op == core::helper_op::lend_tap) {
    made_.tap = std::move(got.fd);
    made_.handles.tap = std::move(got.reply.name);
    return {};
  }
  made_.disk = std::move(got.fd);
  made_.handles.disk = std::move(got.reply.name);
  if (op == core::helper_op::attach_disk)
    return {};
  struct stat node {};
  if (::fstat(made_.disk.get(), &node) != 0 || !S_ISBLK(node.st_mode))
    return fail(ec::failed, "open the disk that was lent", "it is no block device");
  // devtmpfs's name. /dev/mapper is udev's, and comes when it comes.
  made_.disk_path = "/dev/dm-" + std::to_string(minor(node.st_rdev));
  return {};
}

host_resources resource_request::finish() && {
  if (how_ == resource_kind::lent)
    made_.loan = std::move(channel_).take_socket();
  return std::move(made_);
}

result<void> release_blocking(const core::vm_handles& handles) {
  if (!handles.host)
    return {};
  const auto& host = *handles.host;
  result<void> first;
  if (!host.disk.empty())
    first = release(host.helper_socket, about(core::helper_op::release_disk, handles.vm_id));
  if (auto index = core::bridged_address_index(host.address); index && !host.tap.empty()) {
    auto tap = about(core::helper_op::release_tap, {});
    tap.address_index = *index;
    if (auto released = release(host.helper_socket, tap); !released && first)
      first = std::move(released);
  }
  return first;
}

result<void> set_nat_blocking(const core::vm_handles& handles, bool has_nat) {
  const auto index =
      handles.host ? core::bridged_address_index(handles.host->address) : std::nullopt;
  if (!index)
    return {};
  auto tap = about(core::helper_op::set_nat, {});
  tap.address_index = *index;
  tap.has_nat = has_nat;
  auto switched = ask_helper_blocking(handles.host->helper_socket, tap, answer_limit);
  return switched ? result<void>{} : tl::make_unexpected(switched.error());
}

std::optional<core::host_handles> expected_handles(const vm_record& record,
                                                   const std::string& helper_socket) {
  core::host_handles x;
  x.helper_socket = helper_socket;
  if (const auto index = core::bridged_address_index(record.address);
      index && record.network == network_kind::tap) {
    x.tap = core::tap_name(*index);
    x.address = record.address;
  }
  if (record.root_disk == root_disk_kind::snapshot)
    x.disk = core::snapshot_name(::getuid(), record.id);
  if (x.tap.empty() && x.disk.empty())
    return std::nullopt;
  return x;
}

result<std::string> disk_warning_blocking(const core::vm_handles& handles) {
  if (!handles.host || handles.host->disk.empty())
    return std::string{};
  auto answer =
      ask_helper_blocking(handles.host->helper_socket,
                          about(core::helper_op::disk_status, handles.vm_id), answer_limit);
  if (!answer &&
      answer.error().code != ec::missing_program) // it need not run for as long as VMs do
    return tl::make_unexpected(answer.error());
  if (answer)
    if (auto warning = core::snapshot_warning(answer->disk); !warning.empty())
      return warning;
  constexpr std::uint64_t least_free = 256ULL << 20;
  auto free = host::free_bytes(handles.directory);
  if (free && *free < least_free)
    return std::string{"less than 256 MiB are free where its root disk's changes are written"};
  return std::string{};
}

} // namespace banger::hypervisor
