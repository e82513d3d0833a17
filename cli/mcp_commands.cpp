// Tools that run commands in a sandbox, and those for files, which do so too: a part of
// mcp_server.hpp.
#include "cli/mcp_files.hpp"
#include "cli/mcp_server.hpp"
#include "cli/mcp_text.hpp"
#include "cli/rpc_values.hpp"

#include <algorithm>
#include <csignal>

namespace banger::cli::mcp {

using rpc::flag_in;
using rpc::number_in;
using rpc::text_in;

namespace {

constexpr std::chrono::seconds file_limit{120};
constexpr std::chrono::seconds progress_pause{1};

/// The last line of what a command wrote, for whoever watches.
std::string last_line(const std::string& bytes) {
  const auto end = bytes.find_last_not_of("\r\n");
  if (end == std::string::npos)
    return {};
  const auto start = bytes.find_last_of("\r\n", end);
  constexpr std::size_t longest = 200;
  return bytes.substr(start == std::string::npos ? 0 : start + 1, end - start).substr(0, longest);
}

/// What a command is at, between its hooks.
struct running {
  running(std::size_t most) : out(most), errors(most) {}
  kept_output out, errors;
  rpc::command* command = nullptr; ///< while it runs
  client::clock::time_point told{};
};

} // namespace

void server::exec(const call_pointer& call) {
  const auto& asked = call->arguments;
  auto argv = command_of(text_in(asked, "command"), rpc::texts_in(asked, "argv"));
  if (!argv)
    return finish(call, argv.error());
  auto link = loop_.link();
  if (!link)
    return finish(call, link.error());
  auto now = std::make_shared<running>(
      number_in<std::size_t>(asked, "max_output", std::size_t{exec_output}));
  const std::chrono::seconds limit{number_in<std::int64_t>(asked, "timeout_s", exec_seconds)};
  rpc::exec_hooks hooks;
  hooks.output = [this, call, now](bool is_stderr, const std::string& bytes) {
    (is_stderr ? now->errors : now->out).add(bytes);
    if (client::clock::now() - now->told < progress_pause)
      return;
    now->told = client::clock::now();
    progress(call, last_line(bytes));
  };
  hooks.ended = [this, call, now, limit](const rpc::exec_end& how) {
    if (how.why.code == ec::none)
      return finish(call, exec_text(how, now->out, now->errors));
    if (how.why.code != ec::timed_out)
      return finish(call, how.why);
    now->command->signal(SIGKILL);
    finish(call,
           "killed after " + std::to_string(limit.count()) +
               " s. What takes longer is a session: session_start, session_read.\n" +
               exec_text({0, SIGKILL, {ec::none, {}, {}, {}}}, now->out, now->errors),
           true);
  };
  const open_exec request{text_in(asked, "sandbox"), std::move(*argv), rpc::pairs_in(asked, "env"),
                          text_in(asked, "cwd"), exec_channel::output_credit};
  auto& made = loop_.jobs().add(std::make_unique<rpc::command>(**link, request, std::move(hooks)));
  now->command = &made;
  made.deadline = client::clock::now() + limit;
  (void)made.input().add(text_in(asked, "stdin"), true, [](const auto&) {});
  call->cancel = [&made] {
    made.signal(SIGKILL);
    made.end({ec::cancelled, "run a command", "cancelled", {}});
  };
}

/// Runs a script of ours and hands over all that it wrote, `most` bytes of it.
void server::run_in_sandbox(
    const call_pointer& call, std::vector<std::string> argv, const std::string& input,
    std::size_t most, std::function<void(const rpc::exec_end&, std::string, std::string)> then) {
  auto link = loop_.link();
  if (!link)
    return finish(call, link.error());
  struct texts {
    std::string out, errors;
  };
  auto said = std::make_shared<texts>();
  rpc::exec_hooks hooks;
  hooks.output = [said, most](bool is_stderr, const std::string& bytes) {
    auto& to = is_stderr ? said->errors : said->out;
    to.append(bytes, 0, most - std::min(most, to.size()));
  };
  hooks.ended = [this, call, said, then = std::move(then)](const rpc::exec_end& how) {
    if (how.why.code != ec::none)
      return finish(call, how.why);
    then(how, std::move(said->out), std::move(said->errors));
  };
  const open_exec request{
      text_in(call->arguments, "sandbox"), std::move(argv), {}, {}, exec_channel::output_credit};
  auto& made = loop_.jobs().add(std::make_unique<rpc::command>(**link, request, std::move(hooks)));
  made.deadline = client::clock::now() + file_limit;
  (void)made.input().add(input, true, [](const auto&) {});
  call->cancel = [&made] {
    made.signal(SIGKILL);
    made.end({ec::cancelled, "work on a file", "cancelled", {}});
  };
}

void server::write_file(const call_pointer& call) {
  const auto& asked = call->arguments;
  auto content = rpc::bytes_in(asked, "content");
  if (!content)
    return finish(call, content.error());
  if (auto ok = check_mode(text_in(asked, "mode")); !ok)
    return finish(call, ok.error());
  const auto path = text_in(asked, "path");
  const auto argv =
      write_script(path, text_in(asked, "mode"), flag_in(asked, "append"), content->size());
  constexpr std::size_t most_errors = 4096;
  run_in_sandbox(call, argv, *content, most_errors,
                 [this, call, path, size = content->size()](
                     const rpc::exec_end& how, const std::string&, const std::string& errors) {
                   if (how.exit_code == 0 && how.signal == 0)
                     finish(call, "wrote " + std::to_string(size) + " bytes to " + path);
                   else
                     finish(call, "'" + path + "' was not written: " + errors, true);
                 });
}

void server::read_file(const call_pointer& call) {
  auto wish = read_wish_of(call->arguments);
  if (!wish)
    return finish(call, wish.error());
  constexpr std::size_t header = 256;
  run_in_sandbox(call, read_script(*wish), {}, wish->max_bytes + header,
                 [this, call, wish = *wish](const rpc::exec_end& how, const std::string& out,
                                            const std::string& errors) {
                   if (how.exit_code != 0 || how.signal != 0)
                     finish(call, "'" + wish.path + "' cannot be read: " + errors, true);
                   else
                     finish(call, read_text(wish, out));
                 });
}

} // namespace banger::cli::mcp
