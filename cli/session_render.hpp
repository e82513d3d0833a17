// Guest sessions as text for people, and as JSON for programs (rules as in render.hpp, json.hpp).
#pragma once

#include "cli/json.hpp"
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

[[nodiscard]] std::string json(const session_info& x);
[[nodiscard]] std::string json(const session_list& all);
[[nodiscard]] std::string json(const attach_list& all);
[[nodiscard]] std::string json(const std::vector<outcome<session_info>>& outcomes);

// One line each: what an attach prints.
[[nodiscard]] std::string output_json(const attach_output& x);
[[nodiscard]] std::string gap_json(const attach_gap& x);
[[nodiscard]] std::string notice_json(const std::string& text);
[[nodiscard]] std::string end_json(const session_info& x);

} // namespace banger::cli
