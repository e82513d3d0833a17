#include "daemon/node.hpp"

#include "actors/agent_install.hpp"
#include "actors/client_session.hpp"
#include "actors/dns_responder.hpp"
#include "actors/events.hpp"
#include "actors/exec.hpp"
#include "actors/firecracker_machine.hpp"
#include "actors/gateway.hpp"
#include "actors/guest_link.hpp"
#include "actors/guest_port.hpp"
#include "actors/guest_session.hpp"
#include "actors/guest_sweep.hpp"
#include "actors/image_build.hpp"
#include "actors/images.hpp"
#include "actors/known_hosts.hpp"
#include "actors/leases.hpp"
#include "actors/machine.hpp"
#include "actors/owners.hpp"
#include "actors/store.hpp"
#include "actors/supervisor.hpp"
#include "actors/tls_relay.hpp"
#include "actors/vm_files_blocking.hpp"
#include "core/forward_spec.hpp"
#include "core/guest_address.hpp"
#include "daemon/actor_config.hpp"
#include "daemon/service_watch.hpp"
#include "host/clock.hpp"
#include "host/dns_sockets.hpp"
#include "host/log.hpp"
#include "host/process.hpp"
#include "host/tcp_port.hpp"
#include "protocol/version.hpp"
#include "ssh/ssh_io.hpp"
#include "transport/unix_transport.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/middleman_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <thread>
#include <unistd.h>
#include <utility>

namespace banger::daemon {

namespace {

/// CAF's key for a published actor, which no other of the actor system may have. No TCP port.
std::uint16_t next_port() {
  static std::atomic<std::uint16_t> given{0};
  return static_cast<std::uint16_t>(gateway_port + given++);
}

constexpr std::chrono::seconds listen_limit{10};
constexpr std::chrono::seconds reconcile_limit{20};
constexpr std::chrono::seconds shutdown_limit{8};

} // namespace

/// Lives until the last actor that needs it has ended, for actors end when they like: those that
/// use its threads keep it, and so do the contexts, which make actors through it.
class node::running : public std::enable_shared_from_this<running> {
public:
  running(caf::actor_system& system, node_parts parts)
      : parts_(std::move(parts)), system_(system) {}

  result<void> start() {
    spawn_services();
    spawn_supervisor();
    reconcile();
    serve_names();
    prepare_relay();
    auto listening = listen();
    if (tls_ && listening)
      caf::anon_send(tls_, step_due{});
    watch_services();
    return listening;
  }

  void stop() { stop(parts_.status_of_hang); }

  void stop(std::optional<int> status_of_hang) {
    if (std::exchange(is_stopped_, true))
      return;
    if (status_of_hang)
      limit_shutdown(*status_of_hang);
    caf::scoped_actor self{system_};
    end(self, tls_);
    end(self, gateway_);
    end(self, dns_);
    end(self, owners_);
    end(self, supervisor_);
    end(self, images_);
    end(self, events_);
    end(self, leases_);
    end(self, known_hosts_);
    end(self, store_);
    end(self, watcher_);
    context_.reset(); // what it holds would keep actors alive
    session_context_.reset();
    io_.stop();
    ports_.stop();
  }

  const gateway_actor& gateway() const { return gateway_; }

private:
  /// A handler that hangs must not keep the daemon: everything that counts is on disk already.
  static void limit_shutdown(int status_of_hang) {
    std::thread watchdog{[status_of_hang] {
      std::this_thread::sleep_for(shutdown_limit);
      host::log_error("shutdown hangs; giving up");
      ::_exit(status_of_hang);
    }};
    watchdog.detach();
  }

  /// We live at least as long as that actor.
  template <class Handle>
  Handle kept_for(Handle x) {
    x->attach_functor([me = shared_from_this()] {});
    return x;
  }

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
    leases_ = system_.spawn(actors::leases, std::size_t{usable_cores()}, first,
                            [](const std::string& address) {
                              return host::is_port_free(address, core::guest_ssh_port);
                            });
    events_ = system_.spawn(actors::events, store_, std::move(parts_.events));
    // Before anybody can write: of what happens nothing is left out.
    caf::anon_send(store_, report_events{}, caf::actor_cast<event_listener_actor>(events_));
    caf::anon_send(events_,
                   publish_event{"daemon.started", parts_.host_id, std::string{program_version}});
    actors::image_build_context build{parts_.programs.image_builder, parts_.where.images,
                                      parts_.programs.guest, parts_.programs.recipes,
                                      parts_.where.state + "/image-build.log"};
    images_ = system_.spawn<caf::detached>(
        actors::images, storage::image_catalog{parts_.where.images},
        [&system = system_, build] { return system.spawn(actors::image_build, build); }, limits);
  }

