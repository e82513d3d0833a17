#include "actors/gateway.hpp"

#include "actors/account.hpp"
#include "protocol/caf_error.hpp"
#include "protocol/version.hpp"

namespace banger::actors {

namespace {

using self_pointer = gateway_actor::stateful_pointer<gateway_state>;

constexpr core::milliseconds sweep_interval{5'000};

caf::result<welcome> greet(self_pointer self, const hello& x) {
  if (x.protocol_version != protocol_version)
    return to_error({ec::version_mismatch, "talk to the daemon",
                     "it is banger " + std::string{program_version} + " (protocol " +
                         std::to_string(protocol_version) + "), this client is banger " +
                         x.program_version + " (protocol " + std::to_string(x.protocol_version) +
                         ")",
                     "restart the daemon: banger daemon stop"});
  if (!self->current_sender())
    return to_error(
        {ec::bad_request, "talk to the daemon", "a client must be able to hear answers", {}});
  auto client = caf::actor_cast<client_actor>(self->current_sender());
  auto session = self->spawn<caf::monitored>(client_session, self->state.context, client);
  self->state.sessions.emplace(caf::actor_cast<caf::actor_addr>(session), session);
  return self->delegate(session, x); // the session answers: from now on the client talks to it
}

void end_sessions(self_pointer self, const caf::error& why) {
  for (const auto& [address, session] : self->state.sessions)
    self->send_exit(session, why);
}

} // namespace

gateway_actor::behavior_type gateway(self_pointer self,
                                     std::shared_ptr<const session_context> context,
                                     std::function<void()> sweep_connections) {
  self->state.context = std::move(context);
  self->state.sweep_connections = std::move(sweep_connections);
  self->set_down_handler(
      [self](const caf::down_msg& down) { self->state.sessions.erase(down.source); });
  self->set_exit_handler([self](const caf::exit_msg& message) {
    end_sessions(self, message.reason);
    self->quit(message.reason);
  });
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    auto why = error_of(thrown);
    end_sessions(self, why);
    return why;
  });
  self->delayed_send(self, sweep_interval, sweep{});
  return {
      [self](const hello& x) { return greet(self, x); },
      [self](const describe_actor&) {
        auto account = account_of(self, counted(self->state.sessions.size(), "client"));
        for (const auto& [address, session] : self->state.sessions)
          account.children.push_back({"client_session", session, 0, {}});
        return account;
      },
      [self](const sweep&) {
        self->state.sweep_connections();
        self->delayed_send(self, sweep_interval, sweep{});
      },
  };
}

} // namespace banger::actors
