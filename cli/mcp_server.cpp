#include "cli/mcp_server.hpp"

#include "cli/mcp_text.hpp"
#include "cli/rpc_values.hpp"
#include "protocol/version.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace banger::cli::mcp {

namespace {

constexpr const char* versions[] = {"2025-06-18", "2025-03-26", "2024-11-05"}; // the newest first
constexpr std::size_t most_calls = 100;

constexpr const char* instructions =
    "Sandboxes are real Linux virtual machines on the user's host. Usual order: sandbox_create, "
    "then sandbox_prepare_workspace or sandbox_upload for the user's files, sandbox_exec for "
    "commands, session_start and session_read for what runs long, sandbox_delete at the end.";

std::string agreed_version(const record& params) {
  const auto wanted = params.value("protocolVersion", record());
  const auto* known = std::find_if(std::begin(versions), std::end(versions),
                                   [&](const char* x) { return wanted == x; });
  return known == std::end(versions) ? versions[0] : *known;
}

record text_result(const std::string& text, bool is_error) {
  return {{"content", record::array({{{"type", "text"}, {"text", text}}})}, {"isError", is_error}};
}

} // namespace

void server::take_line(const rpc::line& x) {
  if (x.is_too_long) {
    loop_.write(rpc::error_message(nullptr, rpc::invalid_request, "the line is too long"));
    return;
  }
  auto asked = rpc::parse_call(x.text, false);
  if (!asked)
    loop_.write(rpc::error_message(asked.error().id, asked.error().code, asked.error().why));
  else if (asked->wants_answer)
    take_call(*asked);
  else
    take_notification(*asked);
}

void server::take_notification(const rpc::call& x) {
  if (x.method == "notifications/cancelled")
    cancel_call(x);
}

void server::take_call(const rpc::call& x) {
  if (x.method == "initialize")
    initialize(x);
  else if (x.method == "ping")
    loop_.write(rpc::result_message(x.id, record::object()));
  else if (x.method == "tools/list")
    loop_.write(rpc::result_message(x.id, tool_list()));
  else if (x.method == "tools/call")
    call_tool(x);
  else
    loop_.write(rpc::error_message(x.id, rpc::unknown_method,
                                   "there is no method '" + rpc::shown(x.method) + "' here"));
}

void server::initialize(const rpc::call& x) {
  loop_.write(rpc::result_message(
      x.id, {{"protocolVersion", agreed_version(x.params)},
             {"capabilities", {{"tools", record::object()}}},
             {"serverInfo",
              {{"name", "banger"}, {"title", "banger"}, {"version", std::string{program_version}}}},
             {"instructions", instructions}}));
}

server::starter server::starter_of(const std::string& name) {
  static const std::map<std::string, starter> all{
      {"sandbox_create", &server::create_sandbox},
      {"sandbox_start", &server::start_sandbox},
      {"sandbox_list", &server::list_sandboxes},
      {"sandbox_delete", &server::delete_sandbox},
      {"sandbox_exec", &server::exec},
      {"sandbox_write_file", &server::write_file},
      {"sandbox_read_file", &server::read_file},
      {"sandbox_upload", &server::upload},
      {"sandbox_prepare_workspace", &server::prepare_workspace},
      {"session_start", &server::start_session_of},
      {"session_read", &server::read_session},
      {"session_send", &server::send_session},
      {"session_stop", &server::stop_session_of},
      {"session_list", &server::list_sessions_of},
  };
  const auto found = all.find(name);
  return found == all.end() ? nullptr : found->second;
}

/// What a model got wrong is told to the model: as a result.
void server::call_tool(const rpc::call& x) {
  const auto given = x.params.value("name", record());
  const auto name = given.is_string() ? given.get<std::string>() : std::string{};
  const auto* known = find_tool(name);
  if (known == nullptr) {
    loop_.write(
        rpc::error_message(x.id, rpc::bad_params, "there is no tool '" + rpc::shown(name) + "'"));
    return;
  }
  auto call = std::make_shared<tool_call>();
  call->id = x.id;
  if (const auto meta = x.params.find("_meta"); meta != x.params.end() && meta->is_object())
    call->token = meta->value("progressToken", record());
  call->arguments = x.params.value("arguments", record::object());
  if (call->arguments.is_null())
    call->arguments = record::object();
  calls_[x.id.dump()] = call;
  auto ok = rpc::check(known->arguments, call->arguments);
  if (!ok)
    finish(call, to_string(ok.error()) + (ok.error().hint.empty() ? "" : "; " + ok.error().hint),
           true);
  else if (calls_.size() > most_calls)
    finish(call, "too many calls at once: wait until others are answered", true);
  else
    (this->*starter_of(name))(call);
}

/// Its answer is not wanted any more.
void server::cancel_call(const rpc::call& x) {
  const auto found = calls_.find(x.params.value("requestId", record()).dump());
  if (found == calls_.end())
    return;
  const auto call = found->second;
  calls_.erase(found);
  call->is_over = true;
  call->cancel();
}

void server::follow(const call_pointer& call, rpc::question* asked, const char* operation,
                    const std::string& subject) {
  if (asked == nullptr)
    return;
  asked->operation = operation;
  asked->subject = subject;
  asked->told = [this, call](const stage_entered& x) { progress(call, x.stage); };
}

void server::progress(const call_pointer& call, const std::string& what) {
  if (call->is_over || call->token.is_null())
    return;
  loop_.write(rpc::notification(
      "notifications/progress",
      {{"progressToken", call->token}, {"progress", ++call->progress}, {"message", what}}));
}

void server::finish(const call_pointer& call, const std::string& text, bool is_error) {
  if (std::exchange(call->is_over, true))
    return;
  loop_.write(rpc::result_message(call->id, text_result(text, is_error)));
  if (const auto found = calls_.find(call->id.dump());
      found != calls_.end() && found->second == call)
    calls_.erase(found);
}

void server::finish(const call_pointer& call, const failure& why) {
  finish(call, failure_text(why), true);
}

} // namespace banger::cli::mcp
