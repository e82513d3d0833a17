// events: what happened, from where the user wants it, each once. owner renew.
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "client/launch.hpp"

#include <cstdio>
#include <thread>
#include <utility>

namespace banger::cli {

namespace {

constexpr std::uint32_t credit = 512;

class event_reader {
public:
  event_reader(client::connection link, const host::paths& where, const options& how)
      : link_(std::move(link)), where_(where), how_(how), request_(how.events) {
    request_.credit = credit;
  }

  int run() {
    for (;;) {
      auto ended = subscribe();
      if (ended)
        ended = read_on();
      if (ended)
        return core::exit_ok;
      const auto is_lost = ended.error().code == ec::unreachable;
      const auto host = link_.greeting().host_id;
      if (!is_lost || !how_.follows || !comes_back())
        return report(ended.error(), how_);
      if (has_place_ && link_.greeting().host_id != host)
        return report({ec::wrong_state, "follow events",
                       "another host is there now, whose events have numbers of their own",
                       "banger events -f begins with those to come"},
                      how_);
    }
  }

private:
  result<void> subscribe() {
    auto at = link_.ask<events_subscribed>(request_, quick_limit);
    if (!at)
      return tl::make_unexpected(at.error());
    last_ = at->newest;
    next_ = at->first;
    has_place_ = true;
    return {};
  }

  /// Until the last one that is wanted.
  result<void> read_on() {
    std::uint32_t unpaid = 0;
    while (how_.follows || next_ <= last_) {
      auto message = link_.next(client::clock::now() + std::chrono::hours{24});
      if (!message && message.error().code == ec::timed_out)
        continue;
      if (!message)
        return tl::make_unexpected(message.error());
      if (!show(*message))
        return {}; // nobody reads what we write
      if (++unpaid >= credit / 4)
        link_.tell(event_credit{std::exchange(unpaid, 0)});
    }
    return {};
  }

  /// @returns false where it could not be written
  bool show(const client::incoming& message) {
    if (auto event = client::decode<event_happened>(message)) {
      next_ = event->sequence + 1;
      return write_all(1, how_.is_json ? json(*event) : event_line(*event));
    }
    auto gap = client::decode<events_missed>(message);
    if (!gap)
      return true;
    next_ = gap->to + 1;
    if (how_.is_json)
      return write_all(1, json(*gap));
    std::fprintf(stderr, "banger: events %llu to %llu are no longer kept\n",
                 static_cast<unsigned long long>(gap->from),
                 static_cast<unsigned long long>(gap->to));
    return true;
  }

  /// The daemon is gone. One that crashed is started, for the one after that which was told to end
  /// we wait. Where nothing was read yet, nothing is asked for twice.
  bool comes_back() {
    const auto until = client::clock::now() + std::chrono::seconds{30};
    if (has_place_)
      request_ = {events_from::after, next_ - 1, credit};
    client::launch_options launch;
    launch.may_start = !link_.was_dismissed();
    while (client::clock::now() < until) {
      if (auto link = client::connect_or_start(where_, launch)) {
        link_ = std::move(*link);
        std::fprintf(stderr, "banger: connected again\n");
        return true;
      }
      constexpr std::chrono::milliseconds pause{250};
      std::this_thread::sleep_for(pause);
    }
    return false;
  }

  client::connection link_;
  const host::paths& where_;
  const options& how_;
  subscribe_events request_;
  std::uint64_t next_ = 1; ///< sequence of the next event
  std::uint64_t last_ = 0; ///< the newest there was when we came
  bool has_place_ = false; ///< we were subscribed
};

} // namespace

int owner_renew(client::connection link, const options& how) {
  auto lease = link.ask<owner_lease>(how.owner, quick_limit);
  if (!lease)
    return report(lease.error(), how);
  std::string names;
  for (const auto& name : lease->vms)
    names += name + "\n";
  print(how.is_json ? json(*lease) : names);
  if (lease->left_ms == 0 && !how.is_json)
    std::fputs("banger: there is no lease: that stamp is too old, or none of this daemon\n",
               stderr);
  return core::exit_ok;
}

int show_events(client::connection link, const host::paths& where, const options& how) {
  return event_reader{std::move(link), where, how}.run();
}

} // namespace banger::cli
