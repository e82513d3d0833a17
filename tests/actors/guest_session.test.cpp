// How a guest session begins, ends and is deleted, and what it makes of a guest that goes away.
#include "tests/support/scripted_guest.hpp"

#include <cerrno>
#include <csignal>

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

// -- start
// ------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(session_world, "guest_session: a start that the guest confirms is running, and "
                                 "saved so") {
  auto started = launch();
  CHECK(started->is_silent());
  CHECK(saved().state == session_state::starting); // before the guest is asked
  auto* channel = agent.find(channel_use::launch);
  REQUIRE(channel != nullptr);
  session_new what{};
  REQUIRE(session_take_new(reinterpret_cast<const unsigned char*>(channel->first.data()),
                           channel->first.size(), &what));
  CHECK(std::string{what.id, SESSION_ID_SIZE} == id);
  CHECK(what.arguments.count == 2);
  CHECK(agent.find(channel_use::control) == nullptr); // nothing to watch yet
  say(channel_use::launch, agent_says::started(4711));
  REQUIRE(started->value);
  CHECK(started->value->state == session_state::running);
  CHECK(started->value->started_at_ms == 4711);
  CHECK(started->value->vm_name == "box");
  CHECK(saved().state == session_state::running);
  CHECK(agent.find(channel_use::launch) == nullptr);
  REQUIRE(agent.find(channel_use::control) != nullptr);
  CHECK(agent.find(channel_use::control)->took == 0);
}

TEST_CASE_FIXTURE(session_world,
                  "guest_session: a start that the guest refuses says at which step, "
                  "and is kept") {
  auto started = launch();
  say(channel_use::launch, agent_says::failed(ENOENT, session_step_cwd, "no folder '/nope'"));
  CHECK(started->why.code == ec::failed);
  CHECK(started->why.why == "no folder '/nope'");
  CHECK(started->why.hint.find("--cwd") != std::string::npos);
  CHECK(saved().state == session_state::failed);
  CHECK(saved().error == "no folder '/nope'");
  CHECK(saved().error_step == "cwd");
  CHECK(agent.find(channel_use::control) == nullptr);
  CHECK(is_there());
  CHECK(attach(asking()).why.code == ec::wrong_state);
}

TEST_CASE_FIXTURE(session_world, "guest_session: nothing is left of a start that cannot be saved") {
  plan.store = manner::badly;
  auto started = launch();
  CHECK(started->why.why == "trouble");
  CHECK(agent.all.empty());
  CHECK_FALSE(is_there());
}

TEST_CASE_FIXTURE(session_world,
                  "guest_session: an agent that hangs up during a start leaves it to "
                  "the control to tell") {
  auto started = launch();
  hang_up(channel_use::launch);
  CHECK(started->is_silent()); // it is asked once more, which is harmless
  pass(250ms);
  hang_up(channel_use::launch);
  CHECK(started->why.code == ec::link_lost);
  CHECK(saved().state == session_state::starting);
  pass(250ms);
  SUBCASE("it was started") {
    say(channel_use::control, agent_says::here(session_phase_running));
    CHECK(saved().state == session_state::running);
  }
  SUBCASE("it was not") {
    say(channel_use::control, agent_says::failed(ENOENT, session_step_none, "no such session"));
    CHECK(saved().state == session_state::failed);
    CHECK(saved().error_step == "start");
  }
  CHECK(agent.count(channel_use::launch, true) == 2);
}

TEST_CASE_FIXTURE(session_world, "guest_session: an agent that is not there fails a start") {
  auto started = launch();
  hang_up(channel_use::launch, ssh_note_kind::channel_refused);
  pass(250ms);
  hang_up(channel_use::launch, ssh_note_kind::channel_refused);
  CHECK(started->why.code == ec::failed);
  CHECK(saved().state == session_state::failed);
  CHECK(saved().error_step == "agent");
}

TEST_CASE_FIXTURE(session_world, "guest_session: an agent of another version fails a start") {
  auto started = launch();
  say(channel_use::launch, agent_says::malformed());
  pass(250ms);
  say(channel_use::launch, agent_says::malformed());
  CHECK(started->why.code == ec::failed);
  CHECK(started->why.why.find("another protocol") != std::string::npos);
  CHECK(saved().state == session_state::failed);
  CHECK(agent.find(channel_use::launch) == nullptr);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a guest that cannot be reached fails a start") {
  reached = manner::badly;
  auto started = launch();
  CHECK(started->why.code == ec::failed);
  CHECK(saved().error_step == "connect");
}

