#include "cli/rpc_send.hpp"

#include <utility>

namespace banger::cli::rpc {

namespace {

/// A sender's attach, from its beginning to its answer, which is told once.
struct sending {
  std::function<void(const result<std::uint64_t>&)> then;
  attachment* sender = nullptr;
  bool is_told = false;

  void tell(const result<std::uint64_t>& how) {
    if (std::exchange(is_told, true))
      return; // `sender` may be gone
    sender->is_over = true;
    then(how);
  }
};

} // namespace

void send_whole(loop& runs, const std::string& ref, const std::string& bytes, bool is_end,
                std::function<void(const result<std::uint64_t>&)> then) {
  auto link = runs.link(way::sending);
  if (!link)
    return then(tl::make_unexpected(link.error()));
  auto state = std::make_shared<sending>();
  state->then = std::move(then);
  const std::uint64_t size = bytes.size();
  attach_hooks hooks;
  hooks.attached = [](const auto&) {};
  hooks.refused = [state](const failure& why) { state->tell(tl::make_unexpected(why)); };
  hooks.input_refused = hooks.refused;
  hooks.ended = [state, ref](const attach_ended& how) {
    const failure over{ec::wrong_state, "send input to session '" + ref + "'", "it is over", {}};
    state->tell(tl::make_unexpected(how.why.code == ec::none ? over : how.why));
  };
  attach_session request;
  request.ref = ref;
  request.role = attach_role::sender;
  auto& sender =
      runs.jobs(way::sending).add(std::make_unique<attachment>(**link, request, std::move(hooks)));
  sender.ends_with_client = false;
  sender.deadline = client::clock::now() + operation_limit;
  state->sender = &sender;
  // What all is sent is followed by the detach, which is answered when all has arrived.
  const auto is_added =
      sender.input().add(bytes, is_end, [&runs, &sender, state, size](const result<void>& sent) {
        if (!sent)
          return; // the hooks say why
        auto asked = runs.ask(
            detach_session{sender.number()}, operation_limit,
            [state, size](const result<client::incoming>& came) {
              auto gone = came ? client::decode<session_detached>(*came)
                               : result<session_detached>{tl::make_unexpected(came.error())};
              state->tell(gone.map([size](const auto&) { return size; }));
            },
            way::sending);
        if (!asked)
          state->tell(tl::make_unexpected(asked.error()));
      });
  if (!is_added)
    state->tell(fail(ec::bad_request, "send input to session '" + ref + "'", "it is too long"));
}

} // namespace banger::cli::rpc
