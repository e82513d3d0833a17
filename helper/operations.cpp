#include "helper/operations.hpp"

#include "core/bridge_network.hpp"
#include "helper/turn.hpp"

#include <utility>

namespace banger::helper {

namespace {

void keep(answer& out, result<void> done) {
  if (!done)
    out.reply.why = std::move(done.error());
}

void keep(answer& out, result<host::unique_fd> made, std::string name) {
  if (!made) {
    out.reply.why = std::move(made.error());
    return;
  }
  out.fd = std::move(*made);
  out.reply.name = std::move(name);
}

} // namespace

result<operations> operations::open(std::uint32_t owner) {
  auto net = network::open(owner);
  if (!net)
    return tl::make_unexpected(net.error());
  return operations{std::move(*net), owner};
}

void operations::describe(answer& out) {
  auto counts = network_.count();
  auto devices = disks_.count();
  if (!counts || !devices) {
    out.reply.why = counts ? devices.error() : counts.error();
    return;
  }
  out.reply.counts = *counts;
  out.reply.counts.disks = *devices;
}

answer operations::perform(const core::helper_request& x, const std::vector<host::unique_fd>& fds) {
  answer out;
  out.reply.number = x.number;
  out.reply.op = x.op;
  if (x.op == core::helper_op::hello)
    return out;
  auto turn = take_turn();
  if (!turn) {
    out.reply.why = std::move(turn.error());
    return out;
  }
  switch (x.op) {
    case core::helper_op::hello: break; // answered above
    case core::helper_op::attach_tap:
      keep(out, network_.attach(x.address_index, x.has_nat), core::tap_name(x.address_index));
      break;
    case core::helper_op::release_tap: keep(out, network_.release(x.address_index)); break;
    case core::helper_op::set_nat: keep(out, network_.set_nat(x.address_index, x.has_nat)); break;
    case core::helper_op::attach_disk:
      keep(out, disks_.attach(x.vm_id, fds[0].get(), fds[1].get()),
           core::snapshot_name(owner_, x.vm_id));
      break;
    case core::helper_op::disk_status: {
      auto state = disks_.look(x.vm_id);
      if (state)
        out.reply.disk = *state;
      else
        out.reply.why = state.error();
      break;
    }
    case core::helper_op::release_disk: keep(out, disks_.release(x.vm_id)); break;
    case core::helper_op::describe: describe(out); break;
    case core::helper_op::lend_tap:
      keep(out, network_.lend(x.address_index, x.has_nat));
      out.reply.name = core::tap_name(x.address_index);
      break;
    case core::helper_op::lend_disk:
      keep(out, disks_.lend(x.vm_id, fds[0].get(), fds[1].get()),
           core::snapshot_name(owner_, x.vm_id));
      break;
  }
  return out;
}

result<void> operations::settle() {
  auto turn = take_turn();
  if (!turn)
    return tl::make_unexpected(turn.error());
  auto unheld = network_.remove_unheld();
  auto net = network_.settle();
  auto devices = disks_.release_unused();
  return !unheld ? unheld : net ? devices : net;
}

result<void> operations::end_loans(const std::vector<std::uint32_t>& taps) {
  for (auto index : taps)
    network_.end_loan(index);
  return remove_unheld();
}

result<void> operations::remove_unheld() {
  auto turn = take_turn();
  return turn ? network_.remove_unheld() : tl::make_unexpected(turn.error());
}

} // namespace banger::helper
