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
  for (const auto* name : {"start", "restart", "delete"})
    vm.get_subcommand(name)->add_option(
        "--owner-token", out.owner.token,
        "only where this is the token of the lease that it lives by; 0: whoever asks (0)");
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

void add_vm_list(CLI::App* to, options& out) {
  to->add_flag("-q,--quiet", out.is_quiet, "names only");
  to->add_flag("--all-hosts", out.is_of_all_hosts,
               "those of this machine and of all in [hosts] of the configuration");
}

void add_owner(CLI::App& app, options& out, std::string& ttl) {
  auto* owner = app.add_subcommand("owner", "programs elsewhere that have VMs here");
  owner->require_subcommand(1);
  owner->footer("docs/hosts.md says what leases are for.");
  auto* renew =
      add(*owner, out, "renew", verb::owner_renew, "say that an owner lives, and print its VMs",
          "For example:  banger owner renew fleet --token 7 --ttl 30\n"
          "VMs of an owner (vm create --owner) are killed when it does not renew in time.");
  renew->add_option("OWNER", out.owner.owner, "its name")->required();
  renew->add_option("--token", out.owner.token,
                    "a number that only grows: a lower one than the newest is refused (0)");
  renew->add_option("--ttl", ttl, "seconds until the next renewal is due (30)");
  renew->add_option(
      "--stamp", out.owner.stamp,
      "of an earlier answer (-o json), from which the lease counts; 1: none; 0: from now (0)");
}

void add_events(CLI::App& app, options& out) {
  auto* events = app.add_subcommand("events", "print what happens, or what has happened");
  events->footer("As it happens, until Ctrl-C:  banger events\n"
                 "What there was:  banger events --last 100\n"
                 "On from the event 41, none twice:  banger events --since 41 --follow -o jsonl");
  auto begin = [&out](events_from from) {
    return [&out, from](const std::uint64_t& number) {
      out.events.from = from;
      out.events.number = number;
    };
  };
  auto* last = events->add_option_function<std::uint64_t>(
      "--last", begin(events_from::last), "begin with the last so many that are kept");
  auto* since = events->add_option_function<std::uint64_t>(
      "--since", begin(events_from::after),
      "begin behind the event with this sequence; 0: with the oldest");
  since->excludes(last);
  events->add_flag(
      "-f,--follow", out.follows,
      "go on with what happens then, until Ctrl-C (without --last and --since always)");
  events->callback([&out, last, since] {
    out.what = verb::events;
    out.follows = out.follows || (last->empty() && since->empty());
  });
}

} // namespace banger::cli
