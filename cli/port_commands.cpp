#include "cli/commands.hpp"
#include "cli/guest_command.hpp"
#include "cli/guest_script.hpp"
#include "cli/json.hpp"
#include "cli/port_forward.hpp"
#include "cli/render.hpp"
#include "core/exit_code.hpp"

#include <cerrno>
#include <iterator>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace banger::cli {

namespace {

const std::string agent_program = "/usr/lib/banger/banger-agent";

/// All that a short command of the agent prints.
result<std::string> agent_output(session& talk, const std::string& ref, const std::string& verb) {
  auto end = run_script(talk, ref, {agent_program, verb});
  if (!end)
    return tl::make_unexpected(end.error());
  if (end->status != 0)
    return fail(ec::version_mismatch, "look at the ports of vm '" + ref + "'",
                "the guest's agent does not know how",
                "build the image again, and make a new VM: banger image build");
  return std::move(end->out);
}

/// Listens where it is told to, before anything else is begun.
result<std::vector<forwarded_port>> listen_all(const std::vector<core::forward_spec>& specs) {
  std::vector<forwarded_port> ports;
  for (const auto& spec : specs) {
    auto listener = spec.address.empty() ? host::listen_loopback(spec.host_port)
                                         : host::listen_tcp(spec.address, spec.host_port);
    if (!listener)
      return tl::make_unexpected(listener.error());
    if (!core::is_loopback(spec.address))
      print_error("banger: warning: who reaches " +
                  core::endpoint_text(spec.address, listener->port) + " reaches the guest's port " +
                  std::to_string(spec.guest_port) + "\n");
    ports.push_back({std::move(*listener), spec.guest_port, false});
  }
  return ports;
}

void allow_many_descriptors() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
}

/// The command in the guest broke off: most likely because its VM did.
failure explain_end(session& talk, const failure& why, const std::string& id) {
  constexpr std::uint32_t patience_ms = 2'000; // the connection breaks before the VM is known to
  auto told = why;
  auto vm = talk.ask<vm_info>(get_vm{id}, quick_limit, on_interrupt::leave);
  if (vm && vm->state == vm_state::running)
    if (auto stopped = talk.ask<vm_info>(wait_vm{id, vm_state::stopped, patience_ms}, quick_limit,
                                         on_interrupt::leave))
      vm = stopped;
  if (!vm && vm.error().code == ec::not_found)
    told.why = "the VM was deleted";
  else if (vm && vm->state != vm_state::running)
    told.why = "the VM is " + to_string(vm->state);
  else
    return told;
  told.hint = vm ? "banger vm why " + vm->name : "";
  return told;
}

} // namespace

int vm_ports(client::connection link, const options& how) {
  session talk{std::move(link), how};
  auto text = agent_output(talk, how.refs.front(), "ports");
  if (!text)
    return report(text.error(), how);
  auto ports = core::parse_guest_ports(*text);
  if (!ports)
    return report({ec::version_mismatch, "look at the ports of vm '" + how.refs.front() + "'",
                   "the guest's agent told what is no list of ports",
                   "build the image again, and make a new VM: banger image build"},
                  how);
  print(how.is_json ? json(*ports) : port_table(*ports));
  return core::exit_ok;
}

int vm_port_forward(client::connection link, const options& how) {
  session talk{std::move(link), how};
  auto vm = talk.ask<vm_info>(get_vm{how.refs.front()}, quick_limit, on_interrupt::leave);
  if (!vm)
    return report(vm.error(), how);
  auto ports = listen_all(how.forwards);
  if (!ports)
    return report(ports.error(), how);
  std::vector<std::string> argv{agent_program, "forward"};
  if (how.forwards_found)
    argv.emplace_back("--watch");
  auto command = guest_command::open(talk, vm->id, argv);
  if (!command)
    return report(command.error(), how);
  allow_many_descriptors();
  port_forward work{talk, std::move(*command), vm->name, std::move(*ports)};
  auto ended = work.run();
  if (ended)
    return core::exit_ok;
  return report(ended.error().code == ec::link_lost ? explain_end(talk, ended.error(), vm->id)
                                                    : ended.error(),
                how);
}

} // namespace banger::cli
