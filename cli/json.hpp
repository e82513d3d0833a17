// Answers as JSON for programs: every field is always there; what has no value is null. The root
// and the items of a list are records; names are those of the protocol's structs. Times are Unix
// milliseconds.
#pragma once

#include "protocol/errors.hpp"
#include "protocol/requests.hpp"
#include "protocol/values.hpp"

#include <string>
#include <vector>

namespace banger::cli {

[[nodiscard]] std::string json(const vm_info& vm);
[[nodiscard]] std::string json(const vm_list& vms);
[[nodiscard]] std::string json(const image_info& image);
[[nodiscard]] std::string json(const image_list& images);
[[nodiscard]] std::string json(const daemon_status& status);
[[nodiscard]] std::string json(const event_happened& event); ///< one line
[[nodiscard]] std::string json(const failure& why);          ///< {"error": {...}}

/// One thing a verb was done to, and how it went.
struct outcome {
  std::string ref;
  bool is_ok = false;
  vm_info vm;
  failure why{ec::none, {}, {}, {}};
};

[[nodiscard]] std::string json(const std::vector<outcome>& outcomes); ///< {"results": [...]}

[[nodiscard]] std::string version_json(const std::string& client, const std::string& daemon);

} // namespace banger::cli
