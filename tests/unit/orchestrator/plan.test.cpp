#include "examples/orchestrator/news.hpp"

#include <doctest/doctest.h>

using namespace orchestrator;

namespace {

/// The program without its threads: hosts answer at once, or not at all. Their daemons end what has
/// no lease.
struct world {
  settings wanted{.hosts = {"a", "b", "c"}, .count = 3, .memory_mib = 256, .ttl_ms = 9'000};
  fleet known{.token = 1, .boot_id = "boot"};
  views hosts;
  std::map<std::string, std::map<std::string, seen_vm>> real; ///< what is where
  std::map<std::string, std::int64_t> leases;                 ///< until when
  std::set<std::string> silent;                               ///< hosts that can't be reached
  std::int64_t now = 100'000;
  decision last;
  std::vector<change> told;

  decision& decide_now() {
    last = decide(wanted, known, hosts, now);
    known = last.next;
    told.insert(told.end(), last.changes.begin(), last.changes.end());
    note(hosts, last);
    return last;
  }

  void answer(const renewal& asked) {
    const auto& host = asked.host;
    renewal_ended x{.host = host, .ended_ms = now, .asked_ms = now};
    if (silent.contains(host)) {
      x.why = "no answer";
    } else {
      auto& end = leases[host]; // stamps are times here
      end = std::max(end, static_cast<std::int64_t>(asked.stamp) + wanted.ttl_ms);
      x.stamp = static_cast<std::uint64_t>(now);
      x.left_ms = static_cast<std::uint32_t>(std::max<std::int64_t>(end - now, 0));
      x.vms = real[host];
      x.memory_free_mib = 4'096;
    }
    for (const auto& y : take(known, hosts[host], x, wanted.ttl_ms))
      told.push_back(y);
  }

  void obey(const order& x) {
    auto& vms = real[x.host];
    order_ended end{x, silent.contains(x.host) ? "no answer" : "", now};
    if (x.kind != order_kind::remove && leases[x.host] <= now)
      end.why = "no lease";
    if (end.why.empty() && x.kind == order_kind::create)
      vms[x.name] = {x.host + "/" + x.name, vm_condition::at_rest};
    if (end.why.empty() && x.kind == order_kind::start)
      vms.at(x.name).condition = vm_condition::running;
    if (end.why.empty() && x.kind == order_kind::remove)
      vms.erase(x.name);
    for (const auto& y : take(hosts[x.host], end))
      told.push_back(y);
  }

  /// A stamp, and a lease that counts from it.
  void meet(const std::string& host) {
    for (int i = 0; i < 2; ++i) {
      REQUIRE(decide_now().renewals.size() == 1);
      REQUIRE(last.renewals.front().host == host);
      answer(last.renewals.front());
    }
  }

  /// A tenth of a second.
  void step() {
    now += 100;
    for (const auto& [host, end] : leases)
      if (end <= now)
        end_all(host);
    const auto asked = decide_now();
    for (const auto& x : asked.orders)
      obey(x);
    for (const auto& x : asked.renewals)
      answer(x);
    check_once();
  }

  void run(std::int64_t ms) {
    for (const auto end = now + ms; now < end;)
      step();
  }

  /// What the whole program is for.
  void check_once() {
    std::set<std::string> running;
    for (const auto& [host, vms] : real)
      for (const auto& [name, vm] : vms)
        if (vm.condition == vm_condition::running)
          CHECK_MESSAGE(running.insert(name).second, name << " runs twice, at " << now);
  }

  void settle() {
    run(5'000);
    REQUIRE(decide_now().is_done);
    told.clear();
  }

  /// As the daemon does it where a lease has ended.
  void end_all(const std::string& host) {
    for (auto& [name, vm] : real[host])
      vm.condition = vm_condition::at_rest;
  }

  std::size_t count(const std::string& what) const {
    return static_cast<std::size_t>(
        std::count_if(told.begin(), told.end(), [&](const change& x) { return x.what == what; }));
  }

  std::string host_of(const std::string& name) const { return known.places.at(name); }
};

} // namespace

TEST_CASE_FIXTURE(world, "orchestrator: names are spread, and each is durable before it is made") {
  for (int i = 0; i < 2; ++i) { // no host has said anything; none has a lease of ours
    decide_now();
    CHECK(last.orders.empty());
    REQUIRE(last.renewals.size() == 3);
    for (const auto& x : last.renewals)
      answer(x);
  }
  hosts["c"].is_answering = false; // as if its second answer came later
  CHECK(decide_now().orders.empty());
  hosts["c"].is_answering = true;
  decide_now();
  REQUIRE(last.orders.size() == 3);
  for (const auto& x : last.orders)
    CHECK(last.next.places.at(x.name) == x.host);
  for (const auto& x : last.orders)
    obey(x);
  settle();
  for (const auto& host : wanted.hosts)
    CHECK(real[host].size() == 1);
}

TEST_CASE_FIXTURE(world, "orchestrator: a host without the memory gets none") {
  wanted.memory_mib = 5'000;
  run(3'000);
  CHECK(known.places.empty());
  CHECK_FALSE(last.is_done);
}

TEST_CASE_FIXTURE(world, "orchestrator: memory that is promised is not promised twice") {
  wanted = {.hosts = {"a"}, .count = 3, .memory_mib = 2'000, .ttl_ms = 9'000};
  meet("a");
  CHECK(decide_now().next.places.size() == 2);
}

TEST_CASE_FIXTURE(world, "orchestrator: nothing is placed before a silent host counts as lost") {
  silent = {"c"};
  const auto since = now;
  while (known.places.empty() && now < since + 60'000)
    step();
  CHECK(now - since > wanted.ttl_ms + wanted.margin_ms());
  run(5'000);
  CHECK(real["a"].size() + real["b"].size() == 3);
}

TEST_CASE_FIXTURE(world, "orchestrator: a host is lost after ttl and margin, and not before") {
  settle();
  const auto name = real["b"].begin()->first;
  silent = {"b"};
  const auto since = known.hosts["b"].ends_ms - wanted.ttl_ms;
  while (known.hosts["b"].lost_ms == 0) {
    CHECK(host_of(name) == "b");
    step();
  }
  CHECK(now - since > wanted.ttl_ms + wanted.margin_ms());
  CHECK(now - since <= wanted.ttl_ms + wanted.margin_ms() + 200);
  run(5'000);
  CHECK(host_of(name) != "b");
  CHECK(count("vm.placed") == 1);
  CHECK(real["b"].contains(name)); // it can't be asked for yet
  silent.clear();
  settle();
  CHECK(known.hosts["b"].lost_ms == 0);
  CHECK(real["b"].empty());
}

TEST_CASE_FIXTURE(world, "orchestrator: leftovers are deleted before a host serves again") {
  settle();
  silent = {"b"};
  run(18'000);
  silent.clear();
  told.clear();
  while (count("host.up") == 0)
    step();
  CHECK(count("vm.deleted") == 1);
  CHECK(told.back().what == "host.up");
  run(9'000);
  CHECK(count("host.up") == 1);
  CHECK(count("host.lost") == 0);
}

TEST_CASE_FIXTURE(world, "orchestrator: names that found no other place are taken back") {
  wanted.hosts = {"a"};
  settle();
  silent = {"a"};
  run(18'000);
  CHECK(count("host.lost") == 1);
  const auto before = real["a"].size();
  silent.clear();
  settle();
  CHECK(before == 3);
  for (const auto& [name, vm] : real["a"])
    CHECK(vm.id == "a/" + name);
}

TEST_CASE_FIXTURE(world, "orchestrator: a renewal counts from its stamp, however long it takes") {
  settle();
  const auto stamp_ms = hosts["b"].stamp_ms;
  now += 3'000;
  REQUIRE(decide_now().renewals.size() == 3);
  CHECK(last.renewals[1] == renewal{"b", static_cast<std::uint64_t>(stamp_ms)});
  CHECK(known.hosts["b"].ends_ms == stamp_ms + wanted.ttl_ms); // on disk before it is sent
  now = stamp_ms + wanted.ttl_ms + wanted.margin_ms();
  CHECK(decide_now().next.hosts["b"].lost_ms == 0);
  now += 1; // it is on its way still
  CHECK(decide_now().next.hosts["b"].lost_ms == now);
}

TEST_CASE_FIXTURE(world,
                  "orchestrator: an answer is used at once, and again a third of ttl later") {
  settle();
  std::vector<std::uint64_t> ages;
  for (const auto end = now + 3 * wanted.ttl_ms; now < end; step())
    for (const auto& x : decide(wanted, known, hosts, now + 100).renewals)
      if (x.host == "b")
        ages.push_back(static_cast<std::uint64_t>(now + 100) - x.stamp);
  REQUIRE(ages.size() >= 16);
  for (std::size_t i = 1; i < ages.size(); ++i)
    CHECK((ages[i] == 100) == (ages[i - 1] != 100));
}

TEST_CASE_FIXTURE(world, "orchestrator: who does not answer is told of once") {
  settle();
  silent = {"b"};
  run(8'000);
  CHECK(count("host.silent") == 1);
}

TEST_CASE_FIXTURE(world,
                  "orchestrator: a name is not placed elsewhere while an order is under way") {
  settle();
  const auto name = real["b"].begin()->first;
  silent = {"b"};
  hosts["b"].under_way = {order{order_kind::start, "b", name, "b/" + name}};
  run(30'000);
  CHECK(known.hosts["b"].lost_ms != 0);
  CHECK(host_of(name) == "b");
  obey(hosts["b"].under_way.front()); // it ends: its connection broke
  run(5'000);
  CHECK(host_of(name) != "b");
}

TEST_CASE_FIXTURE(world, "orchestrator: a flapping link moves nothing") {
  settle();
  for (int i = 0; i < 10; ++i) {
    silent = {"a", "b"};
    run(1'000);
    silent.clear();
    run(1'000);
  }
  CHECK(count("vm.placed") + count("vm.created") + count("vm.deleted") == 0);
}

TEST_CASE_FIXTURE(world, "orchestrator: fewer are wanted, then more: what is surplus goes first") {
  settle();
  silent = {host_of("web-3")};
  wanted.count = 2;
  run(1'000);
  CHECK(known.places.contains("web-3")); // it may still run there
  wanted.count = 3;
  run(1'000);
  CHECK(count("vm.placed") == 0);
  silent.clear();
  wanted.count = 2;
  settle();
  CHECK(known.places.size() == 2);
}

TEST_CASE_FIXTURE(world, "orchestrator: a host is drained one name at a time") {
  wanted.hosts = {"a"};
  settle();
  wanted.hosts = {"a", "b"};
  wanted.drained = {"a"};
  std::size_t fewest = 3;
  for (int i = 0; i < 300; ++i) {
    step();
    std::size_t running = 0;
    for (const auto& [host, vms] : real)
      for (const auto& [name, vm] : vms)
        running += vm.condition == vm_condition::running;
    fewest = std::min(fewest, running);
  }
  CHECK(fewest == 2);
  CHECK(real["a"].empty());
  CHECK(real["b"].size() == 3);
}

TEST_CASE_FIXTURE(world, "orchestrator: nowhere to go, a drained host keeps what it has") {
  wanted.hosts = {"a"};
  settle();
  wanted.drained = {"a"};
  run(5'000);
  CHECK(real["a"].size() == 3);
  CHECK(told.empty());
}

TEST_CASE_FIXTURE(world, "orchestrator: a new run touches nothing, and has a token of its own") {
  settle();
  known = taken_over(known, wanted, "boot", now);
  hosts.clear();
  run(15'000);
  CHECK(known.token == 2);
  CHECK(told.empty());
  CHECK(last.is_done);
}

TEST_CASE_FIXTURE(world, "orchestrator: a new run without a state takes VMs in where they are") {
  settle();
  const auto before = known.places;
  known = taken_over({}, wanted, "boot", now);
  hosts.clear();
  settle();
  CHECK(known.places == before);
}

TEST_CASE(
    "orchestrator: a new run takes it that leases were renewed until now, for as long as ever") {
  const settings wanted{.hosts = {"a"}, .ttl_ms = 9'000};
  const fleet left{
      .token = 4, .ttl_ms = 30'000, .boot_id = "x", .hosts = {{"a", {900, 50'000, 7}}}};
  CHECK(taken_over(left, wanted, "x", 5'000).hosts["a"] == host_record{0, 50'000, 0});
  CHECK(taken_over(left, wanted, "x", 25'000).hosts["a"] == host_record{0, 55'000, 0});
  CHECK(taken_over(left, wanted, "y", 50).hosts["a"] == host_record{0, 30'050, 0});
}

TEST_CASE_FIXTURE(world,
                  "orchestrator: the longer leases of a run before are waited for, then no more") {
  wanted.ttl_ms = 60'000;
  known = taken_over({}, wanted, "boot", now);
  settle();
  wanted.ttl_ms = 9'000;
  known = taken_over(known, wanted, "boot", now);
  hosts.clear();
  silent = {"b"};
  run(50'000);
  CHECK(known.hosts["b"].lost_ms == 0);
  CHECK(known.ttl_ms == 60'000);
  run(20'000);
  CHECK(known.hosts["b"].lost_ms != 0);
  CHECK(known.ttl_ms == 9'000);
}

TEST_CASE_FIXTURE(world, "orchestrator: a host that was lost gets no lease before it is empty") {
  settle();
  silent = {"b"};
  run(18'000);
  silent.clear();
  while (!real["b"].empty()) {
    step();
    if (known.hosts["b"].lost_ms != 0)
      CHECK(leases["b"] <= now);
  }
  settle();
}

TEST_CASE_FIXTURE(world, "orchestrator: what fails is tried again later, not at once") {
  wanted.hosts = {"a"};
  wanted.count = 1;
  meet("a");
  REQUIRE(decide_now().orders.size() == 1);
  const auto asked = last.orders.front();
  CHECK(take(hosts["a"], order_ended{asked, "no image", now}).front().why == "no image");
  CHECK(decide_now().orders.empty());
  now += 5'000;
  CHECK(decide_now().orders == std::vector{asked});
}
