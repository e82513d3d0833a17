#include "core/doctor.hpp"

namespace banger::core {

namespace {

const std::string unneeded = "; not needed for the default";

struct program_check {
  const char* name;
  const char* package; ///< empty: not one of Debian's
  const char* use;     ///< empty: the default needs it
  const char* note;    ///< of one that is there; empty: nothing to know
};

constexpr program_check programs[] = {
    {"qemu-system-x86_64", "qemu-system-x86", "", ""},
    {"qemu-img", "qemu-utils", "", ""},
    {"mke2fs", "e2fsprogs", "", ""},
    {"ssh-keygen", "openssh-client", "", ""},
    {"mmdebstrap", "mmdebstrap", "images are built with it", ""},
    {"firecracker", "", "the Firecracker driver runs it",
     "; banger's driver was tried against its published API, never on real hardware"},
};

struct device_check {
  const char* path;
  const char* use;
  const char* when_absent;
  const char* when_forbidden;
};

constexpr device_check devices[] = {
    {"/dev/kvm",
     "without it the processor is emulated, about ten times slower; Firecracker needs it",
     "switch virtualization on in the firmware, or nested virtualization in the host of this one: "
     "modprobe kvm_intel or kvm_amd",
     "adduser $USER kvm, and log in again"},
    {"/dev/mapper/control", "disks by device-mapper snapshots need it", "modprobe dm_snapshot",
     "root's alone, as it should be: banger-helper opens it"},
    {"/dev/loop-control", "disks by device-mapper snapshots need it", "modprobe loop",
     "root's alone, as it should be: banger-helper opens it"},
    {"/dev/net/tun", "tap networks need it", "modprobe tun",
     "banger-helper opens it for QEMU; for Firecracker, as udev has it: chmod 666 /dev/net/tun"},
};

struct feature_check {
  const char* module;
  const char* use;
};

constexpr feature_check features[] = {
    {"bridge", "tap networks need it"},
    {"nf_tables", "the way out of tap networks needs it"},
};

check_row row_of(const program_check& x, const host_facts& facts) {
  const auto found = facts.programs.find(x.name);
  if (found != facts.programs.end())
    return {x.name, check_state::ok, found->second + x.note, {}};
  const std::string use = x.use;
  const std::string package = x.package;
  const auto fix = package.empty() ? "put it into PATH: its releases are programs without parts"
                                   : "apt-get install " + package;
  if (use.empty())
    return {x.name, check_state::missing, "not installed", fix};
  return {x.name, check_state::optional, "not installed: " + use + unneeded, fix};
}

check_row row_of(const device_check& x, const host_facts& facts) {
  const auto found = facts.devices.find(x.path);
  const auto access = found == facts.devices.end() ? device_access::absent : found->second;
  switch (access) {
    case device_access::usable: return {x.path, check_state::ok, "can be opened", {}};
    case device_access::forbidden:
      return {x.path, check_state::optional,
              "there, but not for this user: " + std::string{x.use} + unneeded, x.when_forbidden};
    case device_access::absent: break;
  }
  return {x.path, check_state::optional, "absent: " + std::string{x.use} + unneeded, x.when_absent};
}

check_row row_of(const feature_check& x, const host_facts& facts) {
  const auto found = facts.features.find(x.module);
  const auto state = found == facts.features.end() ? kernel_feature::absent : found->second;
  const auto name = "kernel: " + std::string{x.module};
  const auto why = ": " + std::string{x.use} + unneeded;
  switch (state) {
    case kernel_feature::present: return {name, check_state::ok, "in the kernel", {}};
    case kernel_feature::loadable:
      return {name, check_state::optional, "not loaded" + why, "modprobe " + std::string{x.module}};
    case kernel_feature::absent: break;
  }
  return {name, check_state::optional, "absent" + why,
          "a kernel that has it: apt-get install linux-image-amd64"};
}

check_row image_row(const host_facts& facts) {
  if (facts.has_default_image)
    return {"image debian", check_state::ok, "built", {}};
  return {"image debian", check_state::missing, "there is none yet", "banger image build"};
}

check_row helper_row(const host_facts& facts) {
  const std::string name = "banger-helper";
  const auto start = "sudo banger-helper --uid $(id -u)";
  const auto why = ": tap networks and device-mapper disks need it" + unneeded;
  switch (facts.helper) {
    case helper_state::reachable:
      return {name, check_state::ok, "answers at " + facts.helper_socket, {}};
    case helper_state::forbidden:
      return {name, check_state::optional,
              facts.helper_socket + " is there, but not for this user" + why,
              "have root add this user to those it serves"};
    case helper_state::silent:
      return {name, check_state::optional, "nobody listens at " + facts.helper_socket + why, start};
    case helper_state::absent: break;
  }
  return {name, check_state::optional, "there is no " + facts.helper_socket + why, start};
}

check_row forwarding_row(const host_facts& facts) {
  const std::string name = "IPv4 forwarding";
  if (facts.forwards_ipv4)
    return {name, check_state::ok, "on", {}};
  return {name, check_state::optional, "off: the way out of tap networks needs it" + unneeded,
          "sysctl -w net.ipv4.ip_forward=1"};
}

check_row dns_row(const host_facts& facts) {
  const std::string name = "names of VMs";
  if (!facts.dns_trouble.empty())
    return {name, check_state::missing, "not served: " + facts.dns_trouble,
            "mend [dns] in config.toml, then: banger daemon stop"};
  if (!facts.dns_listen.empty())
    return {name, check_state::ok, "served at " + facts.dns_listen, {}};
  if (!facts.has_daemon)
    return {name, check_state::optional, "no daemon runs that could tell" + unneeded,
            "banger daemon start"};
  return {name, check_state::optional, "not served" + unneeded,
          "put [dns] into config.toml, then: banger daemon stop"};
}

} // namespace

std::string to_string(check_state x) {
  switch (x) {
    case check_state::ok: return "ok";
    case check_state::missing: return "missing";
    case check_state::optional: return "optional";
  }
  return "state(" + std::to_string(static_cast<unsigned>(x)) + ")";
}

std::vector<std::string> wanted_programs() {
  std::vector<std::string> names;
  for (const auto& x : programs)
    names.emplace_back(x.name);
  return names;
}

std::vector<std::string> wanted_devices() {
  std::vector<std::string> paths;
  for (const auto& x : devices)
    paths.emplace_back(x.path);
  return paths;
}

std::vector<std::string> wanted_features() {
  std::vector<std::string> modules;
  for (const auto& x : features)
    modules.emplace_back(x.module);
  return modules;
}

std::vector<check_row> diagnose(const host_facts& facts) {
  std::vector<check_row> rows;
  for (const auto& x : programs)
    rows.push_back(row_of(x, facts));
  rows.push_back(image_row(facts));
  for (const auto& x : devices)
    rows.push_back(row_of(x, facts));
  for (const auto& x : features)
    rows.push_back(row_of(x, facts));
  rows.push_back(forwarding_row(facts));
  rows.push_back(helper_row(facts));
  rows.push_back(dns_row(facts));
  return rows;
}

} // namespace banger::core
