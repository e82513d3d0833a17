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
  for (auto name : daemon_type_names)
    options.dialled_limits.types.emplace(name);
  for (auto* limits : {&options.limits, &options.dialled_limits})
    for (const auto* name : {"@unit", "@atom", "@str"}) // what CAF's own helper asks a new node for
      limits->types.emplace(name);
  options.dialled_limits.types.emplace("@error"); // of a request that failed
  return options;
}

} // namespace

unsigned usable_cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

void add_network(caf::actor_system_config& config) {
  constexpr auto identifiers = "middleman.app-identifiers";
  config.set("middleman.workers", std::size_t{1});
  config.set("middleman.attach-utility-actors", true);
  if (!caf::get_if<std::vector<std::string>>(&config, identifiers))
    config.set(identifiers, std::vector<std::string>{std::string{app_identifier}});
  banger::add_message_types(config);
  config.add_error_category(caf::atom("banger"),
                            [](std::uint8_t code, caf::atom_value, const caf::message&) {
                              return to_string(static_cast<ec>(code));
                            });
  config.load<caf::io::middleman>();
  transport::load_unix_transport(config, socket_options());
}

actor_config::actor_config() {
  // Work sharing: stealing costs two to three times the latency and 200 wake-ups a second when
  // idle.
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", static_cast<std::size_t>(std::clamp(usable_cores(), 2U, 4U)));
  set("scheduler.max-throughput",
      std::size_t{50}); // without a limit one busy actor keeps its worker
  set("logger.verbosity", caf::atom("quiet"));
  add_network(*this);
}

} // namespace banger::daemon
