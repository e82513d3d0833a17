// Finds what a user means by "box/make-1", and names what they did not name.
#pragma once

#include "protocol/result.hpp"
#include "protocol/sessions.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

struct session_ref {
  std::string vm;      ///< a VM's ref
  std::string session; ///< a session's name, id or the start of an id
};

/// Takes "VM/NAME" apart. Errors: bad_request.
[[nodiscard]] result<session_ref> split_session_ref(std::string_view ref);

/// The name of a command's session where none was given: what it runs and a number, "make-2".
/// @param taken  the names that there are
[[nodiscard]] std::string session_name_for(const std::vector<std::string>& argv,
                                           const std::vector<std::string>& taken);

/// Whether a session can be made so. Errors: bad_request, saying what is wrong.
[[nodiscard]] result<void> check_session_config(const session_config& x);

} // namespace banger::core
