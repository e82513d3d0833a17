#include "daemon/node.hpp"

#include "actors/client_session.hpp"
#include "actors/events.hpp"
#include "actors/exec.hpp"
#include "actors/gateway.hpp"
#include "actors/guest_link.hpp"
#include "actors/image_build.hpp"
#include "actors/images.hpp"
#include "actors/known_hosts.hpp"
#include "actors/leases.hpp"
#include "actors/machine.hpp"
#include "actors/store.hpp"
#include "actors/supervisor.hpp"
#include "actors/vm_files_blocking.hpp"
#include "core/guest_address.hpp"
#include "host/clock.hpp"
#include "host/log.hpp"
#include "host/tcp_port.hpp"
#include "protocol/caf_error.hpp"
#include "protocol/version.hpp"
#include "ssh/ssh_io.hpp"
#include "transport/unix_transport.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/middleman_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <thread>
#include <unistd.h>

namespace banger::daemon {

namespace {

constexpr std::chrono::seconds listen_limit{10};
constexpr std::chrono::seconds shutdown_limit{8};

unsigned cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

transport::unix_options socket_options() {
  transport::unix_options options;
  for (auto name : client_type_names)
    options.limits.types.emplace(name);
  options.limits.types.emplace("@unit"); // what CAF's own helper asks a new node for
  options.limits.types.emplace("@atom");
  return options;
}

class config : public caf::actor_system_config {
public:
  config() {
    // Work sharing: stealing costs two to three times the latency and 200 wake-ups a second when
    // idle.
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", static_cast<std::size_t>(std::clamp(cores(), 2U, 4U)));
    set("scheduler.max-throughput",
        std::size_t{50}); // without a limit one busy actor keeps its worker
    set("middleman.workers", std::size_t{1});
    set("middleman.attach-utility-actors", true);
    set("middleman.app-identifiers", std::vector<std::string>{std::string{app_identifier}});
    set("logger.verbosity", caf::atom("quiet"));
    add_message_types<caf::id_block::banger>();
    add_error_category(caf::atom("banger"),
                       [](std::uint8_t code, caf::atom_value, const caf::message&) {
                         return to_string(static_cast<ec>(code));
                       });
    load<caf::io::middleman>();
    transport::load_unix_transport(*this, socket_options());
  }
};

} // namespace

/// Members are destroyed from the bottom up: the SSH thread outlives every actor.
class node::running {
public:
  explicit running(node_parts parts) : parts_(std::move(parts)) {}

  result<void> start() {
    spawn_services();
    spawn_supervisor();
    return listen();
  }

  void stop() {
    // A handler that hangs must not keep the daemon: everything that counts is on disk already.
    std::thread watchdog{[] {
      std::this_thread::sleep_for(shutdown_limit);
      host::log_error("shutdown hangs; giving up");
      ::_exit(0);
    }};
    watchdog.detach();
    caf::scoped_actor self{system_};
    end(self, gateway_);
    end(self, supervisor_);
    end(self, images_);
    end(self, events_);
    end(self, leases_);
    end(self, known_hosts_);
    end(self, store_);
    context_.reset(); // what it holds would keep actors alive
    session_context_.reset();
    io_.stop();
  }

private:
  template <class Handle>
  static void end(caf::scoped_actor& self, Handle& whom) {
    if (whom) {
      self->send_exit(whom, caf::exit_reason::user_shutdown);
      self->wait_for(whom);
    }
    whom = nullptr;
  }

  void spawn_services() {
    auto limits = core::deadlines{};
    store_ = system_.spawn<caf::detached>(actors::store, std::move(parts_.database));
    known_hosts_ = system_.spawn<caf::detached>(actors::known_hosts, parts_.where.known_hosts,
                                               ssh::known_hosts_file::compact_above);
    auto first = static_cast<std::uint32_t>(std::hash<std::string>{}(parts_.where.state));
    leases_ =
        system_.spawn(actors::leases, std::size_t{cores()}, first, [](const std::string& address) {
          return host::is_port_free(address, core::guest_ssh_port);
        });
    events_ = system_.spawn(actors::events);
    actors::image_build_context build{parts_.programs.image_builder, parts_.where.images,
                                      parts_.programs.guest, parts_.programs.recipes,
                                      parts_.where.state + "/image-build.log"};
    images_ = system_.spawn<caf::detached>(
        actors::images, storage::image_catalog{parts_.where.images},
        [this, build] { return system_.spawn(actors::image_build, build); }, limits);
  }

