// Answers the lines of banger rpc.
#pragma once

#include "cli/rpc_loop.hpp"
#include "cli/rpc_message.hpp"
#include "cli/rpc_methods.hpp"
#include "cli/rpc_requests.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace banger::cli::rpc {

class server final : public line_handler {
public:
  explicit server(loop& runs) : loop_(runs) {}

  void take_line(const line& x) override;
  void take_event(const event_happened& x) override;
  void take_missed(const events_missed& x) override;
  void lost_daemon(const failure& why) override;

private:
  using starter = void (server::*)(const call& x);
  static starter starter_of(const std::string& method);

  void dispatch(const call& x);
  void ask_simply(const call& x, const simple_request& what);
  void describe(const call& x);
  void run_command(const call& x);
  void write_command(const call& x);
  void signal_command(const call& x);
  void attach(const call& x);
  void write_session(const call& x);
  void resize_session(const call& x);
  void detach(const call& x);
  void send_session(const call& x);

  exec_hooks collecting_hooks(const call& x);
  exec_hooks streaming_hooks(const call& x, std::uint64_t number);
  attach_hooks hooks_of(const call& x, std::uint64_t number);
  void add_input(const call& x, input_queue& to);
  void answer(const call& x, const result<record>& how);
  void tell(const char* name, record params) { loop_.write(notification(name, std::move(params))); }
  command* command_in(const call& x);
  attachment* attachment_in(const call& x);

  loop& loop_;
  std::map<std::uint64_t, command*> commands_; ///< those that stream, until they end
  std::map<std::uint64_t, attachment*> attachments_;
  std::uint64_t last_number_ = 0; ///< of either; unlike the daemon's unique also across daemons
};

} // namespace banger::cli::rpc
