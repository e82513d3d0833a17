#include "protocol/orders.hpp"

namespace banger {

std::string to_string(order_kind x) {
  switch (x) {
    case order_kind::create: return "create";
    case order_kind::start: return "start";
    case order_kind::stop: return "stop";
    case order_kind::restart: return "restart";
    case order_kind::kill: return "kill";
    case order_kind::remove: return "delete";
    case order_kind::build: return "build";
    case order_kind::set: return "set";
  }
  return "order(" + std::to_string(static_cast<unsigned>(x)) + ")";
}

std::string to_string(recovery x) {
  switch (x) {
    case recovery::unchanged: return "unchanged";
    case recovery::adopted: return "adopted";
    case recovery::settled: return "settled";
    case recovery::rolled_back: return "rolled back";
    case recovery::failed: return "failed";
  }
  return "recovery(" + std::to_string(static_cast<unsigned>(x)) + ")";
}

} // namespace banger