  void spawn_supervisor() {
    auto context = std::make_shared<actors::vm_context>();
    const auto me = shared_from_this();
    context->store = store_;
    context->leases = leases_;
    context->images = images_;
    context->known_hosts = known_hosts_;
    context->make_files = [me] {
      return me->system_.spawn<caf::detached>(actors::vm_files, me->parts_.where.helper_socket);
    };
    context->make_machine = [me, limits = context->deadlines](const vm_actor& owner) {
      return me->system_.spawn(actors::machine, owner, me->parts_.programs.net_helper, limits,
                               std::optional<core::vm_handles>{});
    };
    context->make_firecracker = [me, limits = context->deadlines](const vm_actor& owner) {
      return me->spawn_firecracker(owner, limits, std::nullopt);
    };
    context->adopt_machine = [me, limits = context->deadlines](const vm_actor& owner,
                                                               const std::string& text) {
      auto handles = core::parse_handles(text);
      if (handles && handles->driver == vm_driver::firecracker)
        return me->spawn_firecracker(owner, limits, *handles);
      return me->system_.spawn(actors::machine, owner, me->parts_.programs.net_helper, limits,
                               handles ? std::optional{*handles}
                                       : std::optional{core::vm_handles{}});
    };
    // The handles by value: ours are gone at the end, when others make such actors yet.
    context->make_link = [me, known_hosts = known_hosts_, events = events_](const vm_record& record,
                                                                            const vm_actor& owner) {
      auto install = [me, events](ssh::connection_id connection, const std::string& name) {
        return me->kept_for(me->system_.spawn(
            actors::agent_install,
            actors::agent_install_spec{&me->io_, connection, name, me->agent_, events}));
      };
      return me->kept_for(
          me->system_.spawn(actors::guest_link,
                            actors::link_context{&me->io_, known_hosts, me->parts_.key.key, owner,
                                                 std::move(install)},
                            record));
    };
    context->make_session = [me](const actors::guest_session_spec& spec) {
      return me->kept_for(me->system_.spawn(actors::guest_session, spec, &me->channels_));
    };
    context->make_sweep = [me](const guest_way_actor& way) {
      return me->kept_for(me->system_.spawn(actors::guest_sweep, way, &me->channels_));
    };
    context->make_port = [me](const vm_record& record, const guest_link_actor& link) {
      return me->kept_for(me->system_.spawn(actors::guest_port, &me->ports_,
                                            core::port_socket(record.directory), link));
    };
    context->events = events_;
    context->private_key = parts_.where.private_key;
    context->helper_socket = parts_.where.helper_socket;
    context->authorized_key = parts_.key.public_line;
    context->known_hosts_path = parts_.where.known_hosts;
    context_ = context;
    supervisor_ = system_.spawn(actors::supervisor, context_, events_, parts_.where.vms,
                                std::move(parts_.known), parts_.cleared);
    owners_ = system_.spawn(
        actors::owners, actors::owners_context{store_, supervisor_, events_, host::boot_ms},
        core::owner_table{host::boot_id(), actors::any_first_stamp(), parts_.owners});
  }

  machine_actor spawn_firecracker(const vm_actor& owner, const core::deadlines& limits,
                                  std::optional<core::vm_handles> adopted) {
    return system_.spawn(
        actors::firecracker_machine, owner,
        [helper = parts_.programs.net_helper] { return hypervisor::find_firecracker(helper); },
        limits, std::move(adopted));
  }

  std::vector<actor_child> roots() const {
    std::vector<actor_child> all{
        {"store", store_, 0, {}},          {"known_hosts", known_hosts_, 0, {}},
        {"leases", leases_, 0, {}},        {"events", events_, 0, {}},
        {"images", images_, 0, {}},        {"owners", owners_, 0, {}},
        {"supervisor", supervisor_, 0, {}}};
    if (dns_)
      all.push_back({"dns_responder", dns_, 0, {}});
    return all;
  }

  void watch_services() {
    auto all = roots();
    all.push_back({"gateway", gateway_, 0, {}});
    watcher_ = watch_parts(system_, std::move(all), parts_.on_service_failed);
  }

  /// Nobody is served before the VMs are as the list says. One that does not come to rest in time
  /// is shown at it.
  void reconcile() {
    caf::scoped_actor self{system_};
    self->request(supervisor_, reconcile_limit, await_reconciled{})
        .receive(
            [](const reconcile_report& x) {
              auto line = "reconciled in " + std::to_string(x.took_ms) +
                          " ms: " + std::to_string(x.adopted) + " adopted, " +
                          std::to_string(x.settled) + " settled, " + std::to_string(x.rolled_back) +
                          " rolled back, " + std::to_string(x.failed) + " failed, " +
                          std::to_string(x.cleared) + " cleared";
              host::log_info(line);
            },
            [](const caf::error&) {
              host::log_warning("some VMs have not come to rest yet; serving all the same");
            });
  }

