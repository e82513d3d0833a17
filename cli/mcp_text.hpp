// What a model reads of a tool's outcome. Pure.
#pragma once

#include "cli/rpc_jobs.hpp"
#include "protocol/errors.hpp"
#include "protocol/sessions.hpp"
#include "protocol/values.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace banger::cli::mcp {

/// The beginning and the end of what is too long.
class kept_output {
public:
  explicit kept_output(std::size_t most) : most_(most) {}
  void add(std::string_view bytes);
  /// With a line that says how much was left out between them.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_truncated() const { return size_ > most_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

private:
  std::size_t most_;
  std::string head_, tail_;
  std::uint64_t size_ = 0;
};

/// Exit code, stdout, stderr, and what there is to say of them.
[[nodiscard]] std::string exec_text(const rpc::exec_end& how, const kept_output& out,
                                    const kept_output& errors);

/// A failure with what to do about it in terms of tools.
[[nodiscard]] std::string failure_text(const failure& why);

[[nodiscard]] std::string sandbox_line(const vm_info& x);
[[nodiscard]] std::string session_line(const session_info& x);

/// `bytes` without the beginning of a character at its end: where a text may be cut.
[[nodiscard]] std::size_t whole_characters(std::string_view bytes);

/// The command line for `command` or `argv`. Errors: bad_request.
[[nodiscard]] result<std::vector<std::string>> command_of(const std::string& line,
                                                          std::vector<std::string> argv);

} // namespace banger::cli::mcp
