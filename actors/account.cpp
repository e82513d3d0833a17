#include "actors/account.hpp"

#include "actors/guard.hpp"
#include "protocol/caf_error.hpp"

#include <caf/exit_reason.hpp>

namespace banger::actors {

std::string counted(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

caf::error error_of(const std::exception_ptr& thrown) {
  return to_error({ec::failed, words_of(thrown), {}, {}});
}

bool is_orderly(const caf::error& reason) {
  return !reason || reason == caf::exit_reason::normal || reason == caf::exit_reason::user_shutdown;
}

} // namespace banger::actors
