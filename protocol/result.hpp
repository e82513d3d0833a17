// result<T>: a value, or the failure that kept it from being made.
#pragma once

#include "protocol/errors.hpp"

#include <tl/expected.hpp>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace banger {

template <class T>
using result = tl::expected<T, failure>;

/// Makes the unexpected arm of any result<T>.
[[nodiscard]] inline tl::unexpected<failure> fail(ec code, std::string what, std::string why = {},
                                                  std::string hint = {}) {
  return tl::make_unexpected(failure{code, std::move(what), std::move(why), std::move(hint)});
}

/// The failure of a system call, with errno's text. ENOSPC, EDQUOT and ENOENT get codes of their
/// own.
[[nodiscard]] inline tl::unexpected<failure> fail_errno(std::string what, int error = errno) {
  auto code = error == ENOSPC || error == EDQUOT ? ec::no_space
              : error == ENOENT                  ? ec::not_found
                                                 : ec::failed;
  return fail(code, std::move(what), std::generic_category().message(error));
}

} // namespace banger
