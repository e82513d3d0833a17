#include "cli/guest_script.hpp"

#include "core/exit_code.hpp"
#include "core/git_text.hpp"
#include "core/workspace_script.hpp"
#include "host/scratch_file.hpp"

#include <csignal>
#include <utility>

namespace banger::cli {

result<script_end> run_script_to(session& talk, const std::string& ref,
                                 const std::vector<std::string>& argv, int in, int out) {
  auto err = host::make_scratch_file();
  if (!err)
    return tl::make_unexpected(err.error());
  auto done = run_in_guest(talk, ref, argv, {in, out, err->get()});
  if (!done)
    return tl::make_unexpected(done.error());
  if (done->status == core::exit_signalled + SIGINT)
    return fail(ec::cancelled, "work in vm '" + ref + "'", "cancelled");
  auto said = host::read_scratch_file(*err);
  return said ? result<script_end>{script_end{done->status, {}, std::move(*said), done->taken}}
              : tl::make_unexpected(said.error());
}

result<script_end> run_script(session& talk, const std::string& ref,
                              const std::vector<std::string>& argv, int in) {
  auto out = host::make_scratch_file();
  if (!out)
    return tl::make_unexpected(out.error());
  auto end = run_script_to(talk, ref, argv, in, out->get());
  auto text = host::read_scratch_file(*out);
  if (end && !text)
    return tl::make_unexpected(text.error());
  if (end)
    end->out = std::move(*text);
  return end;
}

namespace {

/// The line that says why. tar goes on after an error, and ends with a line that says that there
/// was one.
std::string reason_in(const std::string& said) {
  auto full = said.find("No space left on device");
  if (full != std::string::npos) {
    auto start = said.rfind('\n', full) + 1;
    return said.substr(start, said.find('\n', full) - start);
  }
  auto lines = core::split_lines(said);
  std::erase_if(lines, [](const auto& line) {
    return line.empty() || line.starts_with("tar: Exiting with failure");
  });
  return lines.empty() ? std::string{} : lines.back();
}

} // namespace

failure script_failure(const std::string& what, const script_end& end) {
  using core::script_status;
  auto why = reason_in(end.err);
  switch (static_cast<script_status>(end.status)) {
    case script_status::missing_git:
      return {ec::missing_program, what, why, "banger vm exec VM -- apt-get install -y git"};
    case script_status::exists:
      return {ec::already_exists, what, why,
              "--guest-path puts it elsewhere; banger workspace sync brings one that is there up "
              "to date"};
    case script_status::unknown:
      return {ec::not_found, what, why, "banger workspace prepare VM PATH makes one"};
    case script_status::changed:
      return {ec::wrong_state, what, why,
              "banger workspace export saves them; --force overwrites them"};
    case script_status::conflict: return {ec::wrong_state, what, why, "commit or stash them first"};
    case script_status::bad_base:
      return {ec::not_found, what, why, "--depth at workspace prepare takes more history along"};
  }
  if (why.find("No space left") != std::string::npos)
    return {ec::no_space, what, why, "--disk at vm create makes /root larger"};
  if (why.empty())
    why = "a script in the guest ended with status " + std::to_string(end.status);
  return {ec::failed, what, why, ""};
}

} // namespace banger::cli
