// The "session" commands on the command line. A part of parse.cpp.
#pragma once

#include "cli/options.hpp"
#include "protocol/result.hpp"

#include <string>

namespace CLI {
class App;
}

namespace banger::cli {

/// Adds the commands to `app`; what is read goes to `out`. All it is given outlives it.
class session_reader {
public:
  session_reader(CLI::App& app, options& out, std::string& grace, std::string& timeout);

  /// Turns texts into values, once the line has been read. Errors: bad_request.
  [[nodiscard]] result<void> check();

private:
  CLI::App* command(const std::string& name, verb what, const std::string& about,
                    const std::string& footer);
  void add_ref(CLI::App* to, const std::string& name, const std::string& about);
  void add_refs(CLI::App* to);
  void build_start();
  void build_attach();
  void build_send();
  void build_looks();
  void build_endings();
  void build_removals();
  result<void> check_from();
  result<void> check_roles();
  result<void> check_logs();

  options& out_;
  CLI::App* group_ = nullptr;
  std::string& grace_;
  std::string& timeout_;
  std::string input_ = "pipe", window_ = "smallest", journal_, from_, keys_, stream_ = "both",
              lines_, since_, older_than_, signal_ = "KILL";
  bool is_terminal_ = false, is_read_only_ = false, is_exclusive_ = false;
};

} // namespace banger::cli
