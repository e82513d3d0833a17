// The fault_at() of a daemon that is to be broken. BANGER_FAULT=POINT[.done]=WHAT, where WHAT is
// "kill", "throw" ("throw*2": only the first two times), or a code of errno(3) by name: EIO,
// ENOSPC, ENOMEM, EMFILE. ".done" is the moment after the step, when its effect is there and nobody
// knows.
// BANGER_FAULT_MARK=PATH: a file that is made when the point is reached.
#include "host/fault_point.hpp"

#include "protocol/result.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace banger::host {

namespace {

struct planned_fault {
  std::string point;
  std::string what;
  std::int64_t count = std::numeric_limits<std::int64_t>::max(); ///< how often
};

planned_fault read_plan() {
  const char* text = std::getenv("BANGER_FAULT");
  std::string plan = text == nullptr ? "" : text;
  auto split = plan.rfind('=');
  if (split == std::string::npos)
    return {};
  planned_fault found{plan.substr(0, split), plan.substr(split + 1)};
  if (auto star = found.what.find('*'); star != std::string::npos) {
    found.count = std::stoll(found.what.substr(star + 1));
    found.what.resize(star);
  }
  return found;
}

int error_number(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, int>, 4> known{
      {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE}}};
  for (const auto& [text, number] : known)
    if (text == name)
      return number;
  return EIO;
}

} // namespace

std::optional<failure> fault_at(const char* point, fault_moment when) {
  static const auto plan = read_plan();
  if (plan.point.empty() ||
      plan.point != point + std::string{when == fault_moment::after ? ".done" : ""})
    return std::nullopt;
  static std::atomic<std::int64_t> hits{0};
  if (++hits > plan.count)
    return std::nullopt;
  if (const char* mark = std::getenv("BANGER_FAULT_MARK"))
    ::close(::open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (plan.what == "kill") {
    ::kill(::getpid(), SIGKILL);
    for (;;)
      ::pause();
  }
  if (plan.what == "throw")
    throw std::runtime_error{"a planned fault at " + plan.point};
  return fail_errno("fault at " + plan.point, error_number(plan.what)).value();
}

} // namespace banger::host
