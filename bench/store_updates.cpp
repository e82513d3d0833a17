// Measures how many records a second reach the disk: through the store actor, asked by as many VMs
// at once, and as one transaction each. Usage: store-updates FOLDER
// Prints updates a second as JSON: "actor" and "plain".
#include "actors/store.hpp"
#include "protocol/caf_error.hpp"
#include "storage/vm_records.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace {

using namespace banger;
using clock_type = std::chrono::steady_clock;

constexpr int vms = 64; // that change at the same time
constexpr int actor_updates = 20'000;
constexpr int plain_updates = 1'000;
constexpr std::chrono::seconds patience{60};

struct config : caf::actor_system_config {
  config() {
    add_message_types<caf::id_block::banger>();
    set("logger.verbosity", caf::atom("quiet"));
  }
};

[[noreturn]] void give_up(const failure& why) {
  std::fprintf(stderr, "%s\n", to_string(why).c_str());
  std::exit(1);
}

save_vm update(int number) {
  save_vm x;
  x.record.id = std::to_string(100'000'000'000 + number % vms);
  x.record.name = "vm-" + std::to_string(number % vms);
  x.record.address = "127.77.0." + std::to_string(number % vms + 2);
  x.record.error_at_ms = number;
  x.transitions = {{number, vm_state::stopped, vm_state::starting, "start", "booting", {}}};
  return x;
}

std::unique_ptr<storage::database> open(const std::string& path) {
  auto opened = storage::database::open(path);
  if (!opened)
    give_up(opened.error());
  return std::move(*opened);
}

double per_second(int count, clock_type::time_point since) {
  return count / std::chrono::duration<double>(clock_type::now() - since).count();
}

double by_actor(const std::string& path) {
  config with;
  caf::actor_system system{with};
  auto store = system.spawn<caf::detached>(actors::store, open(path));
  caf::scoped_actor self{system};
  int asked = 0;
  int answered = 0;
  const auto since = clock_type::now();
  const auto ask = [&] { self->send(store, update(asked++)); };
  while (asked < vms)
    ask();
  while (answered < actor_updates) {
    self->receive(
        [&](const done&) {
          ++answered;
          if (asked < actor_updates)
            ask();
        },
        [](const caf::error& why) { give_up(to_failure(why)); },
        caf::after(patience) >>
            [] {
              give_up({ec::timed_out, "wait for the store", {}, {}});
            });
  }
  const auto rate = per_second(actor_updates, since);
  self->send_exit(store, caf::exit_reason::user_shutdown);
  self->wait_for(store);
  return rate;
}

double by_itself(const std::string& path) {
  auto database = open(path);
  const auto since = clock_type::now();
  for (int i = 0; i < plain_updates; ++i) {
    const auto x = update(i);
    auto together = storage::transaction::begin(*database);
    if (!together)
      give_up(together.error());
    if (auto saved = storage::save_vm_record(*database, x.record); !saved)
      give_up(saved.error());
    if (auto added = storage::add_transitions(*database, x.record.id, x.transitions); !added)
      give_up(added.error());
    if (auto committed = together->commit(); !committed)
      give_up(committed.error());
  }
  return per_second(plain_updates, since);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: store-updates FOLDER\n");
    return 2;
  }
  const std::string folder = argv[1];
  const auto plain = by_itself(folder + "/plain.db");
  const auto actor = by_actor(folder + "/actor.db");
  std::printf("{\"actor\": %.1f, \"plain\": %.1f}\n", actor, plain);
  return 0;
}
