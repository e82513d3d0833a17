// What a guest session does where the guest's agent does not answer.
#include "tests/support/scripted_guest.hpp"

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(session_world, "guest_session: a start goes to the agent that was put there") {
  found = agent_found::absent;
  auto started = launch();
  SUBCASE("nobody listened") {
    hang_up(channel_use::launch, ssh_note_kind::channel_refused);
  }
  SUBCASE("it hung up") {
    found = agent_found::foreign;
    hang_up(channel_use::launch);
  }
  SUBCASE("it speaks another protocol") {
    found = agent_found::foreign;
    say(channel_use::launch, agent_says::malformed());
  }
  SUBCASE("it says nothing") {
    pass(3s);
  }
  CHECK(started->is_silent());
  REQUIRE(agent.find(channel_use::launch) != nullptr);
  CHECK(agent.count(channel_use::launch, true) == 2);
  CHECK(agent.count(channel_use::launch) == 1);
  CHECK(agent.find(channel_use::launch)->connection == 2); // the one before knows no new agent
  say(channel_use::launch, agent_says::started());
  CHECK(started->value);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a connection that breaks while the agent is put "
                                 "there takes nothing with it") {
  found = agent_found::absent;
  mends = manner::never;
  auto started = launch();
  pass(3s);
  lose_connection();
  CHECK(started->is_silent());
  CHECK(agent.count(channel_use::launch, true) == 1);
}

TEST_CASE_FIXTURE(session_world, "guest_session: a guest that takes no agent fails a start") {
  mends = manner::badly;
  auto started = launch();
  hang_up(channel_use::launch, ssh_note_kind::channel_refused);
  CHECK(started->why.why.find("trouble") != std::string::npos);
  CHECK(saved().state == session_state::failed);
  CHECK(saved().error_step == "agent");
}

TEST_CASE_FIXTURE(session_world,
                  "guest_session: a start that may have arrived is asked for later") {
  mends = manner::badly;
  auto started = launch();
  hang_up(channel_use::launch);
  CHECK(started->why.why.find("trouble") != std::string::npos);
  CHECK(saved().state == session_state::starting);
  mends = manner::well;
  pass(5s);
  say(channel_use::control, agent_says::failed(2, session_step_none, "no such session"));
  CHECK(saved().state == session_state::failed);
  CHECK(agent.count(channel_use::launch, true) == 1);
}

TEST_CASE_FIXTURE(session_world, "guest_session: who is attached goes on with the new agent") {
  start_running();
  auto& client = attach_placed(attach_role::writer);
  say(channel_use::feed, agent_says::out(0, "abc"));
  found = agent_found::absent;
  hang_up(channel_use::feed);
  pass(250ms);
  hang_up(channel_use::feed); // without a word
  hang_up(channel_use::control);
  REQUIRE(agent.find(channel_use::feed) != nullptr);
  say(channel_use::feed, agent_says::here(session_phase_running, 3) + agent_says::out(3, "de"));
  CHECK(client.output == "abcde");
}

TEST_CASE_FIXTURE(session_world, "guest_session: who is attached is told that there is no agent") {
  start_running();
  auto& client = attach_placed(attach_role::writer);
  mends = manner::badly;
  hang_up(channel_use::feed);
  pass(250ms);
  hang_up(channel_use::feed);
  CHECK(client.ended.how == attach_end::dropped);
  CHECK(client.why.why.find("trouble") != std::string::npos);
  CHECK(saved().state == session_state::running);
}
