#include "core/error_name.hpp"

namespace banger::core {

ec error_code(std::string_view name) {
  constexpr auto last = static_cast<unsigned>(ec::image_failed);
  for (unsigned i = 0; i <= last; ++i)
    if (to_string(static_cast<ec>(i)) == name)
      return static_cast<ec>(i);
  return ec::failed;
}

} // namespace banger::core
