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

void add_resources(CLI::App& vm, options& out) {
  auto* stats =
      add(vm, out, "stats", verb::vm_stats, "show what VMs take of this host: processor, memory, "
                                            "disk, network",
          "CPU is of one processor, since the last look; 200% are two that were busy all the time.\n"
          "Watch it:  banger vm stats -f\n"
          "For programs:  banger vm stats -o json; with -f one record a line");
  stats->add_option("VM", out.refs, "names or ids (all)");
  stats->add_flag("-f,--follow", out.follows, "look again each second, until Ctrl-C");
}

} // namespace banger::cli
