// Runs the host's git. It never writes to the repository it looks at.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace banger::workspace {

struct finished {
  int status = 0; ///< exit status; 128+n where signal n ended it
  std::string out, err;
};

/// A program of ours that runs to its end while we wait. Blocks, but ends it at once when
/// `cancel_fd` can be read, which is then left to the caller to read.
class tool {
public:
  /// @param cancel_fd  not owned; -1: none
  /// Errors: missing_program.
  static result<tool> find(const std::string& program, const std::string& package, int cancel_fd);

  /// Runs it with `arguments` in `folder`. @param input  its stdin, any size
  /// @param environment  added to ours. Errors: cancelled, failed (it cannot be started).
  [[nodiscard]] result<finished> run(const std::string& folder,
                                     const std::vector<std::string>& arguments,
                                     std::string_view input = {},
                                     const std::vector<std::string>& environment = {}) const;

private:
  tool(std::string path, int cancel_fd) : path_(std::move(path)), cancel_fd_(cancel_fd) {}
  std::string path_;
  int cancel_fd_;
};

/// git in one folder. Variables of our environment that point git somewhere else are not passed on;
/// locks that git could do without are not taken, so its index is never rewritten.
class git {
public:
  static result<git> open(std::string folder, int cancel_fd);

  /// Works with another index instead of the repository's own.
  void use_index(const std::string& path) { environment_.push_back("GIT_INDEX_FILE=" + path); }

  /// Writes new objects to `folder`; those of the repository in `objects` are read all the same.
  void use_objects(const std::string& folder, const std::string& objects);

  [[nodiscard]] const std::string& folder() const { return folder_; }

  /// Any exit status is fine.
  [[nodiscard]] result<finished> run(const std::vector<std::string>& arguments,
                                     std::string_view input = {}) const;

  /// @returns its stdout. Errors: failed, with what it said, where it exits with another status
  /// than 0.
  [[nodiscard]] result<std::string> output(const std::vector<std::string>& arguments,
                                           std::string_view input = {}) const;

  /// Its stdout without the one newline at the end.
  [[nodiscard]] result<std::string> line(const std::vector<std::string>& arguments) const;

private:
  git(tool program, std::string folder) : tool_(std::move(program)), folder_(std::move(folder)) {}
  tool tool_;
  std::string folder_;
  std::vector<std::string> environment_;
};

/// The line that says why, of what git wrote to stderr: the first error, else the last line.
[[nodiscard]] std::string reason_in(std::string_view text);

} // namespace banger::workspace
