// A program that carries a daemon's socket from another machine over its standard input and output,
// as `banger daemon connect` does at the end of an ssh.
#pragma once

#include "host/process.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>
#include <utility>
#include <vector>

namespace banger::client {

struct carrier {
  host::child process;
  host::unique_fd words; ///< what it writes to stderr: a file in memory
  std::string host;      ///< the other machine's name, for messages

  /// The last line of what it said.
  [[nodiscard]] std::string last_words() const;

  /// Why the way is broken: in the program's words where it has just ended, in ours else. Waits for
  /// it up to a second.
  [[nodiscard]] failure broke(std::string why) const;
};

/// Starts it. @param host  for messages. @returns it and our end of what it carries. Errors:
/// missing_program, failed.
[[nodiscard]] result<std::pair<carrier, host::unique_fd>>
start_carrier(const std::vector<std::string>& argv, const std::string& host);

/// Its end, where our end of what it carries is closed: what is under way arrives. Waits up to two
/// seconds.
void end_carrier(carrier& x);

} // namespace banger::client
