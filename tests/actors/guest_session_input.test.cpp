// What the clients of a guest session send it: input, in which order and whose, and window sizes.
#include "tests/support/scripted_guest.hpp"

#include <cerrno>

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

TEST_CASE_FIXTURE(session_world, "guest_session: input goes to the command, and what it takes is "
                                 "credit again") {
  start_running();
  auto& first = attach_placed(attach_role::writer);
  auto& second = attach_placed(attach_role::writer);
  type(first, "abc");
  type(second, "de");
  end_input(second);
  CHECK(told() == strings{"input abc", "input de", "end"});
  CHECK(first.log.empty());
  say(channel_use::control, agent_says::taken(4));
  CHECK(first.log == strings{"wanted 3"});
  CHECK(second.log == strings{"wanted 1"});
  say(channel_use::control, agent_says::taken(5));
  CHECK(second.log == strings{"wanted 1", "wanted 1"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: no more than 64 KiB of input is under way") {
  start_running();
  auto& client = attach_placed(attach_role::writer);
  type(client, std::string(100'000, 'x'));
  auto sent = [&] {
    std::size_t all = 0;
    for (const auto& line : told())
      all += line.size() - std::string{"input "}.size();
    return all;
  };
  CHECK(sent() == 64U << 10);
  say(channel_use::control, agent_says::taken(10));
  CHECK(sent() == (64U << 10) + 10);
  say(channel_use::control, agent_says::taken((64U << 10) + 10));
  CHECK(sent() == 100'000);
}

TEST_CASE_FIXTURE(session_world, "guest_session: input is refused from whoever may not give any") {
  start_running();
  auto& viewer = attach_placed(attach_role::viewer);
  type(viewer, "abc");
  CHECK(viewer.log == strings{"refused: this client is attached read-only"});
  end_input(viewer);
  CHECK(told().empty());
  CHECK(attaches().attaches.size() == 1); // it goes on seeing output
}

TEST_CASE_FIXTURE(session_world, "guest_session: input after the end is refused") {
  start_running();
  auto& client = attach_placed(attach_role::writer);
  say(channel_use::control, agent_says::exited(0, 5)); // its feed has not come that far
  type(client, "abc");
  CHECK(client.log == strings{"refused: it is over"});
  CHECK(attach(asking(attach_role::sender)).why.code == ec::wrong_state);
}

TEST_CASE_FIXTURE(session_world, "guest_session: input that the command does not take is told") {
  start_running();
  auto& client = attach_placed(attach_role::writer);
  auto& idle = attach_placed(attach_role::writer);
  type(client, "abc");
  say(channel_use::control, agent_says::refused_input());
  CHECK(client.log == strings{"refused: the command does not take it any more"});
  CHECK(idle.log.empty());
  type(idle, "de");
  CHECK(idle.log == strings{"refused: its input is closed"});
  CHECK(attach(asking(attach_role::sender)).why.code == ec::wrong_state);
  CHECK(attach(asking(attach_role::exclusive)).why.code == ec::wrong_state);
  CHECK(told() == strings{"input abc"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: nobody sends to a session without input") {
  config.input = session_input_kind::closed;
  start_running();
  CHECK(attach(asking(attach_role::sender)).why.code == ec::wrong_state);
  auto& client = attach_placed(attach_role::writer); // to watch, all the same
  type(client, "abc");
  CHECK(client.log == strings{"refused: its input is closed"});
  CHECK(told().empty());
}

TEST_CASE_FIXTURE(session_world, "guest_session: input waits for the control channel") {
  start_running();
  auto& client = attach_placed(attach_role::writer);
  hang_up(channel_use::control);
  type(client, "abc");
  pass(250ms);
  CHECK(told() == strings{"input abc"});
}

// -- exclusive
// ------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(session_world, "guest_session: an exclusive client has the input alone, and the "
                                 "others are told") {
  start_running();
  auto& writer = attach_placed(attach_role::writer);
  auto& viewer = attach_placed(attach_role::viewer);
  auto& holder = attach_placed(attach_role::exclusive);
  CHECK(writer.log == strings{"notice: client 3 has the input alone now"});
  CHECK(viewer.log.empty());
  type(writer, "abc");
  CHECK(writer.log.back() == "wanted 3");          // dropped, and not held against it
  auto& late = attach_placed(attach_role::writer); // hears of it when it matters
  CHECK(late.log.empty());
  type(late, "x");
  CHECK(late.log == strings{"notice: client 3 has the input alone", "wanted 1"});
  type(holder, "de");
  CHECK(told() == strings{"input de"});
  CHECK(attach(asking(attach_role::exclusive)).why.code == ec::busy);
  CHECK(attach(asking(attach_role::sender)).why.code == ec::busy);
  detach(holder);
  say(channel_use::control, agent_says::taken(2));
  CHECK(writer.log.back() == "notice: input is everybody's again");
  type(writer, "f");
  CHECK(told() == strings{"input de", "input f"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: the input can be taken over") {
  start_running();
  auto& before = attach_placed(attach_role::exclusive);
  auto what = asking(attach_role::exclusive);
  what.takes_over = true;
  auto& holder = attach(what);
  CHECK(holder.saw("attached at 0"));
  CHECK(before.log == strings{"notice: client 2 has the input alone now"});
  type(before, "abc");
  type(holder, "de");
  CHECK(told() == strings{"input de"});
  kill(holder);
  CHECK(before.log.back() == "notice: input is everybody's again");
  type(before, "f");
  CHECK(told() == strings{"input de", "input f"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: only an exclusive client ends the input") {
  start_running();
  auto& writer = attach_placed(attach_role::writer);
  auto& holder = attach_placed(attach_role::exclusive);
  end_input(writer);
  CHECK(told().empty());
  end_input(holder);
  CHECK(told() == strings{"end"});
}

// -- senders
// ------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(session_world, "guest_session: a sender is let go when its input was taken") {
  start_running();
  auto& sender = attach(asking(attach_role::sender));
  CHECK(sender.log == strings{"attached at 0"}); // at once: it sees no output
  CHECK(agent.count(channel_use::feed) == 0);
  type(sender, "abc");
  detach(sender);
  CHECK(sender.log.size() == 1);
  say(channel_use::control, agent_says::taken(2));
  CHECK_FALSE(sender.saw("detached 3"));
  say(channel_use::control, agent_says::taken(3));
  CHECK(sender.log.back() == "detached 3");
  CHECK(attaches().attaches.empty());
}

TEST_CASE_FIXTURE(session_world, "guest_session: a sender that gave nothing is let go at once") {
  start_running();
  auto& sender = attach(asking(attach_role::sender));
  detach(sender);
  CHECK(sender.log.back() == "detached 0");
}

TEST_CASE_FIXTURE(session_world, "guest_session: a sender whose input is refused is told so") {
  start_running();
  auto& sender = attach(asking(attach_role::sender));
  type(sender, "abc");
  detach(sender);
  SUBCASE("by the command") {
    say(channel_use::control, agent_says::refused_input());
  }
  SUBCASE("because it ends") {
    say(channel_use::control, agent_says::exited(0));
  }
  CHECK(sender.why.code == ec::wrong_state);
  CHECK(sender.log.back().starts_with("not detached"));
  CHECK(attaches().attaches.empty());
}

TEST_CASE_FIXTURE(session_world, "guest_session: nobody's input comes into a sender's midst, "
                                 "unless it makes them wait") {
  start_running();
  auto& sender = attach(asking(attach_role::sender));
  auto& writer = attach_placed(attach_role::writer);
  type(sender, "abc");
  type(writer, "-");
  type(sender, "de");
  CHECK(told() == strings{"input abc", "input de"});
  SUBCASE("it is done") {
    detach(sender);
    CHECK(told() == strings{"input abc", "input de", "input -"});
  }
  SUBCASE("it ends") {
    kill(sender);
    CHECK(told() == strings{"input abc", "input de", "input -"});
  }
  SUBCASE("it gives nothing more") {
    pass(9900ms);
    CHECK(told() == strings{"input abc", "input de"});
    pass(100ms);
    CHECK(told() == strings{"input abc", "input de", "input -"});
    CHECK(sender.notices.size() == 1);
  }
}

// -- a control channel that breaks
// ------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(session_world, "guest_session: of input that was under way when the connection "
                                 "broke a writer is told that nobody knows") {
  start_running();
  auto& client = attach_placed(attach_role::writer);
  type(client, "abcde");
  say(channel_use::control, agent_says::taken(2));
  lose_connection();
  REQUIRE(client.notices.size() == 1);
  CHECK(client.notices[0].find("of the last 3 bytes") != std::string::npos);
  CHECK(client.wanted == 5);
  pass(250ms);
  CHECK(told().empty()); // never twice
  type(client, "f");
  CHECK(told() == strings{"input f"});
  say(channel_use::control, agent_says::taken(1)); // counted anew
  CHECK(client.wanted == 6);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a sender whose input was under way has failed") {
  start_running();
  auto& sender = attach(asking(attach_role::sender));
  type(sender, "abc");
  SUBCASE("while it goes on") {
    lose_connection();
    CHECK(sender.log.back().starts_with("refused"));
  }
  SUBCASE("while it waits") {
    detach(sender);
    lose_connection();
    CHECK(sender.log.back().starts_with("not detached"));
  }
  CHECK(sender.why.code == ec::link_lost);
}

TEST_CASE_FIXTURE(session_world, "guest_session: what a sender gave is not sent on behind a hole") {
  start_running();
  auto& sender = attach(asking(attach_role::sender));
  type(sender, std::string(70'000, 'x')); // more than is ever under way
  lose_connection();
  REQUIRE(sender.why.code == ec::link_lost);
  pass(250ms);
  CHECK(told().empty());
}

TEST_CASE_FIXTURE(session_world, "guest_session: a control of another version does not use up the "
                                 "input's window") {
  start_running();
  auto& client = attach_placed(attach_role::writer);
  type(client, std::string(64U << 10, 'x'));
  say(channel_use::control, agent_says::malformed());
  REQUIRE(client.why.code == ec::version_mismatch);
  auto& next = attach_placed(attach_role::writer);
  type(next, "abc");
  CHECK(told() == strings{"input abc"});
}

// -- the window
// ------------------------------------------------------------------------------------------

namespace {

attach_session asking_with(window_size window, attach_role role = attach_role::writer) {
  auto x = session_world::asking(role);
  x.window = window;
  return x;
}

} // namespace

TEST_CASE_FIXTURE(session_world, "guest_session: a terminal is as small as the smallest window") {
  config.input = session_input_kind::pty;
  start_running();
  auto& large = attach(asking_with({50, 100}));
  auto& high = attach(asking_with({90, 40}));
  (void)attach(asking_with({10, 10}, attach_role::viewer)); // has no say
  (void)attach(asking_with({0, 0}));                        // has none
  CHECK(told() == strings{"window 50x100", "window 50x40"});
  resize(large, {20, 100});
  CHECK(told().back() == "window 20x40");
  resize(large, {20, 200}); // changes nothing
  CHECK(told().size() == 3);
  kill(large);
  CHECK(told().back() == "window 90x40");
  detach(high);
  CHECK(told().size() == 4); // nobody is left to have one: it stays as it is
}

TEST_CASE_FIXTURE(session_world, "guest_session: a terminal is as large as the newest window") {
  config.input = session_input_kind::pty;
  config.policy = window_policy::newest;
  start_running();
  auto& first = attach(asking_with({50, 100}));
  auto& second = attach(asking_with({90, 40}));
  CHECK(told() == strings{"window 50x100", "window 90x40"});
  resize(first, {51, 101});
  CHECK(told().back() == "window 51x101");
  kill(first);
  CHECK(told().back() == "window 90x40");
  resize(second, {0, 0});
  CHECK(told().size() == 4);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a new control channel is told the window") {
  config.input = session_input_kind::pty;
  start_running();
  (void)attach(asking_with({50, 100}));
  lose_connection();
  pass(250ms);
  CHECK(told() == strings{"window 50x100"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: pipes have no window") {
  start_running();
  auto& client = attach(asking_with({50, 100}));
  resize(client, {20, 30});
  CHECK(told().empty());
}
