// Who is attached to a guest session, and what output they get.
#include "tests/support/scripted_guest.hpp"

#include <cerrno>

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

TEST_CASE_FIXTURE(session_world, "guest_session: an attach opens one feed from where it asks, and "
                                 "is answered before any output comes") {
  start_running();
  auto& client = attach(asking(attach_role::viewer, 5, 100));
  CHECK(client.log.empty()); // where it begins is for the guest to say
  REQUIRE(agent.count(channel_use::feed) == 1);
  const auto request = agent.find(channel_use::feed)->attach();
  CHECK(request.from == 5);
  CHECK(request.credit == 100);
  CHECK(request.flags == SESSION_FLAG_READ_ONLY);
  say(channel_use::feed, agent_says::here(session_phase_running, 5) + agent_says::out(5, "abc") +
                             agent_says::out(8, "de", 'e'));
  CHECK(client.log == strings{"attached at 5", "out 5 abc", "err 8 de"});
  CHECK(client.attached.session.state == session_state::running);
  CHECK(client.attached.session.client_count == 1);
  CHECK(client.attached.input_credit == 256U << 10);
}

TEST_CASE_FIXTURE(session_world, "guest_session: readers that are close share a feed, and both get "
                                 "all") {
  start_running();
  auto& first = attach(asking());
  say(channel_use::feed, agent_says::here(session_phase_running) + agent_says::out(0, "abc"));
  auto& second = attach(asking());
  CHECK(second.log == strings{"attached at 0", "out 0 abc"});
  auto& third = attach(asking(attach_role::viewer, 2)); // in the midst of a piece
  CHECK(third.log == strings{"attached at 2", "out 2 c"});
  CHECK(agent.count(channel_use::feed, true) == 1);
  say(channel_use::feed, agent_says::out(3, "de"));
  for (auto* each : {&first, &second, &third})
    CHECK(each->log.back() == "out 3 de");
}

TEST_CASE_FIXTURE(session_world, "guest_session: a client gets no more than it has credit for") {
  start_running();
  auto& quick = attach(asking(attach_role::viewer, 0, 100));
  say(channel_use::feed, agent_says::here(session_phase_running));
  auto& slow = attach(asking(attach_role::viewer, 0, 3));
  say(channel_use::feed, agent_says::out(0, "ab") + agent_says::out(2, "cdef"));
  CHECK(quick.output == "abcdef");
  CHECK(slow.output == "abc");
  pay(slow, 1);
  CHECK(slow.output == "abcd");
  pay(slow, 100);
  CHECK(slow.output == "abcdef");
  CHECK(slow.log == strings{"attached at 0", "out 0 ab", "out 2 c", "out 3 d", "out 4 ef"});
  CHECK(agent.count(channel_use::feed, true) == 1);
}

TEST_CASE_FIXTURE(session_world, "guest_session: the guest gets the credit that clients have") {
  start_running();
  auto& client = attach(asking(attach_role::viewer, 0, 4));
  say(channel_use::feed, agent_says::here(session_phase_running) + agent_says::out(0, "abcd"));
  auto* feed = agent.find(channel_use::feed);
  CHECK(feed->told().empty());
  pay(client, 10);
  CHECK(feed->told() == strings{"credit 10"});
  CHECK(feed->took > 0); // and the way to it is not held up
}

