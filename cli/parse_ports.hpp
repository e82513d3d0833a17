// "vm ports" and "vm port-forward" on the command line. A part of parse.cpp.
#pragma once

#include "cli/options.hpp"
#include "protocol/result.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace banger::cli {

/// Adds the commands to group `vm`; what is read goes to `out`. All it is given outlives it.
class ports_reader {
public:
  ports_reader(CLI::App& vm, options& out);

  /// Turns texts into values, once the line has been read. Errors: bad_request.
  [[nodiscard]] result<void> check();

private:
  options& out_;
  std::vector<std::string> specs_;
};

} // namespace banger::cli
