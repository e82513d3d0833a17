#include "actors/ssh_sink.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <utility>
#include <variant>

namespace banger::actors {

namespace {

ssh_note note_of(ssh_note_kind kind) {
  ssh_note x;
  x.kind = kind;
  return x;
}

ssh_note to_note(ssh::host_key_offered&& e) {
  auto x = note_of(ssh_note_kind::host_key_offered);
  x.text = std::move(e.type);
  x.bytes = std::move(e.blob);
  return x;
}

ssh_note to_note(ssh::connected&&) {
  return note_of(ssh_note_kind::connected);
}

ssh_note to_note(ssh::connection_lost&& e) {
  auto x = note_of(ssh_note_kind::connection_lost);
  x.is_final = e.terminal;
  x.why = std::move(e.why);
  return x;
}

ssh_note to_note(ssh::channel_opened&&) {
  return note_of(ssh_note_kind::channel_opened);
}

ssh_note to_note(ssh::channel_refused&& e) {
  auto x = note_of(ssh_note_kind::channel_refused);
  x.is_final = !e.retryable;
  x.why = std::move(e.why);
  return x;
}

ssh_note to_note(ssh::channel_eof&&) {
  return note_of(ssh_note_kind::channel_ended_output);
}

ssh_note to_note(ssh::channel_exit&& e) {
  auto x = note_of(ssh_note_kind::channel_exited);
  x.number = static_cast<std::uint64_t>(e.status < 0 ? 0 : e.status);
  x.text = std::move(e.signal);
  return x;
}

ssh_note to_note(ssh::channel_closed&&) {
  return note_of(ssh_note_kind::channel_closed);
}

ssh_note to_note(ssh::channel_writable&& e) {
  auto x = note_of(ssh_note_kind::channel_writable);
  x.number = e.sent;
  return x;
}

/// Called on the SSH thread, which is no actor: what it sends has no sender.
class actor_sink : public ssh::sink {
public:
  explicit actor_sink(const ssh_listener_actor& whom)
      : whom_(caf::actor_cast<caf::weak_actor_ptr>(whom)) {}

  void on_event(ssh::connection_id connection, ssh::channel_id channel, ssh::event what) override {
    auto strong = caf::actor_cast<caf::strong_actor_ptr>(whom_);
    if (!strong)
      return;
    auto whom = caf::actor_cast<ssh_listener_actor>(strong);
    if (auto* data = std::get_if<ssh::channel_data>(&what)) {
      caf::anon_send(whom, ssh_data{channel, data->is_stderr, std::move(data->bytes)});
      return;
    }
    std::visit(
        [&](auto&& e) {
          using type = std::decay_t<decltype(e)>;
          if constexpr (!std::is_same_v<type, ssh::channel_data>) {
            auto note = to_note(std::move(e));
            note.connection = connection;
            note.channel = channel;
            caf::anon_send(whom, std::move(note));
          }
        },
        std::move(what));
  }

private:
  caf::weak_actor_ptr whom_;
};

} // namespace

std::shared_ptr<ssh::sink> make_ssh_sink(const ssh_listener_actor& whom) {
  return std::make_shared<actor_sink>(whom);
}

} // namespace banger::actors
