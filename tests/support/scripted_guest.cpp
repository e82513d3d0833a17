#include "tests/support/scripted_guest.hpp"

#include <algorithm>
#include <cerrno>

namespace banger::test {

namespace {

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

template <class Put>
std::string encoded(Put put) {
  std::vector<unsigned char> buffer(SESSION_DATA_MAX + 64);
  const auto size = put(buffer.data(), buffer.size());
  REQUIRE(size > 0);
  return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)};
}

std::string number(std::uint64_t x) {
  return std::to_string(x);
}

} // namespace

namespace agent_says {

std::string started(std::uint64_t at_ms) {
  return encoded([&](auto* to, auto size) { return session_put_started(to, size, 77, at_ms); });
}

std::string failed(std::uint32_t error, session_step step, const std::string& text) {
  const session_failed x{error, static_cast<std::uint8_t>(step), text.c_str()};
  return encoded([&](auto* to, auto size) { return session_put_failed(to, size, &x); });
}

std::string here(session_phase phase, std::uint64_t start) {
  const session_here x{static_cast<std::uint8_t>(phase), 0, start, start};
  return encoded([&](auto* to, auto size) { return session_put_here(to, size, &x); });
}

std::string out(std::uint64_t offset, std::string_view bytes, char type) {
  return encoded([&](auto* to, auto size) {
    return session_put_output(to, size, static_cast<std::uint8_t>(type), offset, bytes.data(),
                              bytes.size());
  });
}

std::string gap(std::uint64_t from, std::uint64_t to_offset) {
  return encoded([&](auto* to, auto size) { return session_put_gap(to, size, from, to_offset); });
}

std::string exited(std::uint32_t code, std::uint64_t end) {
  return ended(session_how_exited, code, 0, end);
}

std::string ended(session_how how, std::uint32_t code, std::uint32_t signal, std::uint64_t end,
                  const std::string& text) {
  const session_ended x{static_cast<std::uint8_t>(how), code, signal, end, 2000, text.c_str()};
  return encoded([&](auto* to, auto size) { return session_put_ended(to, size, &x); });
}

std::string quiet(std::uint64_t offset) {
  return encoded([&](auto* to, auto size) { return session_put_u64(to, size, 'q', offset); });
}

std::string taken(std::uint64_t total) {
  return encoded([&](auto* to, auto size) { return session_put_u64(to, size, 'a', total); });
}

std::string refused_input() {
  return encoded([](auto* to, auto size) { return session_put_u32(to, size, 'x', EPIPE); });
}

std::string deleted() {
  return encoded([](auto* to, auto size) { return session_put_bytes(to, size, 'd', "", 0); });
}

std::string malformed() {
  return {'H', 0, 0, 0, 1, 7};
}

} // namespace agent_says

session_attach scripted_agent::channel::attach() const {
  session_attach x{};
  REQUIRE(session_take_attach(bytes_of(first), first.size(), &x));
  return x;
}

std::vector<std::string> scripted_agent::channel::told() const {
  std::vector<std::string> all;
  std::size_t at = 0;
  session_frame frame{};
  while (session_next(bytes_of(written) + at, written.size() - at, session_command_limit, &frame) ==
         session_next_frame) {
    at += SESSION_FRAME_HEADER_SIZE + frame.size;
    std::uint64_t more = 0;
    std::uint32_t signal = 0;
    std::uint16_t rows = 0, columns = 0;
    switch (frame.type) {
      case 'i':
        all.push_back("input " +
                      std::string{reinterpret_cast<const char*>(frame.payload), frame.size});
        break;
      case 'd': all.emplace_back("end"); break;
      case 'w':
        REQUIRE(session_take_window(frame.payload, frame.size, &rows, &columns));
        all.push_back("window " + number(rows) + "x" + number(columns));
        break;
      case 'k':
        REQUIRE(session_take_u32(frame.payload, frame.size, &signal));
        all.push_back("signal " + number(signal));
        break;
      case 'c':
        REQUIRE(session_take_u64(frame.payload, frame.size, &more));
        all.push_back("credit " + number(more));
        break;
      default: FAIL("a command of type " << frame.type);
    }
  }
  CHECK_MESSAGE(at == written.size(), "a frame that is not whole was written");
  return all;
}

ssh::channel_id scripted_agent::open(ssh::connection_id connection, std::string first_frame,
                                     std::size_t, const ssh_listener_actor& listener) {
  session_frame frame{};
  REQUIRE(session_next(bytes_of(first_frame), first_frame.size(), session_request_limit, &frame) ==
          session_next_frame);
  REQUIRE(SESSION_FRAME_HEADER_SIZE + frame.size == first_frame.size());
  auto& x = *all.emplace_back(std::make_unique<channel>());
  x.id = all.size();
  x.connection = connection;
  x.first = first_frame.substr(SESSION_FRAME_HEADER_SIZE);
  x.listener = listener;
  switch (frame.type) {
    case 'N': x.use = channel_use::launch; break;
    case 'D': x.use = channel_use::removal; break;
    case 'A':
      x.use = (x.attach().flags & SESSION_FLAG_STATUS_ONLY) != 0 ? channel_use::control
                                                                 : channel_use::feed;
      break;
    default: FAIL("a channel was opened with a frame of type " << frame.type);
  }
  return x.id;
}

