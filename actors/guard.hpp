// Restart in place, for services that many hold a handle of: a handler that throws answers its
// asker with an error, and the service begins anew from what is on disk, with the same mailbox.
// Bounded: a service that fails more often than that ends, and the daemon with it.
#pragma once

#include "actors/account.hpp"
#include "host/clock.hpp"
#include "host/log.hpp"
#include "protocol/caf_error.hpp"

#include <caf/sec.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

namespace banger::actors {

inline constexpr std::size_t most_crashes = 3;
inline constexpr std::int64_t crash_window_ms = 60'000;

/// How often something has failed of late.
struct crash_record {
  std::deque<std::int64_t> at_ms;
  std::uint32_t all = 0;
  std::string last;

  /// @returns false where it has failed too often to be started anew.
  [[nodiscard]] bool note(std::string why) {
    const auto now = host::unix_ms();
    last = std::move(why);
    ++all;
    std::erase_if(at_ms, [&](auto at) { return at < now - crash_window_ms; });
    at_ms.push_back(now);
    return at_ms.size() <= most_crashes;
  }
};

/// The account of a service that can begin anew. @pre as for `guarded`
template <class Self>
[[nodiscard]] actor_account guarded_account_of(Self self, std::string state) {
  auto account = account_of(self, std::move(state));
  account.restarts = self->state.crashes.all;
  account.last_error = self->state.crashes.last;
  return account;
}

/// What was thrown, in words.
[[nodiscard]] inline std::string words_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& why) {
    return why.what();
  } catch (...) {
    return "an unknown exception";
  }
}

/// Wraps a handler of messages `Ts...`, with or without an answer. @pre the state has
/// `crash_record crashes`, a `name`, and `begin_anew()`, which forgets all that is not on disk.
template <class... Ts, class Self, class F>
[[nodiscard]] auto guarded(Self self, F handle) {
  return [self, handle](const Ts&... xs) -> decltype(handle(self, xs...)) {
    std::exception_ptr thrown;
    try {
      return handle(self, xs...);
    } catch (...) {
      thrown = std::current_exception();
    }
    auto& state = self->state;
    const auto why = words_of(thrown);
    host::log_error(std::string{state.name} + " failed and begins anew: " + why);
    if (state.crashes.note(why))
      state.begin_anew();
    else
      self->quit(caf::sec::runtime_error);
    if constexpr (!std::is_void_v<decltype(handle(self, xs...))>)
      return to_error({ec::failed, "ask " + std::string{state.name}, why, "try again"});
  };
}

} // namespace banger::actors
