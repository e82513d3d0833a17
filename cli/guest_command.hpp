// A command in a guest whose standard streams are this program's own business, not the user's.
#pragma once

#include "cli/exec_channel.hpp"
#include "cli/session.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace banger::cli {

/// Runs on the poll loop of its owner: wait for the link as client::connection says, pump it, then
/// take_messages(). The command ends with the connection at the latest.
class guest_command {
public:
  /// Errors: as open_exec.
  [[nodiscard]] static result<guest_command> open(session& talk, const std::string& ref,
                                                  const std::vector<std::string>& argv);

  /// Takes what has come. After it, output() has it.
  void take_messages(client::connection& link);

  /// What the command wrote to its stdout and was not taken yet. It may write more of it once it
  /// is taken.
  [[nodiscard]] const std::string& output() const { return output_; }
  void take_output();

  /// The end of what it wrote to its stderr.
  [[nodiscard]] const std::string& errors() const { return errors_; }

  /// How many bytes may be written now.
  [[nodiscard]] std::size_t input_room() const { return channel_.room(); }
  void write(std::string bytes) { channel_.send(std::move(bytes)); }

  [[nodiscard]] bool is_over() const { return channel_.is_over(); }
  /// Once it is over: why it could not be run, or broke off; and its status.
  [[nodiscard]] const failure& problem() const { return channel_.problem(); }
  [[nodiscard]] int status() const { return channel_.status(); }

private:
  guest_command(client::connection& link, const exec_opened& opened) : channel_(link, opened) {}

  exec_channel channel_;
  std::string output_;
  std::string errors_;
};

} // namespace banger::cli