TEST_CASE_FIXTURE(session_world, "guest_session: a start without an answer is timed out, and its "
                                 "control tells whether it ran") {
  auto started = launch();
  pass(29s);
  CHECK(started->is_silent());
  pass(1s);
  CHECK(started->why.code == ec::timed_out);
  CHECK(agent.find(channel_use::launch) == nullptr);
  REQUIRE(agent.find(channel_use::control) != nullptr);
  CHECK(saved().state == session_state::starting);
  SUBCASE("it did") {
    say(channel_use::control, agent_says::here(session_phase_running));
    CHECK(saved().state == session_state::running);
  }
  SUBCASE("it did not") {
    say(channel_use::control, agent_says::failed(ENOENT, session_step_none, "no such session"));
    CHECK(saved().state == session_state::failed);
  }
}

TEST_CASE_FIXTURE(session_world, "guest_session: a connection that breaks during a start leaves it "
                                 "to the control to tell") {
  auto started = launch();
  lose_connection();
  CHECK(started->why.code == ec::link_lost);
  pass(250ms);
  REQUIRE(agent.find(channel_use::control) != nullptr);
  CHECK(agent.find(channel_use::control)->connection == 2);
  say(channel_use::control, agent_says::here(session_phase_running));
  CHECK(saved().state == session_state::running);
  CHECK(agent.count(channel_use::launch, true) == 1); // never started twice
}

TEST_CASE_FIXTURE(session_world,
                  "guest_session: a start that the guest knows already is no failure") {
  auto started = launch();
  say(channel_use::launch, agent_says::failed(EEXIST, session_step_exists, "there is one"));
  CHECK(started->value);
  say(channel_use::control, agent_says::here(session_phase_running));
  CHECK(saved().state == session_state::running);
}

TEST_CASE_FIXTURE(session_world, "guest_session: frames arrive cut anywhere") {
  auto started = launch();
  for (char byte : agent_says::started(4711))
    say(channel_use::launch, std::string(1, byte));
  REQUIRE(started->value);
  CHECK(started->value->started_at_ms == 4711);
  const auto channel = agent.find(channel_use::control)->id;
  for (char byte : agent_says::here(session_phase_running) + agent_says::exited(3))
    say_on(channel, std::string(1, byte));
  CHECK(saved().exit_code == 3);
}

// -- end
// ------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(session_world, "guest_session: its end answers those that wait, and is saved") {
  start_running();
  auto first = ask<session_info>(session, wait_session{"box/make", 0});
  auto second = ask<session_info>(session, wait_session{"box/make", 0});
  CHECK(first->is_silent());
  say(channel_use::control, agent_says::exited(7, 12));
  REQUIRE(first->value);
  CHECK(second->value);
  CHECK(first->value->state == session_state::exited);
  CHECK(first->value->exit_code == 7);
  CHECK(first->value->signal == 0);
  CHECK(first->value->end_offset == 12);
  CHECK(first->value->ended_at_ms == 2000);
  CHECK(plan.sessions.at(id).is_settled);
  CHECK(saved().exit_code == 7);
  CHECK(agent.find(channel_use::control) == nullptr);
  CHECK(ask<session_info>(session, wait_session{"box/make", 0})->value); // at once, from here on
}

TEST_CASE_FIXTURE(session_world, "guest_session: an end by a signal, and one of the guest's own") {
  start_running();
  SUBCASE("a signal") {
    say(channel_use::control, agent_says::ended(session_how_signalled, 0, SIGSEGV, 3));
    CHECK(saved().state == session_state::exited);
    CHECK(saved().signal == SIGSEGV);
  }
  SUBCASE("its host was killed") {
    say(channel_use::control, agent_says::ended(session_how_lost, 0, 0, 3, "its host was killed"));
    CHECK(saved().state == session_state::lost);
    CHECK(saved().error == "its host was killed");
  }
  SUBCASE("its folder is gone") {
    say(channel_use::control, agent_says::failed(ENOENT, session_step_none, "no such session"));
    CHECK(saved().state == session_state::lost);
    CHECK(saved().error == "what the guest kept of it is gone");
  }
  CHECK(plan.sessions.at(id).is_settled);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a guest with too many attaches is asked again") {
  start_running();
  say(channel_use::control, agent_says::failed(EAGAIN, session_step_limit, "too many attaches"));
  CHECK(saved().state == session_state::running);
  pass(250ms);
  CHECK(agent.count(channel_use::control, true) == 2);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a stop asks first, and kills after the grace") {
  start_running();
  auto stopped = ask<session_info>(session, stop_session{"box/make", 5000});
  CHECK(told() == strings{"signal 15"});
  CHECK(saved().state == session_state::stopping);
  pass(4900ms);
  CHECK(told() == strings{"signal 15"});
  pass(100ms);
  CHECK(told() == strings{"signal 15", "signal 9"});
  CHECK(stopped->is_silent());
  say(channel_use::control, agent_says::ended(session_how_signalled, 0, SIGKILL, 0));
  REQUIRE(stopped->value);
  CHECK(stopped->value->signal == SIGKILL);
}

