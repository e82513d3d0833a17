// The QEMU Machine Protocol, as far as we speak it: one JSON object a line. Pure.
// Source: QEMU's docs/interop/qmp-spec.
#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace banger::core {

/// QEMU's first line. Answer it with qmp_capabilities, or nothing else works.
struct qmp_greeting {};

struct qmp_reply {
  std::string id; ///< of the command it answers; empty where that had none
};

struct qmp_error {
  std::string id;
  std::string text;
};

struct qmp_event {
  std::string name;      ///< "SHUTDOWN", "POWERDOWN", "STOP", ...
  std::string reason;    ///< of SHUTDOWN: "guest-shutdown", "host-qmp-quit", ...
  bool by_guest = false; ///< of SHUTDOWN
};

/// A line that is none of these, or no JSON at all.
struct qmp_unknown {};

using qmp_message = std::variant<qmp_greeting, qmp_reply, qmp_error, qmp_event, qmp_unknown>;

/// Never throws, whatever the line.
[[nodiscard]] qmp_message parse_qmp(std::string_view line);

/// A command without arguments, with its line feed; its name is also its id.
[[nodiscard]] std::string qmp_command(std::string_view name);

} // namespace banger::core
