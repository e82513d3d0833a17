// The cert commands on the command line.
#pragma once

#include "cli/options.hpp"
#include "protocol/result.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace banger::cli {

class cert_reader {
public:
  explicit cert_reader(options& out) : out_(out) {}

  /// Adds `banger cert`.
  void build(CLI::App& app);

  /// To be asked once the line has been read. Errors: bad_request.
  [[nodiscard]] result<void> check();

private:
  CLI::App* command(const std::string& name, const std::string& about, const std::string& footer);
  void add_name(CLI::App* to);
  void build_issue();

  options& out_;
  CLI::App* group_ = nullptr;
  std::string verb_, name_, folder_, days_ = "365";
  std::vector<std::string> hosts_;
  bool is_client_too_ = false, renews_ = false;
};

} // namespace banger::cli