void scripted_agent::write(ssh::channel_id id, std::string bytes) {
  REQUIRE(id > 0);
  REQUIRE(id <= all.size());
  auto& x = *all[id - 1];
  CHECK_MESSAGE(x.is_open, "a closed channel was written to");
  x.written += bytes;
}

void scripted_agent::took(ssh::channel_id id, std::size_t bytes) {
  REQUIRE(id > 0);
  REQUIRE(id <= all.size());
  all[id - 1]->took += bytes;
}

void scripted_agent::close(ssh::channel_id id) {
  REQUIRE(id > 0);
  REQUIRE(id <= all.size());
  all[id - 1]->is_open = false;
}

scripted_agent::channel* scripted_agent::find(channel_use use) {
  auto found = std::find_if(all.rbegin(), all.rend(),
                            [&](const auto& x) { return x->use == use && x->is_open; });
  return found == all.rend() ? nullptr : found->get();
}

std::size_t scripted_agent::count(channel_use use, bool also_closed) const {
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& x) {
    return x->use == use && (x->is_open || also_closed);
  }));
}

namespace {

scripted_client_actor::behavior_type client_of(scripted_client_actor::pointer self,
                                               scripted_client* x, guest_session_actor session) {
  constexpr std::chrono::hours longer_than_any_test{24};
  const auto limit = std::chrono::duration_cast<std::chrono::seconds>(longer_than_any_test);
  return {
      [x](const attach_output& y) {
        x->log.push_back((y.is_stderr ? "err " : "out ") + number(y.offset) + " " + y.bytes);
        x->output += y.bytes;
      },
      [x](const attach_gap& y) { x->log.push_back("gap " + number(y.from) + " " + number(y.to)); },
      [x](const attach_input_wanted& y) {
        x->log.push_back("wanted " + number(y.bytes));
        x->wanted += y.bytes;
      },
      [x](const attach_input_refused& y) {
        x->log.push_back("refused: " + y.why.why);
        x->why = y.why;
      },
      [x](const attach_noticed& y) {
        x->log.push_back("notice: " + y.text);
        x->notices.push_back(y.text);
      },
      [x](const attach_ended& y) {
        const auto* how = y.how == attach_end::over      ? "over"
                          : y.how == attach_end::present ? "present"
                                                         : "dropped";
        x->log.push_back("ended " + std::string{how} + " at " + number(y.offset) +
                         (y.why.code == ec::none ? "" : ": " + y.why.why));
        x->ended = y;
        x->why = y.why;
      },
      [](const stage_entered&) {},
      [self, x, session, limit](const join_session& y) {
        self->request(session, limit, y)
            .then(
                [x](const session_attached& there) {
                  x->log.push_back("attached at " + number(there.offset));
                  x->attached = there;
                },
                [x](const caf::error& why) {
                  x->why = to_failure(why);
                  x->log.push_back("not attached: " + x->why.why);
                });
      },
      [self, x, session, limit](const detach_session& y) {
        self->request(session, limit, y)
            .then(
                [x](const session_detached& gone) {
                  x->log.push_back("detached " + number(gone.input_bytes));
                },
                [x](const caf::error& why) {
                  x->why = to_failure(why);
                  x->log.push_back("not detached: " + x->why.why);
                });
      },
  };
}

guest_way_actor::behavior_type scripted_way(guest_way_actor::pointer self, session_world* world) {
  return {[self, world](const connect_guest&) -> caf::result<guest_connected> {
            if (world->reached == manner::well)
              ++world->connections;
            return act(self, world->plan, world->reached, "connect",
                       guest_connected{world->connections});
          },
          [self, world](const ensure_agent&) {
            return act(self, world->plan, world->mends, "ensure", agent_ensured{world->found});
          }};
}

} // namespace

session_world::session_world() {
  config.name = "make";
  config.argv = {"make", "all"};
  way = keep(system.spawn(scripted_way, this));
}

session_world::~session_world() {
  session = nullptr;
  for (auto& x : agent.all)
    x->listener = nullptr;
  for (auto& x : clients)
    x->actor = nullptr;
}

session_record session_world::record_in(session_state state) const {
  session_record x;
  x.vm_id = "0123456789ab";
  x.info.id = id;
  x.info.config = config;
  x.info.state = state;
  x.info.created_at_ms = 500;
  return x;
}

