#include "cli/parse_copy.hpp"

#include <CLI/CLI.hpp>

namespace banger::cli {

void add_copy(CLI::App& vm, options& out) {
  auto* cp = vm.add_subcommand("cp", "copy files and folders to, from and between VMs");
  cp->footer(
      "To a VM:    banger vm cp notes.txt src box:/root/\n"
      "From a VM:  banger vm cp box:/var/log ./logs\n"
      "In a VM, a path without '/' first is below /root. '-' is standard input or output, for "
      "one file.\nA path that begins with '-' goes after '--'.");
  cp->callback([&out] { out.what = verb::vm_copy; });
  cp->add_option("PATH", out.refs, "SOURCE... DESTINATION; in a VM it is VM:PATH");
  cp->add_flag("-q,--quiet", out.is_quiet, "no progress and no summary");
  cp->add_flag_function(
      "-r,--recursive", [](std::int64_t) {}, "as always: folders with all that is in them");
}

result<void> check_copy(options& out) {
  out.refs.insert(out.refs.end(), out.command.begin(), out.command.end());
  auto plan = core::plan_copy(out.refs);
  if (!plan)
    return tl::make_unexpected(plan.error());
  out.copy = std::move(*plan);
  if (out.is_json && out.copy.destination.place == core::copy_place::stream)
    return fail(ec::bad_request, "--output json has no place where the file goes to stdout");
  return {};
}

} // namespace banger::cli
