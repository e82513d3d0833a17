// Guest sessions as text for people; rules as in render.hpp.
#pragma once

#include "protocol/attach.hpp"
#include "protocol/sessions.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::cli {

[[nodiscard]] std::string session_table(const std::vector<session_info>& all, std::int64_t now_ms);
[[nodiscard]] std::string session_details(const session_info& x, std::int64_t now_ms);
[[nodiscard]] std::string attach_table(const attach_list& all, std::int64_t now_ms);
/// "running", "exited with 2", "ended by SIGKILL", "lost: ..."
[[nodiscard]] std::string session_state_text(const session_info& x);

} // namespace banger::cli
