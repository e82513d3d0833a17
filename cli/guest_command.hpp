// A command in a guest whose standard streams are this program's own business, not the user's.
#pragma once

#include "cli/session.hpp"

#include <cstdint>
#include <string>
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
  void take_output(client::connection& link);

  /// The end of what it wrote to its stderr.
  [[nodiscard]] const std::string& errors() const { return errors_; }

  /// How many bytes may be written now.
  [[nodiscard]] std::size_t input_room(const client::connection& link) const;
  void write(client::connection& link, std::string bytes);

  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] const exec_ended& end() const { return end_; } ///< once it is over

private:
  explicit guest_command(const exec_opened& opened)
      : number_(opened.exec), input_credit_(opened.input_credit) {}
  void take(const exec_output& piece);
  void pay(client::connection& link);

  std::uint64_t number_;
  std::uint32_t input_credit_;
  std::uint32_t unpaid_ = 0; ///< bytes of output that were dealt with
  std::string output_;
  std::string errors_;
  bool is_over_ = false;
  exec_ended end_;
};

} // namespace banger::cli
