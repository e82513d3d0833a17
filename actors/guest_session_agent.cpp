// The way to the guest's agent: what is opened when, what comes over it, and what becomes of it
// when it breaks.
#include "actors/guest_session_steps.hpp"
#include "host/fault_point.hpp"

#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

namespace banger::actors {

namespace {

constexpr std::uint32_t connect_limit_ms = 30'000;
constexpr std::chrono::milliseconds connect_margin{5'000};
constexpr std::chrono::milliseconds retry_pause{250};
constexpr std::chrono::milliseconds launch_limit{30'000};
constexpr std::chrono::milliseconds longest_silence{3'000}; ///< of a new channel's other end

const std::string& id_of(guest_session_pointer self) {
  return self->state.spec.record.info.id;
}

/// Whether the guest has to be asked what becomes of it, or became.
bool wants_control(guest_session_pointer self) {
  const auto& state = self->state;
  const auto& record = state.spec.record;
  const auto launches = state.launched.pending() || state.launching.id != 0;
  return !launches && (!is_over(record.info.state) || !record.is_settled) &&
         record.info.state != session_state::failed;
}

void open_control(guest_session_pointer self) {
  auto& state = self->state;
  state.control = {};
  state.control.id =
      open_channel(self, session_wire::attach({id_of(self), 0, SESSION_FLAG_STATUS_ONLY, 0}));
  for (auto& frame : std::exchange(state.for_control, {}))
    state.channels->write(state.control.id, std::move(frame));
  send_window(self, true);
  pump_input(self);
}

void open_feed(guest_session_pointer self, const core::open_source& x) {
  std::uint32_t flags = SESSION_FLAG_READ_ONLY;
  auto from = x.from;
  switch (x.origin) {
    case output_origin::offset: break;
    case output_origin::now: from = SESSION_FROM_END; break;
    case output_origin::last: flags |= SESSION_FLAG_FROM_LAST; break;
    case output_origin::since_ms: flags |= SESSION_FLAG_FROM_TIME; break;
  }
  if (!x.follows)
    flags |= SESSION_FLAG_NO_FOLLOW;
  const auto channel =
      open_channel(self, session_wire::attach({id_of(self), from, flags, x.credit}));
  self->state.feeds[channel].source = x.source;
}

ssh::channel_id feed_of(guest_session_pointer self, core::source_id source) {
  for (const auto& [channel, feed] : self->state.feeds)
    if (feed.source == source)
      return channel;
  return 0;
}

void ask_for_start(guest_session_pointer self) {
  auto& state = self->state;
  if (auto fault = host::fault_at("session.ask", host::fault_moment::before)) {
    settle_failed(self, to_string(*fault), "connect");
    return;
  }
  state.launching.id =
      open_channel(self, session_wire::start(id_of(self), state.spec.record.info.config));
}

void connected(guest_session_pointer self, ssh::connection_id connection) {
  auto& state = self->state;
  state.connection = connection;
  if (state.launched.pending() && state.launching.id == 0)
    ask_for_start(self);
  else if (wants_control(self))
    open_control(self);
  if (std::exchange(state.was_cut, false))
    notice_all(self, "the connection to the guest broke and is back, 0 bytes lost");
  state.output.connect();
  apply_output(self);
  go_on_deleting(self);
}

void connect(guest_session_pointer self) {
  auto& state = self->state;
  if (state.is_connecting)
    return;
  state.is_connecting = true;
  auto failed = [self, link = state.link](const caf::error& why) {
    auto& mine = self->state;
    if (mine.link != link)
      return; // of a run that is over
    mine.is_connecting = false;
    const auto told = to_failure(why, "connect to the guest");
    if (mine.launched.pending()) {
      settle_failed(self, to_string(told), "connect");
      return;
    }
    drop_attaches(
        self, {told.code, "attach to session '" + title(self) + "'", to_string(told), told.hint});
    if (needs_guest(self))
      mine.reconnect_step = after(self, connect_margin);
  };
  self->request(state.link, std::chrono::milliseconds{connect_limit_ms} + connect_margin,
                connect_guest{connect_limit_ms})
      .then(
          [self, link = state.link](const guest_connected& x) {
            if (self->state.link != link)
              return;
            self->state.is_connecting = false;
            connected(self, x.connection);
          },
          failed);
}

/// The connection is gone, and all channels with it.
void cut(guest_session_pointer self) {
  auto& state = self->state;
  state.connection = 0;
  state.control = {};
  state.removing = {};
  state.feeds.clear();
  state.was_cut = !state.attaches.empty();
  state.output.disconnect();
  input_was_lost(self);
  // It may have been started: its control tells. Or the agent is being mended, then it is repeated.
  if (std::exchange(state.launching, {}).id != 0 && !state.is_mending)
    state.launched.deliver(
        to_error({ec::link_lost, "start session '" + title(self) + "'",
                  "the connection to the guest broke", "banger session show " + title(self)}));
  if (state.link && needs_guest(self))
    try_again(self);
}

/// A word that is none leaves it open whose the other end is.
template <class Channel>
void note_word(Channel& of, const session_wire::reply& x) {
  of.has_spoken = of.has_spoken || !std::holds_alternative<session_wire::malformed>(x);
  of.owes_word = false;
}

/// Where the other end has never said a word it may be no agent of ours.
void go_on(guest_session_pointer self, bool has_spoken) {
  if (has_spoken)
    try_again(self);
  else
    mend_agent(self);
}

/// A channel that is gone before its last word.
void channel_gone(guest_session_pointer self, ssh::channel_id channel, bool is_refused,
                  const failure& why) {
  auto& state = self->state;
  if (channel == state.launching.id) {
    const auto has_spoken = std::exchange(state.launching, {}).has_spoken;
    if (state.is_mending)
      return; // it is repeated when that is done
    if (!has_spoken && !std::exchange(state.was_launch_tried, true)) {
      state.may_have_started = !is_refused;
      mend_agent(self); // the same start twice runs once (docs/sessions.md)
      return;
    }
    if (is_refused) { // nobody there: nothing was begun
      settle_failed(self, to_string(why), "agent");
      return;
    }
    if (state.launched.pending())
      state.launched.deliver(
          to_error({ec::link_lost, "start session '" + title(self) + "'",
                    "the guest's agent hung up", "banger session show " + title(self)}));
    try_again(self); // it may have been started: its control tells
  } else if (channel == state.control.id) {
    const auto has_spoken = std::exchange(state.control, {}).has_spoken;
    input_was_lost(self);
    go_on(self, has_spoken);
  } else if (channel == state.removing.id) {
    go_on(self, std::exchange(state.removing, {}).has_spoken);
  } else if (auto feed = state.feeds.find(channel); feed != state.feeds.end()) {
    const auto has_spoken = feed->second.has_spoken;
    state.output.broke(feed->second.source);
    state.feeds.erase(feed);
    go_on(self, has_spoken);
  }
}

} // namespace

namespace {

void listen_for_word(guest_session_pointer self) {
  if (self->state.silence_step == 0)
    self->state.silence_step = after(self, longest_silence);
}

} // namespace

ssh::channel_id open_channel(guest_session_pointer self, std::string first_frame) {
  auto& state = self->state;
  listen_for_word(self);
  return state.channels->open(state.connection, std::move(first_frame), framed_window,
                              ssh_listener_actor{self});
}

void try_again(guest_session_pointer self) {
  auto& state = self->state;
  if (state.reconnect_step == 0)
    state.reconnect_step = after(self, retry_pause);
}

bool needs_guest(guest_session_pointer self) {
  const auto& state = self->state;
  return wants_control(self) || state.launched.pending() || !state.deleting.empty() ||
         state.output.reader_count() > 0;
}

void reach_guest(guest_session_pointer self) {
  auto& state = self->state;
  if (!state.link || state.is_mending || !needs_guest(self))
    return;
  if (state.connection == 0) {
    connect(self);
    return;
  }
  if (state.launched.pending() && state.launching.id == 0)
    connected(self, state.connection);
  if (wants_control(self) && state.control.id == 0)
    open_control(self);
  state.output.connect();
  apply_output(self);
  go_on_deleting(self);
}

void tell_agent(guest_session_pointer self, std::string frame, bool wants_word) {
  auto& state = self->state;
  if (state.control.id == 0) {
    state.for_control.push_back(std::move(frame));
    return;
  }
  state.channels->write(state.control.id, std::move(frame));
  if (!wants_word)
    return;
  state.control.owes_word = true;
  listen_for_word(self);
}

void apply_output(guest_session_pointer self) {
  auto& state = self->state;
  for (auto actions = state.output.take_actions(); !actions.empty();
       actions = state.output.take_actions())
    for (const auto& action : actions)
      std::visit(
          [self](const auto& x) {
            using type = std::decay_t<decltype(x)>;
            auto& mine = self->state;
            if constexpr (std::is_same_v<type, core::deliver_piece<output_piece>>) {
              if (auto whom = mine.attaches.find(x.reader); whom != mine.attaches.end())
                send_shared(self, whom->second.client, message_of(*x.piece, x.from, x.to));
            } else if constexpr (std::is_same_v<type, core::place_reader>) {
              auto whom = mine.attaches.find(x.reader);
              if (whom != mine.attaches.end() && whom->second.joining.pending())
                whom->second.joining.deliver(
                    session_attached{self->id(), info_of(self), x.offset, attach_input_credit});
            } else if constexpr (std::is_same_v<type, core::end_reader>) {
              const auto how =
                  is_over(mine.spec.record.info.state) ? attach_end::over : attach_end::present;
              end_attach(self, x.reader, how, x.offset, {ec::none, {}, {}, {}});
            } else if constexpr (std::is_same_v<type, core::open_source>) {
              open_feed(self, x);
            } else if constexpr (std::is_same_v<type, core::pay_source>) {
              if (auto channel = feed_of(self, x.source); channel != 0)
                mine.channels->write(channel, session_wire::credit(x.bytes));
            } else {
              if (auto channel = feed_of(self, x.source); channel != 0) {
                mine.channels->close(channel);
                mine.feeds.erase(channel);
              }
            }
          },
          action);
}

void take_note(guest_session_pointer self, const ssh_note& note) {
  switch (note.kind) {
    case ssh_note_kind::connection_lost:
      if (note.connection == self->state.connection)
        cut(self);
      return;
    case ssh_note_kind::channel_refused:
    case ssh_note_kind::channel_closed:
    case ssh_note_kind::channel_ended_output:
      channel_gone(self, note.channel, note.kind == ssh_note_kind::channel_refused, note.why);
      return;
    case ssh_note_kind::host_key_offered:
    case ssh_note_kind::connected:
    case ssh_note_kind::channel_opened:
    case ssh_note_kind::channel_exited:
    case ssh_note_kind::channel_writable: return;
  }
}

void take_data(guest_session_pointer self, const ssh_data& data) {
  auto& state = self->state;
  const auto channel = data.channel;
  state.channels->took(channel, data.bytes.size());
  session_wire::reply x;
  if (auto feed = state.feeds.find(channel); feed != state.feeds.end()) {
    const auto source = feed->second.source;
    feed->second.frames.feed(data.bytes);
    // What it says may end it, and with it the reader.
    while (state.feeds.contains(channel) && state.feeds.at(channel).frames.next(x)) {
      note_word(state.feeds.at(channel), x);
      if (!feed_reply(self, channel, source, x))
        break;
    }
    apply_output(self);
    return;
  }
  auto each = [&](agent_channel& of, auto handle) {
    if (channel != of.id)
      return;
    of.frames.feed(data.bytes);
    while (of.id == channel && of.frames.next(x)) {
      note_word(of, x);
      handle(self, x);
    }
  };
  each(state.control, control_reply);
  each(state.launching, launch_reply);
  each(state.removing, removed);
}

void drop_channels(guest_session_pointer self) {
  auto& state = self->state;
  for (const auto* x : {&state.control, &state.launching, &state.removing})
    if (x->id != 0)
      state.channels->close(x->id);
  for (const auto& [channel, feed] : state.feeds)
    state.channels->close(channel);
  state.control = state.launching = state.removing = {};
  state.feeds.clear();
  state.connection = 0;
  state.is_connecting = false;
  state.output.disconnect();
}

void leave_guest(guest_session_pointer self) {
  drop_channels(self);
  self->state.for_control.clear();
  self->state.is_mending = false;
}

void begin_launch(guest_session_pointer self) {
  self->state.launch_step = after(self, launch_limit);
  reach_guest(self);
}

} // namespace banger::actors
