#include "cli/parse_ports.hpp"

#include <CLI/CLI.hpp>

namespace banger::cli {

namespace {

CLI::App* add(CLI::App& vm, options& out, const std::string& name, verb what,
              const std::string& about, const std::string& footer) {
  auto* made = vm.add_subcommand(name, about);
  made->footer(footer);
  made->callback([&out, what] { out.what = what; });
  auto keep = [&out](const std::string& ref) { out.refs = {ref}; };
  made->add_option_function<std::string>("VM", keep, "name or id")->required();
  return made;
}

} // namespace

ports_reader::ports_reader(CLI::App& vm, options& out) : out_(out) {
  auto* forward =
      add(vm, out, "port-forward", verb::vm_port_forward,
          "reach ports of a running VM at the host's loopback, until Ctrl-C",
          "For example:  banger vm port-forward box 8080\n"
          "              banger vm port-forward box 8080:80 0:5432\n"
          "              banger vm port-forward box --auto\n"
          "PORT is HOSTPORT:PORT, or ADDRESS:HOSTPORT:PORT for another address of the host than\n"
          "its loopback; HOSTPORT 0 is a free one. What listens on the guest's loopback alone is\n"
          "reached, too.");
  forward->add_option("PORT", specs_, "ports of the guest");
  forward->add_flag("--auto", out.forwards_found,
                    "all that listens in the guest, as it begins and ends");
  add(vm, out, "ports", verb::vm_ports, "show what listens in a running VM",
      "What next:  banger vm port-forward VM PORT");
}

result<void> ports_reader::check() {
  for (const auto& text : specs_) {
    auto spec = core::parse_forward_spec(text);
    if (!spec)
      return tl::make_unexpected(spec.error());
    out_.forwards.push_back(*spec);
  }
  if (out_.what == verb::vm_port_forward && specs_.empty() && !out_.forwards_found)
    return fail(ec::bad_request, "a port is missing", "",
                "banger vm port-forward VM PORT, or --auto for all that listens");
  return {};
}

} // namespace banger::cli
