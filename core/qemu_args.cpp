#include "core/qemu_args.hpp"

#include <charconv>

namespace banger::core {

namespace {

/// In QEMU's option syntax a comma inside a value is doubled.
std::string escaped(const std::string& value) {
  std::string out;
  for (char c : value) {
    out += c;
    if (c == ',')
      out += c;
  }
  return out;
}

std::string kernel_arguments(const qemu_launch& x) {
  // cryptomgr.notests saves 0.1 s; no_timer_check keeps a kernel on a loaded host from taking a
  // late timer for a broken one and panicking; panic=-1 turns a panic into an exit that we see at
  // once.
  std::string text =
      "console=ttyS0 quiet panic=-1 cryptomgr.notests mitigations=off no_timer_check";
  if (!x.cmdline_extra.empty())
    text += " " + x.cmdline_extra;
  return text;
}

/// QEMU takes the first that works. Emulation stays in the list, for /dev/kvm can be there and
/// refuse; without /dev/kvm it is alone, for a list makes QEMU warn.
std::vector<std::string> accelerators(const qemu_launch& x) {
  std::vector<std::string> list;
  if (x.has_kvm)
    list = {"-accel", "kvm"};
  list.insert(list.end(),
              {"-accel", x.vcpu_count > 1 ? "tcg,tb-size=64,thread=multi" : "tcg,tb-size=64"});
  return list;
}

std::string socket_chardev(const std::string& id, int fd) {
  return "socket,id=" + id + ",fd=" + std::to_string(fd) + ",server=on,wait=off";
}

/// A device comes as a descriptor in a set (QEMU's -add-fd), so that QEMU needs no right to open
/// it.
std::string root_blockdev(const qemu_launch& x) {
  if (x.has_root_device)
    return "driver=raw,node-name=root,discard=unmap,file.driver=host_device,"
           "file.filename=/dev/fdset/1";
  return "driver=qcow2,node-name=root,discard=unmap,file.driver=file,file.filename=" +
         escaped(x.root_disk);
}

std::string netdev(const qemu_launch& x) {
  const auto fd = std::to_string(x.fds.net);
  return x.has_tap ? "tap,id=net,fd=" + fd : "stream,id=net,server=off,addr.type=fd,addr.str=" + fd;
}

} // namespace

// clang-format off: one option a line
std::vector<std::string> qemu_arguments(const qemu_launch& x) {
  std::vector<std::string> all{
      x.program,
      "-name",
      "guest=" + escaped(x.vm_name) + ",process=banger-" + escaped(x.vm_name),
      "-M",
      "q35,sata=off,smbus=off,vmport=off",
      "-cpu",
      "max", // all that the accelerator can do; with KVM that is the host's
      "-smp",
      std::to_string(x.vcpu_count),
      "-m",
      std::to_string(x.memory_mib),
      "-no-user-config",
      "-nodefaults",
      "-display",
      "none",
      "-no-reboot",
      "-kernel",
      x.kernel,
      "-initrd",
      x.initrd,
      "-append",
      kernel_arguments(x),
      "-chardev",
      "file,id=console,path=" + escaped(x.console_log) + ",append=on",
      "-serial",
      "chardev:console",
      "-chardev",
      socket_chardev("qmp", x.fds.qmp),
      "-mon",
      "chardev=qmp,mode=control",
      "-blockdev",
      root_blockdev(x),
      "-device",
      "virtio-blk-pci,drive=root",
      "-blockdev",
      "driver=raw,node-name=work,discard=unmap,file.driver=file,file.filename=" +
          escaped(x.work_disk),
      "-device",
      "virtio-blk-pci,drive=work,id=workdev",
      "-netdev",
      netdev(x),
      "-device",
      "virtio-net-pci,netdev=net,romfile=,mac=" + x.mac,
      "-device",
      "virtio-serial-pci",
      "-chardev",
      socket_chardev("control", x.fds.control),
      "-device",
      "virtserialport,chardev=control,name=banger.0,id=controlport",
      "-chardev",
      socket_chardev("port", x.fds.port),
      "-device",
      "virtserialport,chardev=port,name=banger.1,id=dataport",
      "-device",
      "virtio-rng-pci",
  };
  if (x.has_root_device)
    all.insert(all.end(), {"-add-fd", "set=1,fd=" + std::to_string(x.fds.disk)});
  auto accelerator = accelerators(x);
  all.insert(all.end(), accelerator.begin(), accelerator.end());
  return all;
}

// clang-format on

vm_sizes sizes_in(const std::vector<std::string>& arguments) {
  vm_sizes x;
  auto number = [&arguments](std::size_t at) {
    const auto& text = arguments[at];
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() ? value : 0;
  };
  for (std::size_t i = 0; i + 1 < arguments.size(); ++i)
    if (arguments[i] == "-smp")
      x.vcpu_count = number(i + 1);
    else if (arguments[i] == "-m")
      x.memory_mib = number(i + 1);
  return x;
}

std::string guest_mac(const std::string& vm_id) {
  std::string mac = "52:54"; // the range QEMU uses; locally administered
  auto digits = vm_id + "00000000";
  for (std::size_t i = 0; i < 8; i += 2)
    mac += ":" + digits.substr(i, 2);
  return mac;
}

} // namespace banger::core
