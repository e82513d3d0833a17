#include "cli/parse_vm_config.hpp"

#include <CLI/CLI.hpp>

namespace banger::cli {

void add_vm_config(CLI::App* to, vm_config& config, std::string& vcpu, std::string& memory,
                   std::string& disk) {
  to->add_option("--name", config.name, "a host name; chosen for you where you give none");
  to->add_option("--image", config.image, "the image to boot (debian)");
  to->add_option("--vcpu", vcpu, "virtual processors (1)");
  to->add_option("--memory", memory, "memory, like 512M or 2G (512M)");
  to->add_option("--disk", disk, "size of /root's disk, like 8G; it grows as it is used (8G)");
  to->add_flag("--isolated", config.is_isolated, "no way out to any network");
  auto set_driver = [&config](const std::string& name) {
    config.driver = name == "qemu" ? vm_driver::qemu : vm_driver::firecracker;
  };
  to->add_option_function<std::string>(
        "--driver", set_driver,
        "what runs it: qemu, or firecracker, which needs KVM and is isolated (qemu)")
      ->check(CLI::IsMember({"qemu", "firecracker"}));
}

} // namespace banger::cli
