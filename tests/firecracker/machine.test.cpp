// The driver as a VM's actor uses it, in a real actor system, with real processes: the stand-in for
// Firecracker, and the real banger-net beside it.
#include "actors/firecracker_machine.hpp"

#include "core/helper_protocol.hpp"
#include "host/descriptor_socket.hpp"
#include "host/files.hpp"
#include "protocol/caf_error.hpp"
#include "tests/firecracker/stand_in.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <sys/socket.h>
#include <thread>

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 40s; // for what must not fail; a loaded machine starts Python slowly

struct real_config : caf::actor_system_config {
  real_config() {
    add_message_types<caf::id_block::banger>();
    set("logger.verbosity", caf::atom("quiet"));
    load<caf::io::middleman>();
  }
};

/// A banger-helper that has a name to lend and no tap, and notes when that is given back.
class lender {
public:
  lender() {
    auto listener = host::listen_packets(folder_ / "s");
    REQUIRE(listener);
    listener_ = std::move(*listener);
    thread_ = std::thread{[this] { serve(); }};
  }
  ~lender() { thread_.join(); }
  lender(const lender&) = delete;

  [[nodiscard]] host_needs needs() const {
    host_needs x;
    x.network = network_kind::tap;
    x.helper_socket = folder_ / "s";
    return x;
  }

