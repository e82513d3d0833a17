#include "client/carrier.hpp"

#include "core/last_line.hpp"
#include "host/unix_socket.hpp"

#include <algorithm>
#include <csignal>
#include <sys/mman.h>
#include <unistd.h>

namespace banger::client {

namespace {

constexpr int patience_ms = 1'000;

} // namespace

std::string carrier::last_words() const {
  constexpr std::size_t most = 4096;
  const auto size = ::lseek(words.get(), 0, SEEK_END);
  std::string text(std::min(static_cast<std::size_t>(std::max<off_t>(size, 0)), most), '\0');
  const auto n =
      ::pread(words.get(), text.data(), text.size(), size - static_cast<off_t>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  return core::last_line(text);
}

failure carrier::broke(std::string why) const {
  // It has just closed its end; what it has to say comes with its own.
  if (host::ends_within(process.pidfd, patience_ms))
    if (auto said = last_words(); !said.empty())
      why = std::move(said);
  return {ec::unreachable, "the way to host '" + host + "' broke", std::move(why),
          "what it takes to get there: docs/hosts.md"};
}

result<std::pair<carrier, host::unique_fd>> start_carrier(const std::vector<std::string>& argv,
                                                          const std::string& host) {
  auto ends = host::socket_pair();
  if (!ends)
    return tl::make_unexpected(ends.error());
  host::unique_fd words{::memfd_create("words", MFD_CLOEXEC)};
  if (!words)
    return fail_errno("reach host '" + host + "'");
  const auto theirs = ends->second.get();
  // A session of its own: Ctrl-C is for us, who have something to say to the daemon then.
  auto process = host::spawn({argv, {}, {{theirs, 0}, {theirs, 1}, {words.get(), 2}}, true});
  if (!process)
    return fail(ec::missing_program, "reach host '" + host + "'", process.error().why);
  return std::pair{carrier{std::move(*process), std::move(words), host}, std::move(ends->first)};
}

void end_carrier(carrier& x) {
  if (!host::ends_within(x.process.pidfd, patience_ms))
    host::signal_process(x.process.pidfd, SIGKILL);
  (void)host::ends_within(x.process.pidfd, patience_ms);
  (void)host::reap(x.process.pidfd);
}

} // namespace banger::client
