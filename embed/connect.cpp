#include "banger/actors.hpp"
#include "client/carrier.hpp"
#include "client/hosts.hpp"
#include "client/launch.hpp"
#include "daemon/actor_config.hpp"
#include "embed/client_link.hpp"
#include "host/paths.hpp"
#include "transport/unix_transport.hpp"

#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <optional>
#include <set>
#include <unistd.h>
#include <utility>

namespace banger {

namespace {

using clock = std::chrono::steady_clock;

std::chrono::milliseconds left_until(clock::time_point deadline) {
  using std::chrono::milliseconds;
  return std::max(std::chrono::duration_cast<milliseconds>(deadline - clock::now()),
                  milliseconds{1});
}

/// Has CAF connect to a name of transport/unix_transport.hpp. @returns the one actor that a daemon
/// publishes
result<gateway_actor> dial(caf::actor_system& system, const std::string& name,
                           clock::time_point deadline) {
  transport::refuse_remote_spawns(system);
  caf::scoped_actor self{system, true};
  result<gateway_actor> outcome = fail(ec::unreachable, "connect to the daemon", "it is no daemon");
  self->request(transport::unix_middleman(system), left_until(deadline), caf::connect_atom::value,
                name, std::uint16_t{0})
      .receive(
          [&](const caf::node_id&, const caf::strong_actor_ptr& there,
              const std::set<std::string>&) {
            if (there)
              outcome = caf::actor_cast<gateway_actor>(there);
          },
          [&](const caf::error& why) {
            outcome = fail(why == caf::sec::request_timeout ? ec::timed_out : ec::unreachable,
                           "connect to the daemon", system.render(why));
          });
  return outcome;
}

result<host_actor> connect_here(caf::actor_system& system, const client_actor& client,
                                const host::paths& where, clock::time_point deadline) {
  client::launch_options how;
  how.timeout = left_until(deadline);
  if (auto runs = client::connect_or_start(where, how); !runs)
    return tl::make_unexpected(runs.error());
  auto gateway = dial(system, where.socket, deadline);
  if (!gateway)
    return tl::make_unexpected(gateway.error());
  return embed::open_link(system, *gateway, client, std::nullopt, left_until(deadline));
}

result<host_actor> connect_there(caf::actor_system& system, const client_actor& client,
                                 const host::paths& where, clock::time_point deadline) {
  auto started = client::start_carrier(where.way, where.host);
  if (!started)
    return tl::make_unexpected(started.error());
  auto& [carrier, socket] = *started;
  auto gateway = dial(system, transport::descriptor_name(std::move(socket)), deadline);
  if (!gateway) {
    auto why = carrier.broke(gateway.error().why);
    client::end_carrier(carrier);
    return tl::make_unexpected(why);
  }
  return embed::open_link(system, *gateway, client, std::move(carrier), left_until(deadline));
}

} // namespace

void prepare(caf::actor_system_config& config) {
  daemon::add_network(config);
}

result<host_actor> connect(caf::actor_system& system, const client_actor& client,
                           const client::connect_options& how) {
  const auto deadline = clock::now() + how.timeout;
  auto where = host::resolve_paths(host::process_environment(), ::geteuid());
  if (where)
    where = client::choose_host(std::move(*where), how.host);
  if (!where)
    return tl::make_unexpected(where.error());
  return where->way.empty() ? connect_here(system, client, *where, deadline)
                            : connect_there(system, client, *where, deadline);
}

} // namespace banger
