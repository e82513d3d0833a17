#include "daemon/service_watch.hpp"

#include "actors/account.hpp"
#include "protocol/caf_error.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <utility>

namespace banger::daemon {

described_actor watch_parts(caf::actor_system& system, std::vector<actor_child> parts,
                            std::function<void(const std::string& why)> give_up) {
  return system.spawn([parts = std::move(parts), give_up = std::move(give_up)](
                          described_actor::pointer self) -> described_actor::behavior_type {
    std::map<caf::actor_addr, std::string> names;
    for (const auto& part : parts)
      if (part.handle) {
        self->monitor(part.handle);
        names.emplace(caf::actor_cast<caf::actor_addr>(part.handle), part.name);
      }
    self->set_down_handler([names, give_up](const caf::down_msg& down) {
      auto name = names.find(down.source);
      if (name != names.end() && !actors::is_orderly(down.reason))
        give_up(name->second + " failed: " + to_string(to_failure(down.reason)));
    });
    return {[self](const describe_actor&) { return actors::account_of(self, "watches"); }};
  });
}

} // namespace banger::daemon
