// The threads of one host. Requests block, so one renews and looks, and the other one does what
// takes longer than a lease: each has a connection of its own, which is cheap.
#pragma once

#include "mailbox.hpp"
#include "news.hpp"

#include <memory>
#include <string>
#include <variant>

namespace orchestrator {

/// The program is asked to end.
struct stop_wanted {};

using message = std::variant<renewal_ended, order_ended, stop_wanted>;

/// What is the same in all that is asked of any host.
struct identity {
  std::string name; ///< of the owner
  std::uint64_t token = 0;
  std::string image;
  std::uint32_t memory_mib = 0;
  std::int64_t ttl_ms = 0;
};

/// Time since the boot in which the host was suspended too.
[[nodiscard]] std::int64_t boot_ms();

/// Starts with its threads and answers each call with one message. The threads end with the
/// program: a request that a host does not answer can't be called back.
class host_worker {
public:
  host_worker(const std::string& host, const identity& who, std::shared_ptr<mailbox<message>> to);

  /// @param stamp  of an answer: the lease is to count from then
  void renew(std::uint64_t stamp);
  void obey(const order& x);

private:
  std::shared_ptr<mailbox<std::uint64_t>> renewals_;
  std::shared_ptr<mailbox<order>> orders_;
};

} // namespace orchestrator
