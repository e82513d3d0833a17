// A guest's agent that a test plays by hand: it sees what a guest session opens and writes, and
// says what the agent would. And clients that note what they are sent, in order.
#pragma once

#include "actors/agent_channels.hpp"
#include "actors/guest_session.hpp"
#include "guest/session_frames.h"
#include "tests/support/scripted_parts.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace banger::test {

/// What the agent says, as frames. docs/sessions.md has what they mean.
namespace agent_says {

[[nodiscard]] std::string started(std::uint64_t at_ms = 1000);
[[nodiscard]] std::string failed(std::uint32_t error, session_step step, const std::string& text);
[[nodiscard]] std::string here(session_phase phase, std::uint64_t start = 0);
[[nodiscard]] std::string out(std::uint64_t offset, std::string_view bytes, char type = 'o');
[[nodiscard]] std::string gap(std::uint64_t from, std::uint64_t to);
[[nodiscard]] std::string exited(std::uint32_t code, std::uint64_t end = 0);
[[nodiscard]] std::string ended(session_how how, std::uint32_t code, std::uint32_t signal,
                                std::uint64_t end, const std::string& text = {});
[[nodiscard]] std::string quiet(std::uint64_t offset);
[[nodiscard]] std::string taken(std::uint64_t total);
[[nodiscard]] std::string refused_input();
[[nodiscard]] std::string deleted();
/// A whole frame of a known type, whose payload is none.
[[nodiscard]] std::string malformed();

} // namespace agent_says

/// What a channel was opened for.
enum class channel_use : std::uint8_t { none, launch, control, feed, removal };

/// The agent's side of each channel that was opened.
class scripted_agent : public actors::agent_channels {
public:
  struct channel {
    ssh::channel_id id = 0;
    ssh::connection_id connection = 0;
    channel_use use = channel_use::none;
    std::string first;   ///< the payload of the first frame
    std::string written; ///< all that came behind it
    std::size_t took = 0;
    bool is_open = true;
    ssh_listener_actor listener;

    /// What the first frame of an attach says.
    [[nodiscard]] session_attach attach() const;
    /// The frames that were written: "input abc", "end", "window 24x80", "signal 15", "credit 9".
    [[nodiscard]] std::vector<std::string> told() const;
  };

  ssh::channel_id open(ssh::connection_id connection, std::string first_frame, std::size_t window,
                       const ssh_listener_actor& listener) override;
  void write(ssh::channel_id id, std::string bytes) override;
  void send_eof(ssh::channel_id) override {} ///< frames say where their input ends
  void took(ssh::channel_id id, std::size_t bytes) override;
  void close(ssh::channel_id id) override;

  /// The newest open one of this use; nullptr where there is none.
  [[nodiscard]] channel* find(channel_use use);
  [[nodiscard]] std::size_t count(channel_use use, bool also_closed = false) const;

  std::vector<std::unique_ptr<channel>> all; ///< the oldest first
};

/// An attached client: what it is told goes to `log`, in order: "attached at 5", "out 5 abc", "err
/// 5 abc", "gap 5 8", "wanted 3", "refused: why", "notice: text", "ended over at 8: why",
/// "detached 3", "not attached: why", "not detached: why".
using scripted_client_actor =
    attach_client_actor::extend<caf::reacts_to<stage_entered>, caf::reacts_to<join_session>,
                                caf::reacts_to<detach_session>>;

struct scripted_client {
  scripted_client_actor actor;
  std::vector<std::string> log;
  session_attached attached;
  attach_ended ended;
  failure why{ec::none, {}, {}, {}}; ///< the last it was told
  std::uint64_t wanted = 0;          ///< sum of attach_input_wanted
  std::vector<std::string> notices;

  [[nodiscard]] bool saw(const std::string& line) const {
    return std::find(log.begin(), log.end(), line) != log.end();
  }
  /// The text of all output, gaps and streams aside.
  std::string output;
};

/// What outlives the actors.
struct agent_holder {
  scripted_agent agent;
  std::vector<std::unique_ptr<scripted_client>> clients;
};

/// One guest session between a scripted guest and scripted clients.
struct session_world : agent_holder, scripted_world {
  session_config config;
  guest_session_actor session;
  guest_way_actor way;
  manner reached = manner::well; ///< how connect_guest is answered
  manner mends = manner::well;   ///< how ensure_agent is
  agent_found found = agent_found::ours;
  std::uint64_t connections = 0; ///< the number of the last connection

  session_world();
  ~session_world();

  [[nodiscard]] session_record record_in(session_state state) const;
  void spawn_session(const session_record& record, bool is_new = false);
  void appear();
  void vanish(const std::string& why = "the VM was stopped");
  /// Spawns a new one in a guest that is there, and launches it. The guest has not answered yet.
  std::shared_ptr<answer<session_info>> launch();
  /// One that runs, with its control channel open.
  void start_running();
  /// One that is over, in a guest that is there.
  void spawn_ended();

  /// The guest says this on the newest open channel of that use.
  void say(channel_use use, const std::string& frames);
  void say_on(ssh::channel_id id, const std::string& frames);
  /// The guest closes it, or never opened it.
  void hang_up(channel_use use, ssh_note_kind how = ssh_note_kind::channel_closed);
  void lose_connection();
  /// What the session has told the guest on its control channel.
  [[nodiscard]] std::vector<std::string> told();

  /// A client's request with `credit` to spend.
  [[nodiscard]] static attach_session asking(attach_role role = attach_role::viewer,
                                             std::uint64_t from = 0, std::uint64_t credit = 1000);
  /// A new client attaches.
  scripted_client& attach(attach_session what);
  /// A new client that attaches at offset 0, and the guest shows it what is there from `start` on.
  scripted_client& attach_placed(attach_role role, std::uint64_t start = 0);
  void join_again(scripted_client& who, const attach_session& what);
  void type(const scripted_client& who, const std::string& bytes);
  void end_input(const scripted_client& who);
  void pay(const scripted_client& who, std::uint64_t bytes);
  void resize(const scripted_client& who, window_size window);
  void detach(const scripted_client& who);
  /// Its process ends.
  void kill(const scripted_client& who);

  [[nodiscard]] attach_list attaches();
  [[nodiscard]] session_info saved() const { return plan.sessions.at(id).info; }
  /// False once the actor has ended.
  [[nodiscard]] bool is_there();

  static inline const std::string id = "abcdef012345";
};

} // namespace banger::test
