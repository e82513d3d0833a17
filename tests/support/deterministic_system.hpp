// An actor system without threads and without a clock: a test runs the messages and moves the time
// itself.
#pragma once

#include "protocol/caf_error.hpp"
#include "protocol/caf_types.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace banger::test {

struct deterministic_config : caf::actor_system_config {
  deterministic_config() {
    banger::add_message_types(*this);
    set("scheduler.policy", caf::atom("testing"));
    set("logger.console", caf::atom("none"));
  }
};

/// What came back from a request: a reply, a failure, or (so far) nothing.
template <class T>
struct answer {
  std::optional<T> value;
  failure why{ec::none, {}, {}, {}};
  [[nodiscard]] bool is_silent() const { return !value && why.code == ec::none; }
};

struct deterministic_system {
  deterministic_config config;
  caf::actor_system system{config};
  caf::scheduler::test_coordinator& scheduler =
      dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  std::vector<caf::strong_actor_ptr>
      spawned; ///< ended after each test: ~actor_system waits for all

  ~deterministic_system() {
    for (auto& actor : spawned)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    spawned.clear();
    scheduler.run();
  }

  template <class Handle>
  Handle keep(Handle x) {
    spawned.push_back(caf::actor_cast<caf::strong_actor_ptr>(x));
    return x;
  }

  /// Runs every queued message; no time passes.
  void settle() { scheduler.run(); }

  void pass(std::chrono::milliseconds time) {
    scheduler.advance_time(time);
    scheduler.run();
  }

  /// Sends a request and runs what follows from it; the answer fills in when it comes, also later.
  template <class Reply, class Handle, class... Ts>
  std::shared_ptr<answer<Reply>> ask(const Handle& whom, const Ts&... request) {
    auto x = std::make_shared<answer<Reply>>();
    keep(system.spawn([=](caf::event_based_actor* asker) {
      constexpr std::chrono::milliseconds longer_than_any_test{100'000'000};
      asker->request(whom, longer_than_any_test, request...)
          .then([x](Reply& value) { x->value = std::move(value); },
                [x](caf::error& why) { x->why = to_failure(why); });
    }));
    settle();
    return x;
  }
};

} // namespace banger::test
