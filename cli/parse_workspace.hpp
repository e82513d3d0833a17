// The workspace commands on the command line.
#pragma once

#include "cli/options.hpp"
#include "protocol/result.hpp"

#include <string>

namespace CLI {
class App;
}

namespace banger::cli {

class workspace_reader {
public:
  explicit workspace_reader(options& out) : out_(out) {}

  /// Adds `banger workspace`.
  void build(CLI::App& app);

  /// For `vm run` too.
  void add_path(CLI::App* to, const std::string& about);
  void add_source_options(CLI::App* to);

  /// To be asked once the line has been read. Errors: bad_request.
  [[nodiscard]] result<void> check();

private:
  CLI::App* command(const std::string& name, verb what, const std::string& about,
                    const std::string& footer);
  void add_vm(CLI::App* to);
  void add_guest_path(CLI::App* to, const std::string& about);
  void build_looks();
  void build_sync();

  options& out_;
  CLI::App* group_ = nullptr;
  std::string mode_ = "shallow", depth_, direction_;
};

} // namespace banger::cli