void session_world::spawn_session(const session_record& record, bool is_new) {
  actors::guest_session_spec spec{record, "box", vm_actor{}, context, is_new};
  session =
      keep(system.spawn(actors::guest_session, spec, static_cast<actors::agent_channels*>(&agent)));
  settle();
}

void session_world::appear() {
  caf::anon_send(session, guest_appeared{}, way);
  settle();
}

void session_world::vanish(const std::string& why) {
  caf::anon_send(session, guest_vanished{why});
  settle();
}

std::shared_ptr<answer<session_info>> session_world::launch() {
  spawn_session(record_in(session_state::starting), true);
  appear();
  return ask<session_info>(session, launch_session{});
}

void session_world::start_running() {
  auto answer = launch();
  say(channel_use::launch, agent_says::started());
  REQUIRE(answer->value);
  say(channel_use::control, agent_says::here(session_phase_running));
}

void session_world::spawn_ended() {
  auto record = record_in(session_state::exited);
  record.is_settled = true;
  record.info.ended_at_ms = 2000;
  record.info.end_offset = 3;
  spawn_session(record);
  appear();
}

void session_world::say(channel_use use, const std::string& frames) {
  auto* to = agent.find(use);
  REQUIRE_MESSAGE(to != nullptr, "there is no such channel");
  say_on(to->id, frames);
}

void session_world::say_on(ssh::channel_id channel, const std::string& frames) {
  caf::anon_send(agent.all[channel - 1]->listener, ssh_data{channel, false, frames});
  settle();
}

void session_world::hang_up(channel_use use, ssh_note_kind how) {
  auto* to = agent.find(use);
  REQUIRE_MESSAGE(to != nullptr, "there is no such channel");
  to->is_open = false;
  ssh_note note;
  note.connection = to->connection;
  note.channel = to->id;
  note.kind = how;
  if (how == ssh_note_kind::channel_refused)
    note.why = {ec::link_lost, "open a channel", "nobody listens", {}};
  caf::anon_send(to->listener, note);
  settle();
}

void session_world::lose_connection() {
  ssh_note note;
  note.kind = ssh_note_kind::connection_lost;
  note.connection = connections;
  note.why = {ec::link_lost, "use the guest's data port", "it is closed", {}};
  for (auto& x : agent.all) {
    if (!std::exchange(x->is_open, false) || x->connection != connections)
      continue;
    note.channel = x->id;
    caf::anon_send(x->listener, note);
  }
  settle();
}

std::vector<std::string> session_world::told() {
  auto* control = agent.find(channel_use::control);
  REQUIRE_MESSAGE(control != nullptr, "there is no control channel");
  return control->told();
}

attach_session session_world::asking(attach_role role, std::uint64_t from, std::uint64_t credit) {
  attach_session x;
  x.ref = "box/make";
  x.role = role;
  x.from = from;
  x.credit = credit;
  return x;
}

scripted_client& session_world::attach(attach_session what) {
  auto& x = *clients.emplace_back(std::make_unique<scripted_client>());
  if (what.client.empty())
    what.client = "client " + number(clients.size());
  x.actor = keep(system.spawn(client_of, &x, session));
  join_again(x, what);
  return x;
}

scripted_client& session_world::attach_placed(attach_role role, std::uint64_t start) {
  auto& x = attach(asking(role, start));
  if (x.log.empty()) // it shares no feed
    say(channel_use::feed, agent_says::here(session_phase_running, start));
  REQUIRE(x.saw("attached at " + number(start)));
  x.log.clear();
  return x;
}

void session_world::join_again(scripted_client& who, const attach_session& what) {
  caf::anon_send(who.actor, join_session{what, who.actor, who.actor});
  settle();
}

void session_world::type(const scripted_client& who, const std::string& bytes) {
  caf::send_as(who.actor, session, attach_input{who.attached.attach, bytes});
  settle();
}

void session_world::end_input(const scripted_client& who) {
  caf::send_as(who.actor, session, attach_input_ended{who.attached.attach});
  settle();
}

void session_world::pay(const scripted_client& who, std::uint64_t bytes) {
  caf::send_as(who.actor, session, attach_credit{who.attached.attach, bytes});
  settle();
}

void session_world::resize(const scripted_client& who, window_size window) {
  caf::send_as(who.actor, session, attach_resized{who.attached.attach, window});
  settle();
}

void session_world::detach(const scripted_client& who) {
  caf::anon_send(who.actor, detach_session{who.attached.attach});
  settle();
}

void session_world::kill(const scripted_client& who) {
  caf::anon_send_exit(who.actor, caf::exit_reason::kill);
  settle();
}

attach_list session_world::attaches() {
  auto x = ask<attach_list>(session, list_attaches{"box/make"});
  REQUIRE(x->value);
  return *x->value;
}

bool session_world::is_there() {
  return ask<attach_list>(session, list_attaches{"box/make"})->value.has_value();
}

} // namespace banger::test
