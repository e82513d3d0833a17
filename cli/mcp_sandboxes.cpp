// Tools that make and remove sandboxes: a part of mcp_server.hpp.
#include "cli/mcp_server.hpp"
#include "cli/mcp_text.hpp"
#include "cli/rpc_values.hpp"

namespace banger::cli::mcp {

using rpc::flag_in;
using rpc::number_in;
using rpc::text_in;

namespace {

vm_config config_of(const record& arguments) {
  vm_config x;
  x.name = text_in(arguments, "name");
  x.image = text_in(arguments, "image");
  x.vcpu_count = number_in<std::uint32_t>(arguments, "vcpu");
  x.memory_mib = number_in<std::uint32_t>(arguments, "memory_mib");
  x.disk_mib = number_in<std::uint32_t>(arguments, "disk_mib");
  x.is_isolated = flag_in(arguments, "isolated");
  x.is_ephemeral = !flag_in(arguments, "keep");
  return x;
}

} // namespace

void server::create_sandbox(const call_pointer& call) {
  const auto config = config_of(call->arguments);
  auto* asked = ask<vm_info>(call, create_vm{config}, operation_limit,
                             [this, call](const vm_info& made) { boot(call, made); });
  follow(call, asked, "create", config.name);
}

/// Nothing is left of a sandbox that nobody has heard of.
void server::boot(const call_pointer& call, const vm_info& made) {
  const auto remove = [this, id = made.id] {
    (void)loop_.ask(delete_vm{id}, operation_limit, [](const auto&) {});
  };
  if (call->is_over)
    return remove();
  call->cancel = remove;
  auto asked =
      loop_.ask(start_vm{made.id}, operation_limit,
                [this, call, remove](const result<client::incoming>& came) {
                  auto started = came ? client::decode<vm_info>(*came)
                                      : result<vm_info>{tl::make_unexpected(came.error())};
                  if (started)
                    return finish(call, sandbox_line(*started) +
                                            "\nYou are root in it; the home folder is /root.");
                  if (started.error().code != ec::unreachable)
                    remove();
                  finish(call, started.error());
                });
  if (!asked)
    return finish(call, asked.error());
  follow(call, *asked, "start", made.name);
}

void server::start_sandbox(const call_pointer& call) {
  const auto name = text_in(call->arguments, "sandbox");
  auto* asked = ask<vm_info>(call, start_vm{name}, operation_limit,
                             [this, call](const vm_info& x) { finish(call, sandbox_line(x)); });
  follow(call, asked, "start", name);
}

void server::list_sandboxes(const call_pointer& call) {
  ask<vm_list>(call, list_vms{}, quick_limit, [this, call](const vm_list& all) {
    std::string lines;
    for (const auto& x : all.vms)
      lines += (lines.empty() ? "" : "\n") + sandbox_line(x);
    finish(call, lines.empty() ? "there are no sandboxes" : lines);
  });
}

void server::delete_sandbox(const call_pointer& call) {
  const auto name = text_in(call->arguments, "sandbox");
  auto* asked = ask<vm_info>(call, delete_vm{name}, operation_limit,
                             [this, call](const vm_info& x) { finish(call, "deleted " + x.name); });
  follow(call, asked, "delete", name);
}

} // namespace banger::cli::mcp
