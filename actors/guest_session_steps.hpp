// What guest_session*.cpp share. Not for others.
#pragma once

#include "actors/account.hpp"
#include "actors/guest_session.hpp"
#include "host/clock.hpp"
#include "protocol/caf_error.hpp"

#include <string>

namespace banger::actors {

/// Bytes of input that a client may send before it hears of more.
inline constexpr std::uint32_t attach_input_credit = 256U << 10;

// -- guest_session.cpp: what it is
// ------------------------------------------------------------------------------

/// "VM/NAME", as users write it.
[[nodiscard]] std::string title(guest_session_pointer self);
[[nodiscard]] session_info info_of(guest_session_pointer self);

/// Tells the VM, and with it everybody who lists.
void publish(guest_session_pointer self);
void publish_event_of(guest_session_pointer self, const std::string& kind, std::string detail);

/// It is over, and that is its end. Once only, unless the first was concluded and this is told by
/// the guest.
void settle(guest_session_pointer self, const session_wire::ended& end, bool is_told);

/// It never ran.
/// @param hint  what whoever asked for it can do; empty: to look at it
void settle_failed(guest_session_pointer self, const std::string& why, const std::string& step,
                   std::string hint = {});

/// A tick after `pause`. @returns its number
[[nodiscard]] std::uint64_t after(guest_session_pointer self, std::chrono::milliseconds pause);

// -- guest_session_life.cpp: its row
// ------------------------------------------------------------------

/// Writes the record; a failure is logged, for the guest knows all of it too.
/// @param point  the step's name
void save(guest_session_pointer self, const char* point = "session.save");

/// The row, and then the guest.
[[nodiscard]] caf::result<session_info> launch(guest_session_pointer self);

/// Its session is deleted: goes on with that as soon as nothing is in the way.
void go_on_deleting(guest_session_pointer self);

// -- guest_session_agent.cpp: the way to the guest
// ------------------------------------------------------------------

/// Sees to it that what is wanted of the guest is on its way: connects where there is need to.
void reach_guest(guest_session_pointer self);

/// Opens a channel to the agent; one over which nothing comes is looked after.
[[nodiscard]] ssh::channel_id open_channel(guest_session_pointer self, std::string first_frame);

/// Sends a frame on the control channel, as soon as there is one.
/// @param wants_word  the agent is looked after where none follows
void tell_agent(guest_session_pointer self, std::string frame, bool wants_word = false);

/// Does what the output's readers and sources want.
void apply_output(guest_session_pointer self);

void take_note(guest_session_pointer self, const ssh_note& note);
void take_data(guest_session_pointer self, const ssh_data& data);
/// Forgets all channels: the VM is gone, or we are.
void leave_guest(guest_session_pointer self);
void begin_launch(guest_session_pointer self);

/// Forgets all channels, which are of no use any more, but not what is wanted of them.
void drop_channels(guest_session_pointer self);

/// Whether there is anything to ask it.
[[nodiscard]] bool needs_guest(guest_session_pointer self);

/// Waits a moment, then sees what is still wanted of the guest.
void try_again(guest_session_pointer self);

// -- guest_session_mend.cpp: where the agent does not answer
// ------------------------------------------------------------------

/// Sees to it that the guest has an agent of ours, then goes on with what is wanted of it.
void mend_agent(guest_session_pointer self);
/// Does so where a channel has been opened and nothing came over it.
void look_for_silence(guest_session_pointer self);

// -- guest_session_replies.cpp: what the agent says
// ------------------------------------------------------------------

void launch_reply(guest_session_pointer self, const session_wire::reply& x);
void control_reply(guest_session_pointer self, const session_wire::reply& x);
void removed(guest_session_pointer self, const session_wire::reply& x);
/// @returns false where the feed is over
[[nodiscard]] bool feed_reply(guest_session_pointer self, ssh::channel_id channel,
                              core::source_id source, const session_wire::reply& x);

// -- guest_session_clients.cpp: attaches and input
// ------------------------------------------------------------------

[[nodiscard]] caf::result<session_attached> join(guest_session_pointer self,
                                                 const join_session& whom);
[[nodiscard]] caf::result<session_detached> detach(guest_session_pointer self);
[[nodiscard]] attach_list list_attached(guest_session_pointer self);
void take_input(guest_session_pointer self, const attach_input& x);
void take_input_end(guest_session_pointer self);
void take_credit(guest_session_pointer self, const attach_credit& x);
void take_size(guest_session_pointer self, const attach_resized& x);
void owner_down(guest_session_pointer self, const caf::actor_addr& owner);

/// Ends an attach with this word. @param offset  behind the last output it got
void end_attach(guest_session_pointer self, std::uint64_t id, attach_end how, std::uint64_t offset,
                const failure& why);
/// Ends all.
void end_attaches(guest_session_pointer self, attach_end how, const failure& why);
void drop_attaches(guest_session_pointer self, const failure& why);

/// Forgets one, without a word.
void forget_attach(guest_session_pointer self, std::uint64_t id);

// -- guest_session_input.cpp
// ------------------------------------------------------------------

template <class Message>
void tell(guest_session_pointer self, const session_attach_state& whom, Message x) {
  x.attach = self->id();
  self->send(whom.client, std::move(x));
}

/// Why there is no sending input.
[[nodiscard]] failure no_input(guest_session_pointer self, const std::string& why);

/// Answers those that leave and whose input has all been taken.
void answer_leaving(guest_session_pointer self);

/// Tells a client that its input was not taken; one that waits for that ends.
void refuse_input(guest_session_pointer self, std::uint64_t id, const failure& why);

/// Gives the command what input there is.
void pump_input(guest_session_pointer self);
void input_was_taken(guest_session_pointer self, std::uint64_t total);
void input_was_refused(guest_session_pointer self);
/// The control channel broke: nobody knows what became of the input that was under way.
void input_was_lost(guest_session_pointer self);
void look_at_turn(guest_session_pointer self);
void notice_all(guest_session_pointer self, const std::string& text);
/// A new control channel knows nothing of the window.
void send_window(guest_session_pointer self, bool is_anew);

} // namespace banger::actors
