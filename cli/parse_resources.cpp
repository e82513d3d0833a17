#include "cli/parse_resources.hpp"

#include <CLI/CLI.hpp>

namespace banger::cli {

namespace {

CLI::App* add(CLI::App& vm, options& out, const std::string& name, verb what,
              const std::string& about, const std::string& footer) {
  auto* made = vm.add_subcommand(name, about);
  made->footer(footer);
  made->callback([&out, what] { out.what = what; });
  return made;
}

} // namespace

void add_resources(CLI::App& vm, options& out, const size_texts& sizes) {
  auto* stats = add(
      vm, out, "stats", verb::vm_stats,
      "show what VMs take of this host: processor, memory, "
      "disk, network",
      "CPU is of one processor, since the last look; 200% are two that were busy all the time.\n"
      "Watch it:  banger vm stats -f\n"
      "For programs:  banger vm stats -o json; with -f one record a line");
  stats->add_option("VM", out.refs, "names or ids (all)");
  stats->add_flag("-f,--follow", out.follows, "look again each second, until Ctrl-C");
  auto* set = add(vm, out, "set", verb::vm_set, "change what VMs may have",
                  "For example:  banger vm set box --memory 2G --disk 20G\n"
                  "A VM that runs has it from its next start on:  banger vm restart VM");
  set->add_option("VM", out.refs, "names or ids")->required();
  set->add_option("--vcpu", sizes.vcpu, "virtual processors");
  set->add_option("--memory", sizes.memory, "memory, like 512M or 2G");
  set->add_option("--disk", sizes.disk, "size of /root's disk, like 20G; it can only grow");
  auto set_nat = [&out](const std::string& text) {
    out.nat = text == "on" ? nat_change::on : nat_change::off;
  };
  set->add_option_function<std::string>(
         "--nat", set_nat, "on or off: whether its tap reaches other networks than the bridge")
      ->check(CLI::IsMember({"on", "off"}));
}

} // namespace banger::cli
