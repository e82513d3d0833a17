// The options that say what a new VM is: of vm run and vm create.
#pragma once

#include "cli/parse_resources.hpp"
#include "protocol/result.hpp"
#include "protocol/values.hpp"

#include <string>

namespace CLI {
class App;
} // namespace CLI

namespace banger::cli {

class config_reader {
public:
  /// @param config  what is read goes here; outlives this
  explicit config_reader(vm_config& config) : config_(config) {}

  void build(CLI::App* to);

  /// The texts of its sizes, for another command that has these options.
  [[nodiscard]] size_texts sizes() { return {vcpu_, memory_, disk_}; }

  [[nodiscard]] bool has_sizes() const {
    return !vcpu_.empty() || !memory_.empty() || !disk_.empty();
  }

  /// To be called once the line has been read. Errors: bad_request.
  [[nodiscard]] result<void> check();

private:
  [[nodiscard]] result<void> check_network();

  vm_config& config_;
  std::string memory_, disk_, vcpu_, driver_, network_, root_disk_;
  bool has_no_nat_ = false;
};

} // namespace banger::cli
