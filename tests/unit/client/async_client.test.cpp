#include "include/banger/async_client.hpp"

#include "client/async_streams.hpp"
#include "tests/support/scripted_daemon.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <optional>

using namespace banger;
using namespace banger::client;
using namespace std::chrono_literals;
using test::message, test::received_message;

namespace {

/// A client, and the daemon's end of its connection in the same thread: what one sends the other
/// finds there.
struct conversation {
  host::unique_fd peer;
  std::optional<async_client> client;
  std::vector<std::string> told; ///< what handlers heard

  conversation() {
    test::scripted_daemon daemon{[this](host::unique_fd x) { peer = std::move(x); }};
    ::setenv("BANGER_SOCKET", daemon.path().c_str(), 1);
    auto made = async_client::connect();
    ::unsetenv("BANGER_SOCKET");
    REQUIRE(made);
    client.emplace(std::move(*made));
  }

  /// The next message of this type; what the client has queued goes out first.
  template <class T>
  std::pair<T, std::uint64_t> next() {
    (void)client->process();
    const auto x = test::read_message(peer.get());
    return {x.as<T>(), x.request};
  }

  /// Nothing more has been sent than was read.
  bool is_quiet() {
    (void)client->process();
    char byte = 0;
    return ::recv(peer.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
  }

  void say(const std::string& frames) {
    test::send_all(peer.get(), frames);
    CHECK(client->process());
  }

  auto tells(const std::string& name) {
    return [this, name](const auto& x) { told.push_back(name + (x ? "" : ": no")); };
  }

  /// A command that runs, as number 9.
  stream_id running(more_input more = more_input::no, const std::string& input = {},
                    std::uint32_t credit = 0) {
    command_options how;
    how.input = input;
    const auto id = client->run(
        "box", {"cat"}, how,
        {[this](bool, std::string_view x) { told.emplace_back(x); }, tells("end")}, more);
    say(message(exec_opened{9, credit}, next<open_exec>().second));
    return id;
  }

  /// An attach, as number 8.
  stream_id attached(attach_handlers on, attach_role role = attach_role::viewer) {
    const auto id = client->attach(
        "box/a", 0, std::move(on),
        [this](const result<attach_outcome>& x) {
          told.push_back(x ? "left at " + std::to_string(x->next) : to_string(x.error().code));
        },
        role);
    say(message(session_attached{8, {}, 0, 4}, next<attach_session>().second));
    return id;
  }
};

using texts = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(conversation, "async client: each answer goes to who asked, in whatever order") {
  client->get("one", [this](const result<vm_info>& x) { told.push_back(x->name); });
  client->get("two", [this](const result<vm_info>& x) { told.push_back(x->name); });
  client->list(tells("list"));
  CHECK_FALSE(client->is_idle());
  const auto one = next<get_vm>(), two = next<get_vm>();
  const auto list = next<list_vms>();
  CHECK(one.first.ref == "one");
  vm_info first, second;
  first.name = "1";
  second.name = "2";
  say(message(vm_list{}, list.second) + message(second, two.second) + message(first, one.second));
  CHECK(told == texts{"list", "2", "1"});
  CHECK(client->is_idle());
  CHECK(client->patience() == async_client::forever);
}

TEST_CASE_FIXTURE(conversation, "async client: a handler may ask, and forget what it hears of") {
  stream_id command = 0;
  client->get("one", [&](const auto&) {
    client->list(tells("list"));
    command = client->run("box", {"yes"}, {},
                          {[&](bool, std::string_view x) {
                             told.emplace_back(x);
                             client->forget(command);
                           },
                           tells("end")});
  });
  say(message(vm_info{}, next<get_vm>().second));
  say(message(vm_list{}, next<list_vms>().second));
  say(message(exec_opened{9, 0}, next<open_exec>().second));
  say(message(exec_output{9, false, "y"}) + message(exec_output{9, false, "y"}) +
      message(exec_ended{9, 0, 0, {ec::none, {}, {}, {}}}));
  CHECK(told == texts{"list", "y"});
  CHECK(client->is_idle());
}

TEST_CASE_FIXTURE(conversation, "async client: a daemon that is gone is told to all, once") {
  running();
  next<exec_input_ended>();
  attached({});
  client->create({}, tells("create"));
  client->follow({}, {{}, {}, tells("events")});
  client->send_input("box/b", "x", tells("input"));
  peer.reset();
  auto ok = client->wait();
  while (ok)
    ok = client->wait();
  CHECK(ok.error().code == ec::unreachable);
  CHECK(told == texts{"create: no", "events: no", "input: no", "end: no", "unreachable"});
  CHECK(client->is_idle());
  client->list(tells("list"));
  CHECK_FALSE(client->wait());
  CHECK(told.back() == "list: no");
  CHECK(told.size() == 6);
}

TEST_CASE("async client: what is not answered in time is told, and what comes later is nobody's") {
  host::unique_fd peer;
  test::scripted_daemon daemon{[&](host::unique_fd x) { peer = std::move(x); }};
  async_state all{*connection::open(daemon.path(), 10s)};
  std::vector<ec> told;
  const auto number = all.ask<vm_list>(list_vms{}, quick_limit, [&](const result<vm_list>& x) {
    told.push_back(x ? ec::none : x.error().code);
  });
  const auto due = all.first_deadline();
  all.fail_late(due - 1ms);
  CHECK(told.empty());
  all.fail_late(due);
  all.take({number, std::string{wire_name<vm_list>}, {}});
  CHECK(told == std::vector{ec::timed_out});
  CHECK(all.is_idle());
}

TEST_CASE_FIXTURE(conversation, "async client: input goes as far as its credit, then its end") {
  const auto id = running(more_input::yes, "abc", 2);
  CHECK(next<exec_input>().first.bytes == "ab");
  CHECK(client->unsent_input(id) == 1);
  client->send_input(id, "de");
  client->end_input(id);
  CHECK(is_quiet());
  say(message(exec_input_wanted{9, 2}));
  CHECK(next<exec_input>().first.bytes == "cd");
  say(message(exec_input_wanted{9, 8}));
  CHECK(next<exec_input>().first.bytes == "e");
  CHECK(next<exec_input_ended>().first.exec == 9);
  CHECK(is_quiet());
  say(message(exec_ended{9, 3, 0, {ec::none, {}, {}, {}}}));
  CHECK(told == texts{"end"});
}

TEST_CASE_FIXTURE(conversation, "async client: output is paid for when it is taken, or later") {
  const auto id = running();
  next<exec_input_ended>();
  say(message(exec_output{9, false, "one"}));
  CHECK(next<exec_credit>().first.bytes == 3);
  client->hold(id);
  say(message(exec_output{9, false, "three"}) + message(exec_output{9, true, "four"}));
  CHECK(is_quiet());
  client->go_on(id);
  CHECK(next<exec_credit>().first.bytes == 9);
  CHECK(told == texts{"one", "three", "four"});
}

TEST_CASE_FIXTURE(conversation,
                  "async client: a signal that comes too early is sent when it runs") {
  const auto id = client->run("box", {"cat"}, {}, {{}, tells("end")});
  client->signal(id, 2);
  const auto asked = next<open_exec>();
  CHECK(is_quiet());
  say(message(exec_opened{9, 0}, asked.second));
  CHECK(next<exec_signal>().first.signal == 2);
}

TEST_CASE_FIXTURE(conversation, "async client: an attach is left where its handler says so") {
  attached({[this](std::uint64_t offset, bool, std::string_view x) {
              told.push_back(std::to_string(offset) + std::string{x});
              return x != "stop";
            },
            [this](std::uint64_t from, std::uint64_t to) {
              told.push_back(std::to_string(from) + "-" + std::to_string(to));
            }});
  say(message(attach_output{8, 0, false, "go"}) + message(attach_gap{8, 2, 7}) +
      message(attach_output{8, 7, false, "stop"}) + message(attach_output{8, 11, false, "more"}));
  CHECK(next<attach_credit>().first.bytes == 2);
  const auto left = next<detach_session>();
  CHECK(left.first.attach == 8);
  CHECK(told == texts{"0go", "2-7", "7stop"});
  say(message(session_detached{}, left.second));
  CHECK(told.back() == "left at 11");
  CHECK(client->is_idle());
}

TEST_CASE_FIXTURE(conversation, "async client: a piece of input is detached from when it is sent") {
  client->send_input("box/a", "abcdef", [this](const result<void>& x) {
    told.push_back(x ? "taken" : to_string(x.error().code));
  });
  const auto asked = next<attach_session>();
  CHECK(asked.first.role == attach_role::sender);
  say(message(session_attached{8, {}, 0, 4}, asked.second));
  CHECK(next<attach_input>().first.bytes == "abcd");
  CHECK(is_quiet());
  say(message(attach_input_wanted{8, 4}));
  CHECK(next<attach_input>().first.bytes == "ef");
  say(message(session_detached{6}, next<detach_session>().second));
  CHECK(told == texts{"taken"});
  client->send_input("box/a", "x", [this](const result<void>& x) {
    told.push_back(x ? "taken" : to_string(x.error().code));
  });
  say(message(session_attached{9, {}, 0, 0}, next<attach_session>().second));
  attach_input_refused no;
  no.attach = 9;
  no.why = {ec::wrong_state, "send input", "it is closed", {}};
  say(message(no));
  CHECK(told.back() == to_string(ec::wrong_state));
  CHECK(client->is_idle());
}

TEST_CASE_FIXTURE(conversation, "async client: events come until nobody wants them") {
  std::uint64_t last = 0;
  client->follow({events_from::after, 4}, {[&](const event_happened& x) {
                                             last = x.sequence;
                                             return x.sequence < 200;
                                           },
                                           {},
                                           tells("over")});
  const auto asked = next<subscribe_events>();
  CHECK(asked.first.credit == 256);
  say(message(events_subscribed{5, 300}, asked.second));
  for (event_happened x; x.sequence < 200;) {
    ++x.sequence;
    say(message(x));
  }
  CHECK(next<event_credit>().first.events == 128);
  CHECK(told == texts{"over"});
  event_happened more;
  more.sequence = 201;
  say(message(more));
  CHECK(last == 200);
  CHECK(client->is_idle());
}

TEST_CASE_FIXTURE(conversation, "async client: a handler keeps what it has counted") {
  client->follow({},
                 {[n = 0](const event_happened&) mutable { return ++n < 3; }, {}, tells("over")});
  say(message(events_subscribed{1, 0}, next<subscribe_events>().second));
  say(message(event_happened{}) + message(event_happened{}));
  CHECK(told.empty());
  say(message(event_happened{}));
  CHECK(told == texts{"over"});
}

TEST_CASE_FIXTURE(conversation,
                  "async client: a second subscription is refused, the first goes on") {
  client->follow({}, {[this](const event_happened&) {
                        told.emplace_back("first");
                        return true;
                      },
                      {},
                      tells("over")});
  say(message(events_subscribed{1, 0}, next<subscribe_events>().second));
  client->follow({}, {[this](const event_happened&) {
                        told.emplace_back("second");
                        return true;
                      },
                      {},
                      tells("refused")});
  const auto again = next<subscribe_events>();
  say(message(event_happened{}));
  say(message(done{}, again.second)); // as good as an error
  say(message(event_happened{}));
  CHECK(told == texts{"first", "refused: no", "first"});
}

TEST_CASE_FIXTURE(conversation, "async client: a stage handler may set another one") {
  client->on_stage([this, name = std::string{"once"}](const stage_entered&) {
    client->on_stage({});
    told.push_back(name);
  });
  say(message(stage_entered{}) + message(stage_entered{}));
  CHECK(told == texts{"once"});
}

TEST_CASE_FIXTURE(conversation, "async client: what a handler that throws left is taken next") {
  const auto id = running();
  next<exec_input_ended>();
  client->list([](const auto&) { throw 1; });
  client->get("box", tells("get"));
  const auto list = next<list_vms>();
  const auto get = next<get_vm>();
  test::send_all(peer.get(), message(vm_list{}, list.second) + message(vm_info{}, get.second));
  CHECK_THROWS_AS(client->process(), int);
  CHECK(client->patience() == 0ms);
  CHECK(client->wait());
  CHECK(told == texts{"get"});
  client->forget(id);
  CHECK(client->is_idle());
}

TEST_CASE_FIXTURE(conversation,
                  "async client: who leaves where input is refused does not wait for it") {
  const auto id = attached({}, attach_role::writer);
  client->send_input(id, "abcdef");
  CHECK(next<attach_input>().first.bytes == "abcd");
  client->detach(id);
  CHECK(is_quiet());
  attach_input_refused no;
  no.attach = 8;
  no.why = {ec::wrong_state, "send input", "it is closed", {}};
  say(message(no));
  say(message(session_detached{}, next<detach_session>().second));
  CHECK(told == texts{"left at 0"});
}

TEST_CASE_FIXTURE(conversation,
                  "async client: the next attach to a session may have the same number") {
  attached({[](auto...) { return false; }});
  say(message(attach_output{8, 0, false, "x"}));
  const auto left = next<detach_session>();
  const auto again = client->attach("box/a", 1, {[this](std::uint64_t, bool, std::string_view x) {
                                      told.emplace_back(x);
                                      return true;
                                    }},
                                    {});
  const auto asked = next<attach_session>();
  say(message(session_attached{8, {}, 1, 4}, asked.second) +
      message(session_detached{}, left.second) + message(attach_output{8, 1, false, "y"}));
  CHECK(told == texts{"left at 1", "y"});
  client->forget(again);
  CHECK(next<attach_credit>().first.bytes == 1);
  CHECK(next<detach_session>().first.attach == 8);
}

TEST_CASE_FIXTURE(conversation,
                  "async client: an attach that was forgotten before it began is left") {
  client->forget(client->attach("box/a", 0, {}, tells("end")));
  say(message(session_attached{8, {}, 0, 4}, next<attach_session>().second));
  say(message(session_detached{}, next<detach_session>().second));
  CHECK(told.empty());
  CHECK(client->is_idle());
}

TEST_CASE("async client: a client is there after a move") {
  conversation x;
  auto moved = std::move(*x.client);
  x.client.emplace(std::move(moved));
  x.client->list(x.tells("list"));
  x.say(message(vm_list{}, x.next<list_vms>().second));
  CHECK(x.told == texts{"list"});
}
