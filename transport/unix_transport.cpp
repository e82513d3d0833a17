#include "transport/unix_transport.hpp"

#include "transport/unix_socket_io.hpp"

#include <caf/actor_registry.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/middleman_actor_impl.hpp>
#include <caf/node_id.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <sys/random.h>
#include <vector>

namespace banger::transport {

namespace {

net::default_multiplexer& multiplexer_of(caf::actor_system& system) {
  return static_cast<net::default_multiplexer&>(system.middleman().backend());
}

class unix_middleman_actor : public caf::io::middleman_actor_impl {
public:
  unix_middleman_actor(caf::actor_config& config, caf::actor broker, unix_state_ptr state)
      : caf::io::middleman_actor_impl(config, std::move(broker)), state_(std::move(state)) {}

  const char* name() const override { return "unix-middleman"; }

protected:
  caf::expected<caf::io::scribe_ptr> connect(const std::string& path, uint16_t) override {
    return connect_to(multiplexer_of(system()), path, state_);
  }

  caf::expected<caf::io::doorman_ptr> open(uint16_t port, const char* path, bool) override {
    if (!state_->options.may_listen)
      return caf::make_error(caf::sec::cannot_open_port, "this program only dials");
    return listen_at(multiplexer_of(system()), path != nullptr ? path : "", port, state_);
  }

private:
  unix_state_ptr state_;
};

class unix_module : public caf::actor_system::module {
public:
  unix_module(caf::actor_system& system, unix_options options)
      : system_(system), state_(std::make_shared<unix_state>()) {
    state_->options = std::move(options);
  }

  void start() override {
    auto broker = system_.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
    // Runs on the network thread's scheduler, not on a thread of its own: detached actors that
    // touch remote handles hang the shutdown of 0.17.
    middleman_ = system_.spawn<unix_middleman_actor, caf::hidden>(std::move(broker), state_);
  }

  void stop() override {
    caf::scoped_actor self{system_, true};
    self->send_exit(middleman_, caf::exit_reason::kill);
    middleman_ = nullptr;
  }

  /// Two containers compute the same node id from their MAC addresses and would take each other for
  /// themselves. Runs after the middleman has set the id and before anything has copied it.
  void init(caf::actor_system_config&) override {
    caf::node_id::default_data::host_id_type host;
    uint32_t process = 0;
    if (::getrandom(host.data(), host.size(), 0) != static_cast<ssize_t>(host.size()) ||
        ::getrandom(&process, sizeof process, 0) != static_cast<ssize_t>(sizeof process))
      return;
    const_cast<caf::node_id&>(system_.node()) = caf::make_node_id(process | 1, host);
  }

  /// The set of module ids is closed in 0.17, and none of CAF's own modules uses this slot.
  id_t id() const override { return network_manager; }
  void* subtype_ptr() override { return this; }

  static unix_module& of(caf::actor_system& system) {
    return *reinterpret_cast<unix_module*>(&system.network_manager());
  }

  const caf::io::middleman_actor& middleman() const { return middleman_; }
  const unix_state_ptr& state() const { return state_; }

private:
  caf::actor_system& system_;
  unix_state_ptr state_;
  caf::io::middleman_actor middleman_;
};

void close_late(net::default_multiplexer& multiplexer, unix_state& state) {
  auto now = std::chrono::steady_clock::now();
  std::vector<caf::intrusive_ptr<guarded_scribe>> late; // closing one changes the set
  for (auto* scribe : state.live)
    if (scribe->is_late(now))
      late.emplace_back(scribe);
  for (auto& scribe : late) {
    ++state.late;
    scribe->io_failure(&multiplexer, net::operation::read);
  }
}

void drop_gone_nodes(caf::io::basp_broker& broker) {
  if (broker.getf(caf::abstract_actor::is_terminated_flag))
    return;
  for (auto i = broker.spawn_servers.begin(); i != broker.spawn_servers.end();) {
    if (broker.instance.tbl().lookup(i->first)) {
      ++i;
    } else {
      caf::anon_send_exit(i->second, caf::exit_reason::kill);
      i = broker.spawn_servers.erase(i);
    }
  }
}

} // namespace

void load_unix_transport(caf::actor_system_config& config, unix_options options) {
  config.module_factories.emplace_back(
      [options = std::move(options)](caf::actor_system& system) -> caf::actor_system::module* {
        return new unix_module(system, options);
      });
}

const caf::io::middleman_actor& unix_middleman(caf::actor_system& system) {
  return unix_module::of(system).middleman();
}

void refuse_remote_spawns(caf::actor_system& system) {
  system.registry().erase(caf::atom("SpawnServ"));
}

std::string descriptor_name(host::unique_fd socket) {
  static std::atomic<std::uint64_t> last{0};
  return std::string{descriptor_prefix} + std::to_string(socket.release()) + "/" +
         std::to_string(++last);
}

void sweep_connections(caf::actor_system& system) {
  auto& multiplexer = multiplexer_of(system);
  auto state = unix_module::of(system).state();
  auto broker = system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
  multiplexer.post([&multiplexer, state, broker] {
    close_late(multiplexer, *state);
    drop_gone_nodes(
        *static_cast<caf::io::basp_broker*>(caf::actor_cast<caf::abstract_actor*>(broker)));
  });
}

unix_counters read_counters(caf::actor_system& system) {
  const auto& state = *unix_module::of(system).state();
  return {state.open, state.accepted, state.refused, state.violations, state.late};
}

} // namespace banger::transport