  [[nodiscard]] bool is_given_back() const { return is_given_back_; }

private:
  static bool is_readable(const host::unique_fd& fd) {
    pollfd waiting{fd.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 40'000) == 1;
  }

  void serve() {
    if (!is_readable(listener_))
      return;
    const host::unique_fd client{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    while (is_readable(client)) {
      auto got = host::receive_packet(client.get(), 1024);
      auto asked = got ? core::decode_helper_request(got->bytes)
                       : result<core::helper_request>{tl::make_unexpected(got.error())};
      if (!asked)
        break;
      core::helper_reply reply;
      reply.number = asked->number;
      reply.op = asked->op;
      reply.name = asked->op == core::helper_op::lend_tap ? "bgr-t0007" : "";
      (void)host::send_packet(client.get(), core::encode(reply), {});
    }
    is_given_back_ = true;
  }

  temporary_folder folder_;
  host::unique_fd listener_;
  std::atomic<bool> is_given_back_ = false;
  std::thread thread_;
};

/// A driver for one VM, and what it leaves behind: nothing.
class driver {
public:
  explicit driver(core::deadlines limits = {}) : limits_(limits) { spawn(std::nullopt); }

  ~driver() {
    if (machine_)
      (void)ask<machine_ended>(end_machine{0});
    leave();
    CHECK(host::find_processes_naming(where.folder.path()).empty());
    for (const char* name : {"api.sock", "vsock.sock", "vsock.sock_1024"})
      CHECK_MESSAGE(!host::exists(where.folder / name), name);
  }
  driver(const driver&) = delete;

  /// The daemon ends: the actor goes, the processes stay.
  void leave() {
    if (!machine_)
      return;
    self_->send_exit(machine_, caf::exit_reason::user_shutdown);
    self_->wait_for(machine_);
    machine_ = nullptr;
  }

  void adopt(const std::string& handles) {
    auto read = core::parse_handles(handles);
    REQUIRE(read);
    CHECK(read->driver == vm_driver::firecracker);
    spawn(*read);
  }

  template <class Reply, class Request>
  result<Reply> ask(const Request& what) {
    result<Reply> out = fail(ec::failed, "no answer");
    self_->request(machine_, patience, what)
        .receive([&](Reply& reply) { out = std::move(reply); },
                 [&](const caf::error& why) { out = tl::make_unexpected(to_failure(why)); });
    return out;
  }

  machine_launched launch() {
    auto launched = try_launch();
    REQUIRE_MESSAGE(launched, to_string(launched ? failure{} : launched.error()));
    return *launched;
  }

  result<machine_launched> try_launch() {
    launch_machine x;
    x.vm_id = where.launch().id;
    x.vm_name = "box";
    x.directory = where.folder.path();
    x.kernel = where.launch().kernel;
    x.address = needs.network == network_kind::tap ? "10.77.0.9" : "127.77.250.1";
    x.ssh_port = 2222;
    x.needs = needs;
    return ask<machine_launched>(x);
  }

  machine_launched boot() {
    auto launched = launch();
    auto ready = ask<done>(await_ready{});
    REQUIRE_MESSAGE(ready, to_string(ready ? failure{} : ready.error()));
    return launched;
  }

  /// Why a launch, or the wait for its guest, came to nothing.
  failure refusal() {
    (void)launch();
    auto ready = ask<done>(await_ready{});
    REQUIRE_FALSE(ready);
    return ready.error();
  }

  /// The event that the VM's actor would get.
  machine_ended told() {
    machine_ended got;
    self_->receive([&](machine_ended& x) { got = std::move(x); },
                   caf::after(patience) >> [] { FAIL("no event"); });
    return got;
  }

  vm_folder where;
  host_needs needs;

private:
  void spawn(std::optional<core::vm_handles> adopted) {
    // Events go to the VM's actor; the test takes its place.
    auto owner = caf::actor_cast<vm_actor>(caf::actor_cast<caf::strong_actor_ptr>(self_));
    machine_ = system_.spawn(
        actors::firecracker_machine, owner,
        []() -> result<hypervisor::firecracker_programs> {
          return hypervisor::firecracker_programs{stand_in_program(),
                                                  std::getenv("BANGER_NET_BIN")};
        },
        limits_, std::move(adopted));
  }

  core::deadlines limits_;
  real_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_{system_};
  machine_actor machine_;
};

template <class Probe>
bool comes_true(Probe probe) {
  for (const auto until = std::chrono::steady_clock::now() + patience; !probe();) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

std::string refusing(const std::string& request, const std::string& how) {
  return R"({"at": {")" + request + R"(": ")" + how + R"("}})";
}

} // namespace

TEST_CASE("firecracker driver: a guest boots, says READY by vsock, and is ended by its agent") {
  driver vm;
  auto launched = vm.boot();
  CHECK(launched.accelerator == "kvm");
  auto handles = core::parse_handles(launched.handles);
  REQUIRE(handles);
  CHECK(handles->driver == vm_driver::firecracker);
  CHECK(handles->qemu.pid == launched.pid);
  CHECK(handles->qmp_socket == vm.where.folder / "api.sock");
  CHECK(vm.ask<done>(await_ready{})); // also later
  auto console = host::read_file(vm.where.folder / "console.log", 1U << 16);
  REQUIRE(console);
  CHECK(console->find("the guest boots") != std::string::npos);
  auto ended = vm.ask<machine_ended>(end_machine{30'000});
  REQUIRE(ended);
  CHECK(ended->was_asked);
  CHECK(ended->reason == "the guest shut down or rebooted");
}

TEST_CASE("firecracker driver: what was put is what the VM is") {
  temporary_folder notes;
  const auto journal = notes / "journal";
  told behaviour{R"({"journal": ")" + journal + R"("})"};
  driver vm;
  (void)vm.boot();
  auto text = host::read_file(journal, 1U << 16);
  REQUIRE(text);
  std::string wanted = "GET / \n";
  auto all = core::firecracker::configuration(vm.where.launch());
  all.push_back(core::firecracker::to_request(core::firecracker::action::instance_start));
  for (const auto& each : all)
    wanted += each.method + " " + each.path + " " + each.body + "\n";
  CHECK(*text == wanted);
}

TEST_CASE("firecracker driver: a guest without an agent is ended by ctrl-alt-del") {
  told behaviour{R"({"guest": "silent"})"};
  core::deadlines limits;
  limits.boot = 1'500ms;
  driver vm{limits};
  auto why = vm.refusal();
  CHECK(why.code == ec::guest_not_ready);
  auto ended = vm.ask<machine_ended>(end_machine{30'000});
  REQUIRE(ended);
  CHECK(ended->reason == "the guest shut down or rebooted");
}

TEST_CASE("firecracker driver: a guest that hears nothing is killed when its grace is over") {
  told behaviour{R"({"guest": "stubborn"})"};
  driver vm;
  (void)vm.boot();
  auto ended = vm.ask<machine_ended>(end_machine{600});
  REQUIRE(ended);
  CHECK(ended->reason == "the hypervisor was killed by signal 9");
}

TEST_CASE("firecracker driver: a guest that is killed is not asked first") {
  driver vm;
  (void)vm.boot();
  auto ended = vm.ask<machine_ended>(end_machine{0});
  REQUIRE(ended);
  CHECK(ended->reason == "the hypervisor was killed by signal 9");
}

TEST_CASE("firecracker driver: the VM hears when its guest, or Firecracker, ends by itself") {
  driver vm;
  auto launched = vm.boot();
  auto process = host::open_pidfd(launched.pid);
  REQUIRE(process);
  host::signal_process(*process, SIGSEGV);
  auto event = vm.told();
  CHECK_FALSE(event.was_asked);
  CHECK(event.reason == "the hypervisor was killed by signal 11");
}

TEST_CASE("firecracker driver: a VM that nobody can reach any more is ended") {
  driver vm;
  auto handles = core::parse_handles(vm.boot().handles);
  REQUIRE(handles);
  auto helper = host::open_pidfd(handles->net.pid);
  REQUIRE(helper);
  host::signal_process(*helper, SIGKILL);
  CHECK(vm.told().reason == "the network helper ended");
}

TEST_CASE("firecracker driver: a kernel that panics at once is a failed start") {
  told behaviour{R"({"guest": "panic"})"};
  driver vm;
  auto why = vm.refusal();
  CHECK(why.code == ec::guest_not_ready);
  CHECK(why.why.starts_with("the guest shut down or rebooted"));
}

TEST_CASE("firecracker driver: what Firecracker refuses is said in its words, and nothing stays") {
  for (const char* request :
       {"PUT /boot-source", "PUT /drives/root", "PUT /vsock", "PUT /actions"}) {
    told behaviour{refusing(request, "refuse")};
    driver vm;
    auto why = vm.refusal();
    CHECK(why.code == ec::hypervisor_failed);
    CHECK(to_string(why) ==
          "ask Firecracker: " + std::string{request} + ": The stand-in was told to refuse this.");
  }
}

TEST_CASE("firecracker driver: an API that drops, dies, or answers nonsense fails the start") {
  for (const char* how : {"drop", "half", "garbage", "huge", "die"}) {
    CAPTURE(how);
    told behaviour{refusing("PUT /machine-config", how)};
    driver vm;
    auto why = vm.refusal();
    CHECK(why.code == ec::hypervisor_failed);
  }
}

TEST_CASE("firecracker driver: an API that does not answer fails the start in bounded time") {
  told behaviour{refusing("PUT /actions", "slow")};
  driver vm;
  const auto begin = std::chrono::steady_clock::now();
  auto why = vm.refusal();
  CHECK(why.code == ec::timed_out);
  CHECK(why.what == "ask Firecracker: PUT /actions");
  CHECK(std::chrono::steady_clock::now() - begin < 15s);
}

TEST_CASE("firecracker driver: one that dies at its start says why") {
  told behaviour{R"({"start": "die"})"};
  driver vm;
  auto why = vm.refusal();
  CHECK(why.code == ec::hypervisor_failed);
  CHECK(why.why.find("exited with status 1: Error: the stand-in was told to die") !=
        std::string::npos);
}

TEST_CASE(
    "firecracker driver: a tap is on record before it is opened, and given back with the VM") {
  told behaviour{refusing("PUT /network-interfaces/eth0", "refuse")};
  lender helper;
  driver vm;
  vm.needs = helper.needs();
  auto handles = core::parse_handles(vm.launch().handles);
  REQUIRE(handles);
  REQUIRE(handles->host);
  CHECK(handles->host->tap == "bgr-t0007");
  CHECK(handles->host->address == "10.77.0.9");
  CHECK(handles->net.pid == 0); // the guest is reached over the tap
  CHECK_FALSE(helper.is_given_back());
  auto ready = vm.ask<done>(await_ready{});
  REQUIRE_FALSE(ready);
  CHECK(to_string(ready.error()).find("PUT /network-interfaces/eth0") != std::string::npos);
  REQUIRE(vm.ask<machine_ended>(end_machine{0}));
  CHECK(comes_true([&] { return helper.is_given_back(); }));
}

TEST_CASE("firecracker driver: a daemon that ends before the boot gives its tap back") {
  lender helper;
  driver vm;
  vm.needs = helper.needs();
  auto launched = vm.launch();
  vm.leave();
  CHECK(comes_true([&] { return helper.is_given_back(); }));
  vm.adopt(launched.handles);
}

TEST_CASE("firecracker driver: without banger-helper a tap fails the start, with what to do") {
  driver vm;
  vm.needs.network = network_kind::tap;
  vm.needs.helper_socket = "/nonexistent/s";
  auto launched = vm.try_launch();
  REQUIRE_FALSE(launched);
  CHECK(launched.error().code == ec::missing_program);
  CHECK(launched.error().hint.find("banger-helper") != std::string::npos);
}

TEST_CASE("firecracker driver: a file that is missing is Firecracker's error, with its name") {
  driver vm;
  host::remove_file(vm.where.folder / "root.raw");
  CHECK(vm.refusal().why.find("root.raw: No such file") != std::string::npos);
}

TEST_CASE("firecracker driver: the next daemon takes a running VM over, and can end it") {
  driver vm;
  auto launched = vm.boot();
  vm.leave();
  CHECK(host::find_processes_naming(vm.where.folder.path()).size() == 2); // both live on
  vm.adopt(launched.handles);
  CHECK(vm.ask<done>(await_ready{}));
  auto ended = vm.ask<machine_ended>(end_machine{30'000}); // by ctrl-alt-del: its agent is not ours
  REQUIRE(ended);
  CHECK(ended->was_asked);
}

TEST_CASE("firecracker driver: handles of a process that is another by now take nothing over") {
  driver vm;
  auto launched = vm.boot();
  auto handles = core::parse_handles(launched.handles);
  REQUIRE(handles);
  REQUIRE(vm.ask<machine_ended>(end_machine{0}));
  vm.leave();
  handles->qemu = {1, 1};
  vm.adopt(core::render_handles(*handles));
  CHECK(vm.told().reason == "it ended while the daemon was away");
}
