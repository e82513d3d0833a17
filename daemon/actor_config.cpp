#include "daemon/actor_config.hpp"

#include "protocol/caf_error.hpp"
#include "protocol/caf_types.hpp"
#include "protocol/version.hpp"
#include "transport/unix_transport.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace banger::daemon {

namespace {

transport::unix_options socket_options() {
  transport::unix_options options;
  for (auto name : client_type_names)
    options.limits.types.emplace(name);
  options.limits.types.emplace("@unit"); // what CAF's own helper asks a new node for
  options.limits.types.emplace("@atom");
  return options;
}

} // namespace

unsigned usable_cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

actor_config::actor_config() {
  // Work sharing: stealing costs two to three times the latency and 200 wake-ups a second when
  // idle.
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", static_cast<std::size_t>(std::clamp(usable_cores(), 2U, 4U)));
  set("scheduler.max-throughput",
      std::size_t{50}); // without a limit one busy actor keeps its worker
  set("middleman.workers", std::size_t{1});
  set("middleman.attach-utility-actors", true);
  set("middleman.app-identifiers", std::vector<std::string>{std::string{app_identifier}});
  set("logger.verbosity", caf::atom("quiet"));
  banger::add_message_types(*this);
  add_error_category(caf::atom("banger"),
                     [](std::uint8_t code, caf::atom_value, const caf::message&) {
                       return to_string(static_cast<ec>(code));
                     });
  load<caf::io::middleman>();
  transport::load_unix_transport(*this, socket_options());
}

} // namespace banger::daemon