  void spawn_supervisor() {
    auto context = std::make_shared<actors::vm_context>();
    context->store = store_;
    context->leases = leases_;
    context->images = images_;
    context->known_hosts = known_hosts_;
    context->make_files = [this] { return system_.spawn<caf::detached>(actors::vm_files); };
    context->make_machine = [this, limits = context->deadlines](const vm_actor& owner) {
      return system_.spawn(actors::machine, owner, parts_.programs.net_helper, limits,
                           std::optional<core::vm_handles>{});
    };
    context->adopt_machine = [this, limits = context->deadlines](const vm_actor& owner,
                                                                 const std::string& text) {
      auto handles = core::parse_handles(text);
      return system_.spawn(actors::machine, owner, parts_.programs.net_helper, limits,
                           handles ? std::optional{*handles} : std::optional{core::vm_handles{}});
    };
    context->make_link = [this](const vm_record& record, const vm_actor& owner) {
      return system_.spawn(actors::guest_link,
                           actors::link_context{&io_, known_hosts_, parts_.key.key, owner}, record);
    };
    context->private_key = parts_.where.private_key;
    context->authorized_key = parts_.key.public_line;
    context->known_hosts_path = parts_.where.known_hosts;
    context_ = context;
    supervisor_ = system_.spawn(actors::supervisor, context_, events_, parts_.where.vms,
                                std::move(parts_.known));
  }

  daemon_status describe() const {
    daemon_status x;
    x.program_version = program_version;
    x.protocol_version = protocol_version;
    x.pid = ::getpid();
    x.started_at_ms = started_at_ms_;
    x.socket = parts_.where.socket;
    x.database = parts_.where.database;
    x.log = parts_.where.log;
    x.client_count = static_cast<std::uint32_t>(transport::read_counters(system_).open);
    x.worker_count =
        static_cast<std::uint32_t>(caf::get_or(config_, "scheduler.max-threads", std::size_t{0}));
    return x;
  }

  result<void> listen() {
    auto context = std::make_shared<actors::session_context>();
    context->supervisor = supervisor_;
    context->images = images_;
    context->events = events_;
    context->make_exec = [this](const actors::exec_spec& spec) {
      return system_.spawn(actors::exec, spec, &io_);
    };
    context->stop_daemon = parts_.on_stop_request;
    context->describe_daemon = [this] { return describe(); };
    session_context_ = context;
    gateway_ = system_.spawn(actors::gateway, session_context_,
                             [this] { transport::sweep_connections(system_); });
    // Any client could ask these for more than we offer.
    system_.registry().erase(caf::atom("SpawnServ"));
    caf::scoped_actor self{system_};
    result<void> outcome;
    self->request(transport::unix_middleman(system_), listen_limit, caf::publish_atom::value,
                  gateway_port, caf::actor_cast<caf::strong_actor_ptr>(gateway_),
                  std::set<std::string>{}, parts_.where.socket, false)
        .receive([](std::uint16_t) {},
                 [&](const caf::error& why) {
                   outcome =
                       fail(ec::failed, "listen at " + parts_.where.socket, system_.render(why));
                 });
    return outcome;
  }

  node_parts parts_;
  std::int64_t started_at_ms_ = host::unix_ms();
  ssh::ssh_io io_;
  mutable config config_;
  mutable caf::actor_system system_{config_};
  store_actor store_;
  known_hosts_actor known_hosts_;
  leases_actor leases_;
  events_actor events_;
  images_actor images_;
  supervisor_actor supervisor_;
  gateway_actor gateway_;
  std::shared_ptr<const actors::vm_context> context_;
  std::shared_ptr<const actors::session_context> session_context_;
};

node::node(std::unique_ptr<running> x) : running_(std::move(x)) {}

result<std::unique_ptr<node>> node::start(node_parts parts) {
  auto made = std::make_unique<running>(std::move(parts));
  if (auto ok = made->start(); !ok) {
    made->stop();
    return tl::make_unexpected(ok.error());
  }
  return std::unique_ptr<node>{new node{std::move(made)}};
}

node::~node() {
  running_->stop();
}

} // namespace banger::daemon
