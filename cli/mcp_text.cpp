#include "cli/mcp_text.hpp"

#include "cli/rpc_message.hpp"
#include "cli/session_render.hpp"

#include <algorithm>

namespace banger::cli::mcp {

namespace {

bool is_inside_character(char c) {
  constexpr unsigned mask = 0xC0, inside = 0x80;
  return (static_cast<unsigned char>(c) & mask) == inside;
}

/// Sections are told apart by their titles.
std::string without_end(std::string text) {
  if (text.ends_with('\n'))
    text.pop_back();
  return text;
}

std::string section(const char* name, const kept_output& x) {
  if (x.size() == 0)
    return {};
  auto text = x.text();
  const auto* note = rpc::is_utf8(text) ? "" : " (not UTF-8: sandbox_read_file has bytes)";
  return std::string{"\n--- "} + name + note + "\n" + without_end(std::move(text));
}

std::string advice(const failure& why) {
  switch (why.code) {
    case ec::not_found:
      return "sandbox_list and session_list show what there is; sandbox_create makes a sandbox.";
    case ec::wrong_state:
      return "sandbox_list and session_list show states; sandbox_start boots a sandbox that is "
             "stopped.";
    case ec::already_exists: return "Take another name, or none.";
    case ec::busy: return "Try again when what runs on it is over.";
    case ec::unreachable:
      return "Try again: the daemon is started when it is needed. Sandboxes that were not kept may "
             "be gone: sandbox_list.";
    case ec::timed_out: return "Try again, or with a longer time.";
    case ec::no_space: return "Delete what is not needed.";
    case ec::none:
    case ec::failed:
    case ec::bad_request:
    case ec::cancelled:
    case ec::version_mismatch:
    case ec::host_key_mismatch:
    case ec::host_key_revoked:
    case ec::missing_program:
    case ec::unsafe_path:
    case ec::hypervisor_failed:
    case ec::guest_not_ready:
    case ec::link_lost:
    case ec::storage_failed:
    case ec::image_failed: break;
  }
  return why.hint.empty() ? std::string{} : "Hint for the user: " + why.hint;
}

} // namespace

void kept_output::add(std::string_view bytes) {
  size_ += bytes.size();
  const auto to_head = std::min(bytes.size(), most_ / 2 - std::min(most_ / 2, head_.size()));
  head_ += bytes.substr(0, to_head);
  tail_ += bytes.substr(to_head);
  const auto most_tail = most_ - most_ / 2;
  if (tail_.size() > 2 * most_tail) // now and then, not for each byte
    tail_.erase(0, tail_.size() - most_tail);
}

std::string kept_output::text() const {
  const auto most_tail = most_ - most_ / 2;
  auto first = tail_.size() - std::min(tail_.size(), most_tail);
  if (!is_truncated())
    return head_ + tail_;
  while (first < tail_.size() && is_inside_character(tail_[first]))
    ++first;
  const auto head = whole_characters(head_);
  const auto left_out = size_ - head - (tail_.size() - first);
  return head_.substr(0, head) + "\n[" + std::to_string(left_out) + " bytes left out here]\n" +
         tail_.substr(first);
}

std::string exec_text(const rpc::exec_end& how, const kept_output& out, const kept_output& errors) {
  auto text = how.signal != 0 ? "ended by signal " + std::to_string(how.signal)
                              : "exit code " + std::to_string(how.exit_code);
  text += section("stdout", out) + section("stderr", errors);
  if (out.is_truncated() || errors.is_truncated())
    text +=
        "\n--- note\nWhat was left out is not kept. Run it again with its output in a file "
        "(COMMAND > /tmp/out 2>&1) and read that with sandbox_read_file, or as a session, whose "
        "output is kept: session_start, session_read.";
  return text;
}

std::string failure_text(const failure& why) {
  const auto more = advice(why);
  return to_string(why) + (more.empty() ? "" : ". " + more);
}

std::string sandbox_line(const vm_info& x) {
  return x.name + ": " + to_string(x.state) + ", image " + x.image + ", " +
         std::to_string(x.vcpu_count) + " vcpu, " + std::to_string(x.memory_mib) + " MiB" +
         (x.is_isolated ? ", no network" : "") +
         (x.is_ephemeral ? ", deleted with the client that made it" : "") +
         (x.last_error.empty() ? "" : "; last error: " + x.last_error);
}

std::string session_line(const session_info& x) {
  return x.vm_name + "/" + x.config.name + ": " + session_state_text(x) + ": " +
         without_end(to_text(x.config.argv, -1));
}

std::size_t whole_characters(std::string_view bytes) {
  auto last = bytes.size();
  constexpr std::size_t longest = 4;
  while (last > 0 && bytes.size() - last < longest && is_inside_character(bytes[last - 1]))
    --last;
  if (last == 0)
    return bytes.size();
  const auto first = static_cast<unsigned char>(bytes[last - 1]);
  const std::size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return bytes.size() - (last - 1) < length ? last - 1 : bytes.size();
}

result<std::vector<std::string>> command_of(const std::string& line,
                                            std::vector<std::string> argv) {
  if (line.empty() == argv.empty())
    return fail(ec::bad_request, "give either command, a line for sh, or argv, a list");
  if (!line.empty())
    return std::vector<std::string>{"sh", "-c", line};
  return argv;
}

} // namespace banger::cli::mcp