TEST_CASE_FIXTURE(session_world, "guest_session: what ends within the grace is not killed") {
  start_running();
  auto stopped = ask<session_info>(session, stop_session{"box/make", 0});
  auto channel = agent.find(channel_use::control);
  pass(9900ms); // the default is 10 s
  say(channel_use::control, agent_says::exited(0));
  CHECK(stopped->value);
  pass(10s);
  CHECK(channel->told() == strings{"signal 15"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: a stop outlives the connection it was begun on") {
  start_running();
  auto stopped = ask<session_info>(session, stop_session{"box/make", 5000});
  lose_connection();
  pass(250ms);
  CHECK(stopped->is_silent());
  pass(5s);
  CHECK(told() == strings{"signal 9"});
  say(channel_use::control, agent_says::exited(1));
  CHECK(stopped->value);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a signal goes to the guest, unless it is none") {
  start_running();
  CHECK(ask<session_info>(session, signal_session{"box/make", SIGUSR1})->value);
  CHECK(told() == strings{"signal 10"});
  for (std::int32_t none : {0, -1, 65})
    CHECK(ask<session_info>(session, signal_session{"box/make", none})->why.code ==
          ec::bad_request);
  say(channel_use::control, agent_says::exited(0));
  CHECK(ask<session_info>(session, signal_session{"box/make", SIGUSR1})->why.code ==
        ec::wrong_state);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a control of another version is not a crash") {
  start_running();
  auto& client = attach_placed(attach_role::writer);
  say(channel_use::control, agent_says::malformed());
  CHECK(client.why.code == ec::version_mismatch);
  CHECK(client.ended.how == attach_end::dropped);
  CHECK(agent.find(channel_use::feed) == nullptr);
  CHECK(saved().state == session_state::running);
}

// -- a guest that goes away
// ------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(session_world, "guest_session: a guest that goes away loses it, and tells the "
                                 "truth when it is back") {
  start_running();
  auto waiting = ask<session_info>(session, wait_session{"box/make", 0});
  auto& client = attach_placed(attach_role::viewer);
  say(channel_use::feed, agent_says::out(0, "abc"));
  vanish("the VM was stopped");
  REQUIRE(waiting->value);
  CHECK(waiting->value->state == session_state::lost);
  CHECK(waiting->value->error == "the VM was stopped");
  CHECK(saved().end_offset == 3);
  CHECK_FALSE(plan.sessions.at(id).is_settled);
  CHECK(client.log.back() == "ended over at 3: the VM was stopped");
  CHECK(client.ended.session.state == session_state::lost);
  CHECK(attach(asking()).why.code == ec::wrong_state);
  appear();
  say(channel_use::control, agent_says::here(session_phase_exited) + agent_says::exited(4, 9));
  CHECK(saved().state == session_state::exited);
  CHECK(saved().exit_code == 4);
  CHECK(saved().end_offset == 9);
  CHECK(saved().error.empty());
  CHECK(plan.sessions.at(id).is_settled);
}

TEST_CASE_FIXTURE(session_world, "guest_session: what the guest has told is not asked again") {
  start_running();
  say(channel_use::control, agent_says::exited(4));
  vanish();
  CHECK(saved().exit_code == 4);
  appear();
  CHECK(agent.find(channel_use::control) == nullptr);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a guest that goes away during a start fails it") {
  auto started = launch();
  vanish("the VM ended: killed");
  CHECK(started->why.code == ec::failed);
  CHECK(started->why.why == "the VM ended: killed");
  CHECK(saved().state == session_state::failed);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a stop without a guest is refused") {
  spawn_session(record_in(session_state::running));
  CHECK(ask<session_info>(session, stop_session{"box/make", 0})->why.code == ec::wrong_state);
  CHECK(ask<session_info>(session, signal_session{"box/make", SIGHUP})->why.code ==
        ec::wrong_state);
}

TEST_CASE_FIXTURE(session_world, "guest_session: one that a daemon before us stopped is stopped") {
  spawn_session(record_in(session_state::stopping));
  appear();
  CHECK(told() == strings{"signal 15"});
  pass(10s);
  CHECK(told() == strings{"signal 15", "signal 9"});
}

TEST_CASE_FIXTURE(session_world, "guest_session: one that a daemon before us was starting is what "
                                 "the guest says") {
  spawn_session(record_in(session_state::starting));
  appear();
  SUBCASE("it runs") {
    say(channel_use::control, agent_says::here(session_phase_running));
    CHECK(saved().state == session_state::running);
  }
  SUBCASE("it has ended") {
    say(channel_use::control, agent_says::here(session_phase_exited) + agent_says::exited(2));
    CHECK(saved().state == session_state::exited);
  }
  SUBCASE("it never began") {
    say(channel_use::control, agent_says::failed(ENOENT, session_step_none, "no such session"));
    CHECK(saved().state == session_state::failed);
    CHECK(saved().error_step == "start");
  }
}

TEST_CASE_FIXTURE(session_world, "guest_session: the way to the guest is tried until it is there") {
  reached = manner::badly;
  spawn_session(record_in(session_state::running));
  appear();
  CHECK(agent.all.empty());
  reached = manner::well;
  pass(5s);
  CHECK(agent.find(channel_use::control) != nullptr);
}

// -- delete
// ------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(session_world, "guest_session: one that runs is not deleted without force") {
  start_running();
  CHECK(ask<session_info>(session, delete_session{"box/make", false})->why.code == ec::wrong_state);
  CHECK(saved().state == session_state::running);
  CHECK(told().empty());
}

