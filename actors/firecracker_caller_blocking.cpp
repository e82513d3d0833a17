#include "actors/firecracker_caller_blocking.hpp"

#include "hypervisor/firecracker_api.hpp"
#include "protocol/caf_error.hpp"

#include <chrono>

namespace banger::actors {

namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

result<void> call_all(const firecracker_caller_state& state, const call_firecracker& x) {
  const auto end = clock::now() + milliseconds{x.limit_ms};
  auto left = [&end] { return std::chrono::duration_cast<milliseconds>(end - clock::now()); };
  if (x.is_new) {
    auto listens = hypervisor::await_firecracker_blocking(state.socket, state.process, left());
    if (!listens)
      return listens;
    if (auto info = hypervisor::greet_firecracker_blocking(state.socket, left()); !info)
      return tl::make_unexpected(info.error());
  }
  return hypervisor::call_firecracker_blocking(state.socket, x.calls, left());
}

} // namespace

firecracker_caller_actor::behavior_type
firecracker_caller(firecracker_caller_pointer self, std::string socket, host::unique_fd process) {
  self->state.socket = std::move(socket);
  self->state.process = std::move(process);
  return {[self](const call_firecracker& x) -> caf::result<done> {
    if (auto called = call_all(self->state, x); !called)
      return to_error(called.error());
    return done{};
  }};
}

} // namespace banger::actors
