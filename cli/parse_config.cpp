#include "cli/parse_config.hpp"

#include "cli/option_values.hpp"
#include "core/vm_name.hpp"

#include <CLI/CLI.hpp>
#include <tuple>

namespace banger::cli {

void config_reader::build(CLI::App* to) {
  to->add_option("--name", config_.name, "a host name; chosen for you where you give none");
  to->add_option("--image", config_.image, "the image to boot (debian)");
  to->add_option("--vcpu", vcpu_, "virtual processors (1)");
  to->add_option("--memory", memory_, "memory, like 512M or 2G (512M)");
  to->add_option("--disk", disk_, "size of /root's disk, like 8G; it grows as it is used (8G)");
  to->add_option("--network", network_,
                 "user, without root; tap, with an address of its own on a bridge; or none (user)")
      ->check(CLI::IsMember({"user", "tap", "none"}));
  to->add_flag("--no-nat", has_no_nat_, "a tap that reaches the host and other taps only");
  to->add_option("--root-disk", root_disk_,
                 "overlay, a qcow2 file; or snapshot, of the kernel's device-mapper (overlay)")
      ->check(CLI::IsMember({"overlay", "snapshot"}));
  to->add_flag("--isolated", config_.is_isolated, "the same as --network none");
  to->add_option(
        "--driver", driver_,
        "what runs it: qemu; or firecracker, which needs KVM, and has a tap or no network (qemu)")
      ->check(CLI::IsMember({"qemu", "firecracker"}));
  auto* owner = to->add_option("--owner", config_.owner,
                               "whose lease it lives by: see banger owner renew --help");
  to->add_option("--owner-token", config_.owner_token, "the lease's token (0)")->needs(owner);
}

result<void> config_reader::check_network() {
  const auto is_tap = network_ == "tap";
  config_.driver = driver_ == "firecracker" ? vm_driver::firecracker : vm_driver::qemu;
  if (network_ == "user" && (config_.is_isolated || config_.driver == vm_driver::firecracker))
    return fail(ec::bad_request,
                config_.is_isolated ? "--isolated contradicts --network user"
                                    : "--driver firecracker has no user network",
                "", config_.is_isolated ? "--network none" : "--network tap, or none");
  if (is_tap && config_.is_isolated)
    return fail(ec::bad_request, "--isolated contradicts --network tap", "",
                "--network tap --no-nat, or --network none");
  if (has_no_nat_ && !is_tap)
    return fail(ec::bad_request, "--no-nat is for --network tap", "", "--network none");
  config_.is_isolated = config_.is_isolated || network_ == "none";
  config_.network = is_tap ? network_kind::tap : network_kind::user;
  config_.has_nat = !has_no_nat_;
  config_.root_disk = root_disk_ == "snapshot" ? root_disk_kind::snapshot : root_disk_kind::overlay;
  return {};
}

result<void> config_reader::check() {
  constexpr std::uint32_t most_vcpus = 64;
  if (!vcpu_.empty()) {
    auto vcpus = parse_number(vcpu_, "--vcpu", most_vcpus);
    if (!vcpus)
      return tl::make_unexpected(vcpus.error());
    config_.vcpu_count = *vcpus;
  }
  for (auto [text, what, out] : {std::tuple{&memory_, "--memory", &config_.memory_mib},
                                 std::tuple{&disk_, "--disk", &config_.disk_mib}})
    if (auto ok = take_size(*text, what, *out); !ok)
      return ok;
  if (!config_.name.empty())
    if (auto ok = core::check_vm_name(config_.name); !ok)
      return ok;
  if (!config_.owner.empty())
    if (auto ok = core::check_vm_name(config_.owner); !ok)
      return fail(ec::bad_request, "--owner '" + config_.owner + "' is no owner's name",
                  ok.error().why, "a-z, 0-9 and '-', up to 63 of them");
  return check_network();
}

} // namespace banger::cli
