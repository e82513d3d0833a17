// banger session logs: what a session's command wrote, from the guest's journal.
#include "cli/attach_stream.hpp"
#include "cli/commands.hpp"
#include "cli/session.hpp"

#include <algorithm>
#include <deque>

namespace banger::cli {

namespace {

constexpr std::uint64_t first_look = 64U << 10;
constexpr std::uint64_t endless = UINT64_MAX / 2;
constexpr std::chrono::milliseconds attach_limit{40'000};

/// One look at the end of the output.
struct tail_look {
  std::uint64_t start = 0;               ///< offset where it began
  std::deque<std::uint64_t> line_starts; ///< offsets of the last lines, the newest last
};

/// Where each of the last `lines` lines begins, in the last `size` bytes.
result<tail_look> look(client::connection& link, const options& how, std::uint64_t size,
                       std::uint64_t lines) {
  attach_session request;
  request.ref = how.refs.front();
  request.client = client_label();
  request.origin = output_origin::last;
  request.from = size;
  request.follows = false;
  request.credit = endless;
  tail_look found;
  auto is_over = false;
  auto is_at_line_start = true;
  auto take = [&](const client::incoming& message) {
    if (auto x = client::decode<attach_output>(message)) {
      if (!(x->is_stderr ? how.session.shows_stderr : how.session.shows_stdout))
        return;
      for (std::size_t i = 0; i < x->bytes.size(); ++i) {
        if (is_at_line_start)
          found.line_starts.push_back(x->offset + i);
        if (found.line_starts.size() > lines)
          found.line_starts.pop_front();
        is_at_line_start = x->bytes[i] == '\n';
      }
    } else if (client::decode<attach_ended>(message)) {
      is_over = true;
    }
  };
  auto attached = link.ask<session_attached>(request, attach_limit, take);
  if (!attached)
    return tl::make_unexpected(attached.error());
  found.start = attached->offset;
  while (!is_over) {
    auto message = link.next(client::clock::now() + attach_limit);
    if (!message)
      return tl::make_unexpected(message.error());
    take(*message);
  }
  return found;
}

/// The offset where the last `lines` lines begin.
result<std::uint64_t> find_tail(client::connection& link, const options& how, std::uint64_t lines) {
  auto last_start = UINT64_MAX;
  for (auto size = first_look;; size *= 8) {
    auto found = look(link, how, size, lines + 1);
    if (!found)
      return tl::make_unexpected(found.error());
    // The first line of a look may be the rest of one, unless the look began at the very start.
    if (found->line_starts.size() > lines)
      return found->line_starts[1];
    if (found->start == 0 || found->start == last_start) // more is not kept
      return found->line_starts.empty() ? found->start : found->line_starts.front();
    last_start = found->start;
  }
}

} // namespace

int session_logs(client::connection link, const host::paths& where, const options& how) {
  attach_wish wish;
  auto& request = wish.request;
  request.ref = how.refs.front();
  request.follows = how.follows;
  wish.shows_stdout = how.session.shows_stdout;
  wish.shows_stderr = how.session.shows_stderr;
  wish.is_status_passed = false;
  if (how.session.since_ms != 0) {
    request.origin = output_origin::since_ms;
    request.from = static_cast<std::uint64_t>(how.session.since_ms);
  } else if (how.tail_bytes != 0) {
    auto from = find_tail(link, how, how.tail_bytes);
    if (!from)
      return report(from.error(), how);
    request.from = *from;
  }
  return attach_and_stream(std::move(link), where, how, wish);
}

} // namespace banger::cli