  /// Where the user wants it. A port that is taken keeps nobody from their VMs: the status tells.
  void serve_names() {
    auto& plan = parts_.dns;
    if (!plan.listen)
      return;
    auto sockets = host::listen_dns(*plan.listen);
    if (!sockets) {
      plan.trouble = to_string(sockets.error());
      host::log_warning("no names of VMs are served: " + plan.trouble);
      return;
    }
    dns_ = system_.spawn(actors::dns_responder, supervisor_,
                         std::make_shared<const host::dns_sockets>(std::move(*sockets)));
  }

  /// Where the user wants it; it begins when the daemon's own socket is served, which goes on
  /// whatever becomes of it.
  void prepare_relay() {
    if (const auto& plan = parts_.listen)
      tls_ =
          system_.spawn(actors::tls_relay, actors::tls_relay_context{parts_.programs.tls_relay,
                                                                     *plan, parts_.where.socket});
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
    if (const auto& at = parts_.dns.listen; at && parts_.dns.trouble.empty())
      x.dns_listen = core::endpoint_text(at->address, at->port);
    x.dns_trouble = parts_.dns.trouble;
    x.host_id = parts_.host_id;
    if (parts_.listen)
      x.listen = core::endpoint_text(parts_.listen->where.host, parts_.listen->where.port);
    x.client_count = static_cast<std::uint32_t>(transport::read_counters(system_).open);
    x.worker_count = static_cast<std::uint32_t>(
        caf::get_or(system_.config(), "scheduler.max-threads", std::size_t{0}));
    return x;
  }

  result<void> listen() {
    auto context = std::make_shared<actors::session_context>();
    context->supervisor = supervisor_;
    context->images = images_;
    context->events = events_;
    context->host_id = parts_.host_id;
    context->owners = owners_;
    context->make_exec = [me = shared_from_this()](const actors::exec_spec& spec) {
      return me->kept_for(me->system_.spawn(actors::exec, spec, &me->io_,
                                            static_cast<actors::agent_channels*>(&me->channels_)));
    };
    context->stop_daemon = parts_.on_stop_request;
    // Copies, for sessions outlive some of them; the gateway, which is made with this, weakly.
    auto gateway = std::make_shared<caf::weak_actor_ptr>();
    auto all = roots();
    if (tls_)
      all.push_back({"tls_relay", tls_, 0, {}});
    context->list_roots = [all = std::move(all), gateway] {
      auto now = all;
      if (auto alive = caf::actor_cast<caf::strong_actor_ptr>(*gateway))
        now.push_back({"gateway", caf::actor_cast<described_actor>(alive), 0, {}});
      return now;
    };
    context->describe_daemon = [me = shared_from_this()] { return me->describe(); };
    session_context_ = context;
    gateway_ = system_.spawn(actors::gateway, session_context_,
                             [&system = system_] { transport::sweep_connections(system); });
    *gateway = caf::actor_cast<caf::weak_actor_ptr>(gateway_);
    transport::refuse_remote_spawns(system_);
    caf::scoped_actor self{system_};
    result<void> outcome;
    self->request(transport::unix_middleman(system_), listen_limit, caf::publish_atom::value,
                  next_port(), caf::actor_cast<caf::strong_actor_ptr>(gateway_),
                  std::set<std::string>{}, parts_.where.socket, false)
        .receive([](std::uint16_t) {},
                 [&](const caf::error& why) {
                   outcome =
                       fail(ec::failed, "listen at " + parts_.where.socket, system_.render(why));
                 });
    return outcome;
  }

  node_parts parts_;
  std::shared_ptr<const actors::agent_program> agent_ = read_agent(parts_.programs);
  std::int64_t started_at_ms_ = host::unix_ms();
  ssh::ssh_io io_;
  port::port_io ports_;
  actors::guest_channels channels_{io_, ports_};
  bool is_stopped_ = false;
  caf::actor_system& system_;
  store_actor store_;
  known_hosts_actor known_hosts_;
  leases_actor leases_;
  events_actor events_;
  images_actor images_;
  supervisor_actor supervisor_;
  owners_actor owners_;
  dns_responder_actor dns_;
  actors::tls_relay_actor tls_;
  gateway_actor gateway_;
  described_actor watcher_;
  std::shared_ptr<const actors::vm_context> context_;
  std::shared_ptr<const actors::session_context> session_context_;
};

node::node(std::shared_ptr<running> x) : running_(std::move(x)) {}

result<std::unique_ptr<node>> node::start(caf::actor_system& system, node_parts parts) {
  auto made = std::make_shared<running>(system, std::move(parts));
  if (auto ok = made->start(); !ok) {
    made->stop();
    return tl::make_unexpected(ok.error());
  }
  return std::unique_ptr<node>{new node{std::move(made)}};
}

void node::stop(int status_of_hang) {
  running_->stop(status_of_hang);
}

gateway_actor node::gateway() const {
  return running_->gateway();
}

node::~node() {
  running_->stop();
}

} // namespace banger::daemon
