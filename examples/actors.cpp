// Runs a command in a VM of its own, by an actor: on the daemon of any host, or on a host that
// lives in this process.
//   c++ -std=c++20 actors.cpp $(pkg-config --cflags --libs banger-actors) -o actors
//   ./actors --host lab make test            a name of [hosts], a URL, or "" for this machine
//   ./actors --embed /srv/fleet make test    no daemon: the host and all it has are this program's
#include <banger/actors.hpp>

#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>

using namespace std::chrono_literals;

namespace {

constexpr auto patience = 120s;
constexpr std::uint32_t credit = 1U << 20; // bytes of output, and events, that may be under way

/// Asked with the handle of a host, answers with the command's exit status when its VM is gone.
using runner_actor =
    banger::client_actor::extend<caf::replies_to<caf::strong_actor_ptr>::with<std::int32_t>>;

struct run {
  std::vector<std::string> command;
  banger::host_actor host;
  std::string vm;
  caf::typed_response_promise<std::int32_t> answer;
};

using runner_pointer = runner_actor::stateful_pointer<run>;

/// The end of all that goes wrong, also of the host itself. Its VM goes with us: it is ephemeral.
auto give_up(runner_pointer self) {
  return [self](const caf::error& why) {
    self->state.answer.deliver(why);
    self->quit();
  };
}

void finish(runner_pointer self, std::int32_t status) {
  self->request(self->state.host, patience, banger::delete_vm{self->state.vm})
      .then(
          [self, status](const banger::vm_info&) {
            self->state.answer.deliver(status);
            self->quit();
          },
          give_up(self));
}

void run_command(runner_pointer self) {
  const auto& x = self->state;
  self->request(x.host, patience, banger::open_exec{x.vm, x.command, {}, {}, credit})
      .then(
          [self](const banger::exec_opened& opened) { // it reads nothing
            self->send(self->state.host, banger::exec_input_ended{opened.exec});
          },
          give_up(self));
}

void boot(runner_pointer self) {
  banger::vm_config config;
  config.is_ephemeral = true;
  self->request(self->state.host, patience, banger::create_vm{config})
      .then(
          [self](const banger::vm_info& made) {
            self->state.vm = made.name;
            self->request(self->state.host, patience, banger::start_vm{made.name})
                .then([self](const banger::vm_info&) { run_command(self); }, give_up(self));
          },
          give_up(self));
}

runner_actor::behavior_type runner(runner_pointer self, std::vector<std::string> command) {
  self->state.command = std::move(command);
  self->set_down_handler([self](const caf::down_msg& down) {
    give_up(self)(down.reason ? down.reason
                              : make_error(caf::exit_reason::remote_link_unreachable));
  });
  return {
      [self](const caf::strong_actor_ptr& host) {
        auto& x = self->state;
        x.host = caf::actor_cast<banger::host_actor>(host);
        x.answer = self->make_response_promise<std::int32_t>();
        self->monitor(x.host);
        self->request(x.host, patience,
                      banger::subscribe_events{banger::events_from::now, 0, credit})
            .then([self](const banger::events_subscribed&) { boot(self); }, give_up(self));
        return x.answer;
      },
      [](const banger::stage_entered&) {},
      [](const banger::event_happened& x) {
        std::fprintf(stderr, "%s %s %s\n", x.kind.c_str(), x.subject.c_str(), x.detail.c_str());
      },
      [](const banger::events_missed&) {},
      [self](const banger::exec_output& x) {
        auto* to = x.is_stderr ? stderr : stdout;
        std::fwrite(x.bytes.data(), 1, x.bytes.size(), to);
        std::fflush(to);
        const auto size = static_cast<std::uint32_t>(x.bytes.size());
        self->send(self->state.host, banger::exec_credit{x.exec, size});
      },
      [](const banger::exec_input_wanted&) {},
      [self](const banger::exec_ended& x) {
        finish(self, x.signal != 0 ? 128 + x.signal : x.exit_code);
      },
      [](const banger::attach_output&) {}, // of sessions, which we have none of
      [](const banger::attach_gap&) {},
      [](const banger::attach_input_wanted&) {},
      [](const banger::attach_input_refused&) {},
      [](const banger::attach_noticed&) {},
      [](const banger::attach_ended&) {},
  };
}

int complain(const banger::failure& why) {
  std::fprintf(stderr, "actors: %s\n", banger::to_string(why).c_str());
  return 1;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 4 || (std::strcmp(argv[1], "--host") != 0 && std::strcmp(argv[1], "--embed") != 0))
    return std::fputs("usage: actors --host HOST|--embed FOLDER COMMAND...\n", stderr), 2;
  std::signal(SIGPIPE, SIG_IGN);
  caf::actor_system_config config;
  banger::prepare(config);
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  auto client = system.spawn(runner, std::vector<std::string>{argv + 3, argv + argc});
  std::optional<banger::embedded_host> own;
  banger::result<banger::host_actor> host;
  if (std::strcmp(argv[1], "--embed") == 0) {
    auto made = banger::embedded_host::start(system, {.folder = argv[2]});
    if (!made)
      return self->send_exit(client, caf::exit_reason::kill), complain(made.error());
    host = own.emplace(std::move(*made)).open(client);
  } else {
    host = banger::connect(system, client, {.host = argv[2]});
  }
  if (!host)
    return self->send_exit(client, caf::exit_reason::kill), complain(host.error());
  int status = 1;
  self->request(client, 3 * patience, caf::actor_cast<caf::strong_actor_ptr>(*host))
      .receive([&](std::int32_t x) { status = x; },
               [&](const caf::error& why) { status = complain(banger::to_failure(why)); });
  self->wait_for(client);
  return status;
}