TEST_CASE_FIXTURE(session_world, "guest_session: a forced delete kills, removes and forgets it") {
  start_running();
  auto& client = attach_placed(attach_role::viewer);
  auto deleted = ask<session_info>(session, delete_session{"box/make", true});
  pass(0ms);
  CHECK(told() == strings{"signal 9"});
  CHECK(attach(asking()).why.code == ec::not_found);
  say(channel_use::control, agent_says::ended(session_how_signalled, 0, SIGKILL, 0));
  REQUIRE(agent.find(channel_use::removal) != nullptr);
  CHECK(deleted->is_silent());
  say(channel_use::removal, agent_says::deleted());
  REQUIRE(deleted->value);
  CHECK(deleted->value->signal == SIGKILL);
  CHECK(plan.sessions.empty());
  CHECK(client.why.code == ec::not_found);
  CHECK_FALSE(is_there());
  CHECK(agent.count(channel_use::feed) == 0);
}

TEST_CASE_FIXTURE(session_world, "guest_session: what is just ending is removed a moment later") {
  spawn_ended();
  auto deleted = ask<session_info>(session, delete_session{"box/make", false});
  say(channel_use::removal, agent_says::failed(EBUSY, session_step_none, "its command runs"));
  CHECK(deleted->is_silent());
  pass(250ms);
  say(channel_use::removal, agent_says::deleted());
  CHECK(deleted->value);
  CHECK_FALSE(is_there());
}

TEST_CASE_FIXTURE(session_world, "guest_session: a removal that is cut off is begun again") {
  spawn_ended();
  auto deleted = ask<session_info>(session, delete_session{"box/make", false});
  SUBCASE("its channel") {
    hang_up(channel_use::removal);
  }
  SUBCASE("the connection") {
    lose_connection();
  }
  CHECK(deleted->is_silent());
  pass(250ms);
  say(channel_use::removal, agent_says::deleted());
  CHECK(deleted->value);
}

TEST_CASE_FIXTURE(session_world, "guest_session: one that is over is forgotten without a guest") {
  auto record = record_in(session_state::exited);
  record.is_settled = true;
  spawn_session(record);
  CHECK(ask<session_info>(session, delete_session{"box/make", false})->value);
  CHECK(agent.all.empty());
  CHECK_FALSE(is_there());
}

TEST_CASE_FIXTURE(session_world, "guest_session: a guest that goes away ends a delete as well") {
  start_running();
  auto deleted = ask<session_info>(session, delete_session{"box/make", true});
  CHECK(deleted->is_silent());
  vanish();
  CHECK(deleted->value);
  CHECK_FALSE(is_there());
}

TEST_CASE_FIXTURE(session_world, "guest_session: a forced delete is answered where the guest has "
                                 "not been seen since the daemon began") {
  spawn_session(record_in(session_state::running)); // its VM does not run
  auto deleted = ask<session_info>(session, delete_session{"box/make", true});
  pass(60s);
  CHECK_FALSE(deleted->is_silent());
}

TEST_CASE_FIXTURE(session_world, "guest_session: a store that does not forget it says so") {
  spawn_ended();
  plan.store = manner::badly;
  auto deleted = ask<session_info>(session, delete_session{"box/make", false});
  say(channel_use::removal, agent_says::deleted());
  CHECK(deleted->why.why == "trouble");
  plan.store = manner::well;
  CHECK(ask<session_info>(session, delete_session{"box/make", false})->value); // and it goes again
  CHECK_FALSE(is_there());
}
