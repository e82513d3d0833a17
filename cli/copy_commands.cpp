#include "cli/commands.hpp"
#include "cli/copy_ends.hpp"
#include "cli/copy_render.hpp"
#include "cli/session.hpp"
#include "core/exit_code.hpp"

#include <csignal>

namespace banger::cli {

namespace {

/// What the source says counts for more: where it broke off, the sink only sees that.
result<void> copy(copy_flow& flow, const core::copy_plan& plan) {
  auto sink = open_sink(flow, plan);
  auto packed = pack_from(flow, plan, *sink);
  flow.begin_end();
  auto unpacked = sink->finish();
  if (flow.signal() != 0)
    return fail(ec::cancelled, "copy", "cancelled", "nothing half-written was left");
  return packed ? unpacked : packed;
}

} // namespace

int vm_copy(client::connection link, const options& how) {
  session talk{std::move(link), how};
  copy_flow flow{talk, !how.is_quiet};
  auto done = copy(flow, how.copy);
  auto figures = flow.figures();
  flow.clear_progress();
  if (!done) {
    auto status = report(done.error(), how);
    return flow.signal() != 0 ? core::exit_signalled + flow.signal() : status;
  }
  if (how.is_json)
    print(json(figures));
  else if (!how.is_quiet && how.copy.destination.place != core::copy_place::stream)
    print(copy_summary(figures));
  if (!how.is_quiet)
    print_error(copy_notice(figures));
  return core::exit_ok;
}

} // namespace banger::cli
