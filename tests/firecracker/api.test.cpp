// The API's client against a server that is made from Firecracker's published description, and that
// does what Firecracker hopefully never will.
#include "hypervisor/firecracker_api.hpp"

#include "core/firecracker_metrics.hpp"
#include "host/files.hpp"
#include "host/unix_socket.hpp"
#include "tests/firecracker/stand_in.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <sys/socket.h>

using namespace banger;
using namespace banger::core::firecracker;
using namespace banger::hypervisor;
using namespace banger::test;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 20s; // for what must not fail; a loaded machine starts Python slowly

/// A stand-in that listens.
struct running {
  vm_folder where;
  stand_in process{where};

  running() {
    auto listens = await_firecracker_blocking(process.socket(), process.process(), patience);
    REQUIRE_MESSAGE(listens, to_string(listens ? failure{} : listens.error()));
  }

  template <class Request>
  result<std::string> call(const Request& what, std::chrono::milliseconds limit = patience) {
    return call_firecracker_blocking(process.socket(), to_request(what), limit);
  }

  result<void> configure() {
    return call_firecracker_blocking(process.socket(), configuration(where.launch()), patience);
  }

  void boot() {
    REQUIRE(configure());
    REQUIRE(call(action::instance_start));
  }

  instance_state state() {
    auto info = greet_firecracker_blocking(process.socket(), patience);
    REQUIRE(info);
    return info->state;
  }
};

/// What a request gets that the stand-in does `how` to.
failure met(const std::string& how, std::chrono::milliseconds limit = patience) {
  told behaviour{R"({"at": {"PUT /actions": ")" + how + R"("}})"};
  running vm;
  auto reply = vm.call(action::flush_metrics, limit);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().what == "ask Firecracker: PUT /actions");
  return reply.error();
}

} // namespace

TEST_CASE("firecracker: a VM is configured, booted, paused, resumed and its metrics read") {
  running vm;
  CHECK(vm.state() == instance_state::not_started);
  vm.boot();
  CHECK(vm.state() == instance_state::running);
  CHECK(vm.call(run_state::paused));
  CHECK(vm.state() == instance_state::paused);
  CHECK(vm.call(run_state::resumed));
  CHECK(vm.state() == instance_state::running);
  CHECK(vm.call(action::flush_metrics));
  auto text = host::read_file(metrics_path(vm.where.folder.path()), 1U << 16);
  REQUIRE(text);
  auto sum =
      parse_metrics(text->substr(std::string{"metrics.json"}.size())); // the file's beginning
  REQUIRE(sum);
  CHECK(sum->lines == 1);
  CHECK(sum->net_rx_bytes == 1);
}

TEST_CASE("firecracker: a snapshot is taken of a paused VM, and loaded in a new one") {
  running vm;
  vm.boot();
  const snapshot_create what{vm.where.folder / "state", vm.where.folder / "memory"};
  auto too_early = vm.call(what);
  REQUIRE_FALSE(too_early);
  CHECK(too_early.error().why.find("not paused") != std::string::npos);
  REQUIRE(vm.call(run_state::paused));
  CHECK(vm.call(what));
  CHECK(host::exists(what.memory_path));
  running other;
  CHECK(other.call(snapshot_load{what.state_path, what.memory_path, false, true, {}, ""}));
}

