// Keeps a number of virtual machines running on several hosts, each on one host at a time, whatever
// becomes of hosts, links and itself. README.md tells how.
//   c++ -std=c++20 *.cpp $(pkg-config --cflags --libs banger) -pthread -o orchestrator
//   ./orchestrator --state fleet.json --host lab --host ssh://ada@big --count 4
#include "host_worker.hpp"
#include "options.hpp"
#include "state_file.hpp"
#include "state_text.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <pthread.h>
#include <thread>
#include <utility>

using namespace orchestrator;

namespace {

constexpr int ended_well = 0, no_state = 1, bad_usage = 2, replaced = 3;
constexpr std::chrono::milliseconds tick{100};
constexpr std::int64_t farewell_ms = 30'000; ///< the most that orders under way are waited for

void print(const change& x) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto at_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  std::fputs(to_line(x, at_ms).c_str(), stdout);
  std::fflush(stdout);
}

int complain(int status, const std::string& why) {
  std::fprintf(stderr, "orchestrator: %s\n", why.c_str());
  return status;
}

std::string boot_id() {
  std::string id;
  std::getline(std::ifstream{"/proc/sys/kernel/random/boot_id"}, id);
  return id;
}

/// The one thread that decides, between what hosts say and what they are asked.
class program {
public:
  program(options how, state_file& file)
      : how_(std::move(how)), file_(file), inbox_(std::make_shared<mailbox<message>>()) {}

  /// @returns the exit status
  int run() {
    known_ = taken_over(file_.found(), how_.wanted, boot_id(), boot_ms());
    if (!file_.save(saved_ = known_)) // the token, before any host hears of it
      return complain(no_state, file_.error());
    print({"started", {}, {}, "token " + std::to_string(known_.token)});
    const identity who{how_.name, known_.token, how_.image, how_.wanted.memory_mib,
                       how_.wanted.ttl_ms};
    for (const auto& host : how_.wanted.hosts)
      workers_.emplace(host, host_worker{host, who, inbox_});
    while (!status_) {
      act();
      if (auto x = status_ ? std::nullopt : inbox_->take_within(tick))
        std::visit([this](const auto& y) { take_in(y); }, *x);
    }
    return *status_;
  }

  void watch_signals(const sigset_t& signals) {
    std::thread{[to = inbox_, signals] {
      for (int number = 0; ::sigwait(&signals, &number) == 0;)
        to->post(stop_wanted{});
    }}.detach();
  }

private:
  void act() {
    auto next = decide(how_.wanted, known_, views_, boot_ms());
    if (stop_at_)
      next = leases_only(std::move(next));
    known_ = next.next;
    if (known_ != saved_ && !file_.save(saved_ = known_)) {
      status_ = complain(no_state, file_.error());
      return;
    }
    for (const auto& x : next.changes)
      print(x);
    note(views_, next);
    for (const auto& x : next.renewals)
      workers_.at(x.host).renew(x.stamp);
    for (const auto& x : next.orders)
      workers_.at(x.host).obey(x);
    if ((how_.is_once && next.is_done) || (stop_at_ && is_at_rest()))
      end(ended_well);
  }

  /// Once it is to end nothing new is begun, but what is under way has its leases.
  decision leases_only(decision x) const {
    decision less;
    less.next = known_;
    less.renewals = std::move(x.renewals);
    for (const auto& renewed : less.renewals)
      less.next.hosts[renewed.host] = x.next.hosts[renewed.host];
    return less;
  }

  bool is_at_rest() const {
    return boot_ms() >= *stop_at_ + farewell_ms ||
           std::none_of(views_.begin(), views_.end(), [](const auto& x) {
             return !x.second.under_way.empty() && x.second.ordered_ms == 0;
           });
  }

  void take_in(const renewal_ended& x) {
    if (x.is_refused) {
      status_ = complain(replaced, x.host + ": " + x.why);
      return;
    }
    tell(take(known_, views_[x.host], x, how_.wanted.ttl_ms));
  }

  void take_in(const order_ended& x) { tell(take(views_[x.what.host], x)); }

  void take_in(const stop_wanted&) {
    if (stop_at_)
      end(ended_well); // asked twice
    else
      stop_at_ = boot_ms();
  }

  void end(int status) {
    print({"stopped", {}, {}, {}});
    status_ = status;
  }

  static void tell(const std::vector<change>& changes) {
    for (const auto& x : changes)
      print(x);
  }

  options how_;
  state_file& file_;
  std::shared_ptr<mailbox<message>> inbox_;
  std::map<std::string, host_worker> workers_;
  views views_;
  fleet known_, saved_;
  std::optional<std::int64_t> stop_at_;
  std::optional<int> status_;
};

} // namespace

int main(int argc, char** argv) {
  const auto how = parse({argv + 1, argv + argc});
  if (how.is_help)
    return std::fputs(help_text, stdout) < 0;
  if (!how.error.empty())
    return complain(bad_usage, how.error);
  state_file file{how.state};
  if (!file.error().empty())
    return complain(no_state, file.error());
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT})
    sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr); // before any thread: all inherit it
  std::signal(SIGPIPE, SIG_IGN);
  program all{how, file};
  all.watch_signals(signals);
  std::_Exit(all.run()); // workers may wait for an answer yet; all that must last is on disk
}
