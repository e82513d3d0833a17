// Answers the lines of banger mcp: the Model Context Protocol, of which it has the tools.
// Source: https://modelcontextprotocol.io/specification/2025-06-18
#pragma once

#include "cli/mcp_tools.hpp"
#include "cli/rpc_loop.hpp"
#include "cli/rpc_message.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace banger::cli::mcp {

/// A call of a tool, until it is answered or the client no longer wants that.
struct tool_call {
  record id;
  record token; ///< of progress; null: it is not wanted
  record arguments;
  bool is_over = false;
  std::uint64_t progress = 0;
  std::function<void()> cancel = [] {}; ///< ends what it is at
};

using call_pointer = std::shared_ptr<tool_call>;

class server final : public rpc::line_handler {
public:
  /// @param program  our own executable, for tools that are commands of ours
  server(rpc::loop& runs, std::string program) : loop_(runs), program_(std::move(program)) {}

  void take_line(const rpc::line& x) override;
  void take_event(const event_happened&) override {}
  void take_missed(const events_missed&) override {}
  void lost_daemon(const failure&) override {} ///< each call says so

private:
  using starter = void (server::*)(const call_pointer& call);
  static starter starter_of(const std::string& name);

  void take_call(const rpc::call& x);
  void take_notification(const rpc::call& x);
  void initialize(const rpc::call& x);
  void call_tool(const rpc::call& x);
  void cancel_call(const rpc::call& x);

  // mcp_sandboxes.cpp
  void create_sandbox(const call_pointer& call);
  void boot(const call_pointer& call, const vm_info& made);
  void start_sandbox(const call_pointer& call);
  void list_sandboxes(const call_pointer& call);
  void delete_sandbox(const call_pointer& call);

  // mcp_commands.cpp
  void exec(const call_pointer& call);
  void write_file(const call_pointer& call);
  void read_file(const call_pointer& call);
  void run_in_sandbox(const call_pointer& call, std::vector<std::string> argv,
                      const std::string& input, std::size_t most,
                      std::function<void(const rpc::exec_end&, std::string, std::string)> then);

  // mcp_programs.cpp
  void upload(const call_pointer& call);
  void prepare_workspace(const call_pointer& call);
  void run_own(const call_pointer& call, std::vector<std::string> arguments);

  // mcp_sessions.cpp
  void start_session_of(const call_pointer& call);
  void read_session(const call_pointer& call);
  void send_session(const call_pointer& call);
  void stop_session_of(const call_pointer& call);
  void list_sessions_of(const call_pointer& call);

  /// Asks the daemon for it; `then` has the answer, a failure is told.
  template <class Reply, class Request>
  rpc::question* ask(const call_pointer& call, const Request& request, client::milliseconds limit,
                     std::function<void(const Reply&)> then) {
    auto asked = loop_.ask(request, limit, [this, call, then](const auto& came) {
      auto reply =
          came ? client::decode<Reply>(*came) : result<Reply>{tl::make_unexpected(came.error())};
      if (reply)
        then(*reply);
      else
        finish(call, reply.error());
    });
    if (!asked)
      finish(call, asked.error());
    return asked ? *asked : nullptr;
  }

  /// Stages of the operation become progress of the call.
  void follow(const call_pointer& call, rpc::question* asked, const char* operation,
              const std::string& subject);
  void progress(const call_pointer& call, const std::string& what);
  void finish(const call_pointer& call, const std::string& text, bool is_error = false);
  void finish(const call_pointer& call, const failure& why);

  rpc::loop& loop_;
  std::string program_;
  std::map<std::string, call_pointer> calls_; ///< by id, as JSON
};

} // namespace banger::cli::mcp