TEST_CASE("firecracker: a disk is put behind a drive of a running VM") {
  running vm;
  vm.boot();
  CHECK(vm.call(drive_update{"work", vm.where.folder / "work.ext4"}));
  auto missing = vm.call(drive_update{"work", "/nowhere/disk"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().why.find("/nowhere/disk") != std::string::npos);
}

TEST_CASE("firecracker: ctrl-alt-del ends the process") {
  running vm;
  vm.boot();
  (void)vm.call(action::send_ctrl_alt_del); // it may be gone before it has answered
  pollfd waiting{vm.process.process().get(), POLLIN, 0};
  CHECK(::poll(&waiting, 1, 20'000) == 1);
}

TEST_CASE("firecracker: a refusal is Firecracker's own words") {
  running vm;
  auto twice = vm.call(action::send_ctrl_alt_del);
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code == ec::hypervisor_failed);
  CHECK(twice.error().why ==
        "The requested operation is not supported before starting the microVM.");
}

TEST_CASE("firecracker: a configuration ends with the first request that is refused") {
  told behaviour{R"({"at": {"PUT /machine-config": "refuse"}})"};
  running vm;
  auto configured = vm.configure();
  REQUIRE_FALSE(configured);
  CHECK(configured.error().what == "ask Firecracker: PUT /machine-config");
  CHECK(configured.error().why == "The stand-in was told to refuse this.");
  CHECK(call_firecracker_blocking(vm.process.socket(), to_request(get_version{}), patience));
}

TEST_CASE("firecracker: a server that refuses wrongly, half-way or not at all is told apart") {
  CHECK(met("html").why == "it answered with HTTP status 502");
  CHECK(met("drop").why == "it ended the connection half-way");
  CHECK(met("half").why == "it ended the connection half-way");
  CHECK(met("die").why == "it ended the connection half-way");
  CHECK(met("garbage").why == "what it answered is no HTTP");
  CHECK(met("huge").why == "its answer is longer than 1024 KiB");
}

TEST_CASE("firecracker: neither silence nor a trickle outlasts the limit") {
  for (const char* how : {"slow", "trickle"}) {
    const auto begin = std::chrono::steady_clock::now();
    auto why = met(how, 300ms);
    CHECK(why.code == ec::timed_out);
    CHECK(why.why == "it did not answer within 300 ms");
    CHECK(std::chrono::steady_clock::now() - begin < patience);
  }
}

TEST_CASE("firecracker: nothing is sent twice, whatever became of the first time") {
  temporary_folder notes;
  const auto journal = notes / "journal";
  told behaviour{R"({"at": {"PUT /actions": "drop"}, "journal": ")" + journal + R"("})"};
  running vm;
  CHECK_FALSE(vm.call(action::flush_metrics));
  auto text = host::read_file(journal, 1U << 16);
  REQUIRE(text);
  CHECK(*text == "PUT /actions {\"action_type\":\"FlushMetrics\"}\n");
}

TEST_CASE("firecracker: a socket that nobody listens at") {
  temporary_folder folder;
  const auto what = to_request(get_version{});
  auto missing = call_firecracker_blocking(folder / "api.sock", what, patience);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().why == "nobody listens at its socket");
  REQUIRE(host::listen_unix(folder / "api.sock")); // and gone again: only its file stays
  auto dead = call_firecracker_blocking(folder / "api.sock", what, patience);
  REQUIRE_FALSE(dead);
  CHECK(dead.error().why == "nobody listens at its socket");
}

TEST_CASE("firecracker: one that dies, or never listens, is not waited for") {
  vm_folder where;
  {
    told behaviour{R"({"start": "die"})"};
    stand_in process{where};
    auto listens = await_firecracker_blocking(process.socket(), process.process(), patience);
    REQUIRE_FALSE(listens);
    CHECK(listens.error().code == ec::hypervisor_failed);
    CHECK(listens.error().why == "it ended before it took requests");
  }
  told behaviour{R"({"start": "deaf"})"};
  stand_in process{where};
  auto listens = await_firecracker_blocking(process.socket(), process.process(), 100ms);
  REQUIRE_FALSE(listens);
  CHECK(listens.error().code == ec::timed_out);
}

TEST_CASE("firecracker: one that is too old is refused with what to do") {
  told behaviour{R"({"version": "1.7.9"})"};
  running vm;
  auto info = greet_firecracker_blocking(vm.process.socket(), patience);
  REQUIRE_FALSE(info);
  CHECK(info.error().code == ec::hypervisor_failed);
  CHECK(info.error().what == "use Firecracker 1.7.9");
  CHECK_FALSE(info.error().hint.empty());
}
