#include "protocol/caf_error.hpp"

#include <caf/atom.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace banger {

caf::error to_error(failure why) {
  auto code = why.code;
  return caf::make_error(code, std::move(why));
}

failure to_failure(const caf::error& error, std::string_view what) {
  if (error.category() == caf::atom("banger")) {
    if (error.context().match_elements<failure>())
      return error.context().get_as<failure>(0);
    return {static_cast<ec>(error.code()), std::string{what}, {}, {}};
  }
  if (error == caf::sec::request_timeout)
    return {ec::timed_out, std::string{what}, "no answer in time", {}};
  if (error == caf::sec::request_receiver_down)
    return {ec::failed, std::string{what}, "the part of the daemon that was asked has ended",
            "see the daemon's log"};
  return {ec::failed, std::string{what}, "internal error: " + to_string(error),
          "see the daemon's log"};
}

caf::error translated(const caf::error& error, std::string_view what) {
  return to_error(to_failure(error, what));
}

} // namespace banger