TEST_CASE_FIXTURE(session_world, "guest_session: a client without any credit is placed all the "
                                 "same") {
  start_running();
  auto& client = attach(asking(attach_role::viewer, 0, 0));
  say(channel_use::feed, agent_says::here(session_phase_running));
  CHECK(client.log == strings{"attached at 0"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: a gap is told, and costs no credit") {
  start_running();
  auto& client = attach(asking(attach_role::viewer, 0, 3));
  say(channel_use::feed, agent_says::here(session_phase_running) + agent_says::gap(0, 500) +
                             agent_says::out(500, "abc"));
  CHECK(client.log == strings{"attached at 0", "gap 0 500", "out 500 abc"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: an attach may begin elsewhere than it asked for") {
  start_running();
  auto& client = attach(asking(attach_role::viewer, 1000));
  say(channel_use::feed, agent_says::here(session_phase_running, 40));
  CHECK(client.log == strings{"attached at 40"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: where output begins is what the guest is asked") {
  start_running();
  auto what = asking();
  std::uint32_t flags = SESSION_FLAG_READ_ONLY;
  SUBCASE("with what comes next") {
    what.origin = output_origin::now;
    (void)attach(what);
    CHECK(agent.find(channel_use::feed)->attach().from == SESSION_FROM_END);
  }
  SUBCASE("so many bytes before the end") {
    what.origin = output_origin::last;
    what.from = 33;
    flags |= SESSION_FLAG_FROM_LAST;
    (void)attach(what);
    CHECK(agent.find(channel_use::feed)->attach().from == 33);
  }
  SUBCASE("at a time") {
    what.origin = output_origin::since_ms;
    what.from = 1234;
    flags |= SESSION_FLAG_FROM_TIME;
    (void)attach(what);
    CHECK(agent.find(channel_use::feed)->attach().from == 1234);
  }
  CHECK(agent.find(channel_use::feed)->attach().flags == flags);
}

TEST_CASE_FIXTURE(session_world,
                  "guest_session: its end comes behind all output, also to the slow") {
  start_running();
  auto& quick = attach(asking());
  say(channel_use::feed, agent_says::here(session_phase_running));
  auto& slow = attach(asking(attach_role::viewer, 0, 1));
  say(channel_use::feed, agent_says::out(0, "abc") + agent_says::exited(7, 3));
  CHECK(quick.log.back() == "ended over at 3");
  CHECK(quick.ended.session.exit_code == 7);
  CHECK(saved().exit_code == 7); // no matter which channel told it
  CHECK(slow.output == "a");
  CHECK(slow.ended.attach == 0);
  pay(slow, 2);
  CHECK(slow.output == "abc");
  CHECK(slow.log.back() == "ended over at 3");
  CHECK(attaches().attaches.empty());
}

TEST_CASE_FIXTURE(session_world,
                  "guest_session: one that is over is read from what the guest kept") {
  spawn_ended();
  CHECK(agent.find(channel_use::control) == nullptr);
  auto& client = attach(asking());
  say(channel_use::feed, agent_says::here(session_phase_exited) + agent_says::out(0, "abc") +
                             agent_says::exited(0, 3));
  CHECK(client.log == strings{"attached at 0", "out 0 abc", "ended over at 3"});
  CHECK(agent.find(channel_use::feed) == nullptr);
}

TEST_CASE_FIXTURE(session_world, "guest_session: who does not follow gets what there is") {
  start_running();
  auto what = asking();
  what.follows = false;
  auto& client = attach(what);
  CHECK(agent.find(channel_use::feed)->attach().flags ==
        (SESSION_FLAG_READ_ONLY | SESSION_FLAG_NO_FOLLOW));
  say(channel_use::feed,
      agent_says::here(session_phase_running) + agent_says::out(0, "abc") + agent_says::quiet(3));
  CHECK(client.log == strings{"attached at 0", "out 0 abc", "ended present at 3"});
  CHECK(saved().state == session_state::running);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a detached client gets nothing more, and its feed "
                                 "is closed") {
  start_running();
  auto& client = attach_placed(attach_role::viewer);
  auto& other = attach_placed(attach_role::viewer);
  detach(client);
  CHECK(client.log == strings{"detached 0"});
  CHECK(agent.count(channel_use::feed) == 1); // the other one's
  say(channel_use::feed, agent_says::out(0, "abc"));
  CHECK(client.output.empty());
  CHECK(other.output == "abc");
  detach(other);
  CHECK(agent.count(channel_use::feed) == 0);
  detach(other);
  CHECK(other.why.code == ec::not_found);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a client that ends leaves nothing behind") {
  start_running();
  auto& client = attach_placed(attach_role::writer);
  kill(client);
  CHECK(attaches().attaches.empty());
  CHECK(agent.count(channel_use::feed) == 0);
  auto& early = attach(asking()); // whose attach is not answered yet
  CHECK(agent.count(channel_use::feed) == 1);
  kill(early);
  CHECK(agent.count(channel_use::feed) == 0);
  say(channel_use::control, agent_says::here(session_phase_running));
  CHECK(saved().state == session_state::running);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a connection attaches once") {
  start_running();
  auto& client = attach_placed(attach_role::viewer);
  join_again(client, asking());
  CHECK(client.why.code == ec::busy);
  CHECK(attaches().attaches.size() == 1);
  detach(client);
  join_again(client, asking());
  say(channel_use::feed, agent_says::here(session_phase_running));
  CHECK(client.log.back() == "attached at 0");
}

TEST_CASE_FIXTURE(session_world,
                  "guest_session: who is attached is listed, with how far they are") {
  start_running();
  auto what = asking(attach_role::writer);
  what.client = "user, process 4711";
  what.window = {24, 80};
  auto& client = attach(what);
  say(channel_use::feed, agent_says::here(session_phase_running));
  (void)attach(asking(attach_role::viewer, 0, 1));
  say(channel_use::feed, agent_says::out(0, "abc"));
  type(client, "hello");
  const auto all = attaches();
  REQUIRE(all.attaches.size() == 2);
  CHECK(all.session.client_count == 2);
  CHECK(all.attaches[0].client == "user, process 4711");
  CHECK(all.attaches[0].role == attach_role::writer);
  CHECK(all.attaches[0].offset == 3);
  CHECK(all.attaches[0].lag == 0);
  CHECK(all.attaches[0].input_bytes == 5);
  CHECK(all.attaches[0].window == window_size{24, 80});
  CHECK(all.attaches[1].offset == 1);
  CHECK(all.attaches[1].lag == 2);
}

// -- what breaks
// ------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(session_world, "guest_session: a lost connection goes on where it was, and the "
                                 "clients are told") {
  start_running();
  auto& client = attach_placed(attach_role::viewer);
  say(channel_use::feed, agent_says::out(0, "abc"));
  lose_connection();
  CHECK(client.log == strings{"out 0 abc"});
  pass(250ms);
  CHECK(connections == 2);
  CHECK(agent.count(channel_use::control) == 1);
  REQUIRE(agent.count(channel_use::feed) == 1);
  CHECK(agent.find(channel_use::feed)->attach().from == 3);
  REQUIRE(client.notices.size() == 1);
  CHECK(client.notices[0].find("0 bytes lost") != std::string::npos);
  say(channel_use::feed, agent_says::here(session_phase_running, 3) + agent_says::out(3, "de"));
  CHECK(client.output == "abcde");
}

TEST_CASE_FIXTURE(session_world, "guest_session: an attach outlives a connection that breaks "
                                 "before it is placed") {
  start_running();
  auto& client = attach(asking(attach_role::viewer, 7));
  lose_connection();
  CHECK(client.log.empty());
  pass(250ms);
  REQUIRE(agent.count(channel_use::feed) == 1);
  CHECK(agent.find(channel_use::feed)->attach().from == 7);
  say(channel_use::feed, agent_says::here(session_phase_running, 7));
  CHECK(client.saw("attached at 7"));
  CHECK_FALSE(client.log.front().starts_with("notice")); // of an attach that it does not know of
}

TEST_CASE_FIXTURE(session_world, "guest_session: a feed that breaks alone is opened anew, and "
                                 "nobody notices") {
  start_running();
  auto& client = attach_placed(attach_role::viewer);
  say(channel_use::feed, agent_says::out(0, "abc"));
  hang_up(channel_use::feed);
  CHECK(agent.count(channel_use::feed) == 0);
  pass(250ms);
  REQUIRE(agent.count(channel_use::feed) == 1);
  CHECK(agent.find(channel_use::feed)->attach().from == 3);
  say(channel_use::feed, agent_says::here(session_phase_running, 3) + agent_says::out(3, "d"));
  CHECK(client.log == strings{"out 0 abc", "out 3 d"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: output of a feed that was given up is dropped") {
  start_running();
  auto& client = attach_placed(attach_role::viewer);
  const auto old = agent.find(channel_use::feed)->id;
  hang_up(channel_use::feed);
  pass(250ms);
  say_on(old, agent_says::out(0, "late"));
  CHECK(client.log.empty());
}

TEST_CASE_FIXTURE(session_world, "guest_session: a feed that speaks another protocol drops its "
                                 "clients, and nothing else") {
  start_running();
  auto& client = attach_placed(attach_role::viewer);
  say(channel_use::feed, agent_says::out(0, "abc"));
  SUBCASE("a malformed frame") {
    say(channel_use::feed, agent_says::malformed());
  }
  SUBCASE("a frame of no known type") {
    say(channel_use::feed, std::string{"?\0\0\0\0", 5});
  }
  SUBCASE("a frame that is too long") {
    say(channel_use::feed, std::string{"o\xff\0\0\0", 5});
  }
  SUBCASE("output that does not follow") {
    say(channel_use::feed, agent_says::out(4, "x"));
  }
  SUBCASE("output that came before") {
    say(channel_use::feed, agent_says::out(2, "x"));
  }
  SUBCASE("a gap that goes back") {
    say(channel_use::feed, agent_says::gap(3, 1));
  }
  SUBCASE("an answer to something else") {
    say(channel_use::feed, agent_says::deleted());
  }
  SUBCASE("in one piece with what is good") {
    say(channel_use::feed, agent_says::out(3, "de") + agent_says::malformed());
    CHECK(client.output == "abcde");
  }
  CHECK(client.ended.how == attach_end::dropped);
  CHECK(client.why.code == ec::version_mismatch);
  CHECK(client.ended.offset == client.output.size());
  CHECK(agent.find(channel_use::feed) == nullptr);
  CHECK(saved().state == session_state::running);
  (void)attach_placed(attach_role::viewer, 3); // another try is possible
}

TEST_CASE_FIXTURE(session_world, "guest_session: output before the guest says where it begins is "
                                 "another protocol, too") {
  start_running();
  auto& client = attach(asking());
  say(channel_use::feed, agent_says::out(0, "abc"));
  CHECK(client.why.code == ec::version_mismatch);
  CHECK(client.log.size() == 1);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a feed that the guest refuses") {
  start_running();
  auto& client = attach(asking());
  SUBCASE("for ever") {
    say(channel_use::feed, agent_says::failed(ENOENT, session_step_none, "no such session"));
    CHECK(client.why.code == ec::not_found);
  }
  SUBCASE("for now") {
    say(channel_use::feed, agent_says::failed(EAGAIN, session_step_limit, "too many attaches"));
    CHECK(client.log.empty());
    pass(250ms);
    say(channel_use::feed, agent_says::here(session_phase_running));
    CHECK(client.log == strings{"attached at 0"});
  }
}

TEST_CASE_FIXTURE(session_world, "guest_session: a guest that cannot be reached again drops the "
                                 "clients, and is tried for the session's sake") {
  start_running();
  auto& client = attach_placed(attach_role::viewer);
  reached = manner::badly;
  lose_connection();
  pass(250ms);
  CHECK(client.ended.how == attach_end::dropped);
  reached = manner::well;
  pass(5s);
  CHECK(agent.find(channel_use::control) != nullptr);
  say(channel_use::control, agent_says::exited(0));
  CHECK(saved().state == session_state::exited);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a guest that goes away while what it kept is read "
                                 "drops the reader") {
  spawn_ended();
  auto& client = attach_placed(attach_role::viewer);
  vanish("the VM was stopped");
  CHECK(client.log == strings{"ended dropped at 0: the VM was stopped"}); // there was more
}

TEST_CASE_FIXTURE(session_world, "guest_session: a session whose actor fails tells its clients") {
  start_running();
  auto& client = attach_placed(attach_role::viewer);
  auto waiting = ask<session_info>(session, wait_session{"box/make", 0});
  caf::anon_send_exit(session, caf::exit_reason::user_shutdown);
  settle();
  CHECK(client.ended.how == attach_end::dropped);
  CHECK(client.why.code == ec::unreachable);
  CHECK(waiting->why.code == ec::unreachable);
  CHECK(agent.count(channel_use::feed) == 0);
  CHECK(agent.count(channel_use::control) == 0);
}
