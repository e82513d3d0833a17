#include "port/port_io.hpp"

#include "port/port_link.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <functional>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace banger::port {

namespace {

constexpr std::uint64_t port_bit = 1ULL << 63;

/// The upper half of a stream's id is its connection.
constexpr connection_id connection_of(channel_id id) {
  return port_bit | ((id & ~port_bit) >> 32);
}

} // namespace

class port_io::engine {
public:
  using command = std::function<void(engine&)>;

  engine() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), thread_([this] { run(); }) {}
  ~engine() { stop(); }

  void stop() {
    auto once = std::lock_guard(stop_mutex_);
    {
      auto lock = std::lock_guard(mutex_);
      is_stopping_ = true;
    }
    wake();
    if (thread_.joinable())
      thread_.join();
  }

  connection_id next_connection() { return port_bit | ++last_connection_; }
  channel_id next_channel(connection_id connection) {
    return port_bit | (connection & ~port_bit) << 32 | ++last_channel_;
  }

  /// @returns false once it was stopped
  bool post(command what) {
    {
      auto lock = std::lock_guard(mutex_);
      if (is_stopping_)
        return false;
      queue_.push_back(std::move(what));
    }
    wake();
    return true;
  }

  /// nullptr where it has ended.
  port_link* find(connection_id id) {
    auto found = links_.find(id);
    return found == links_.end() ? nullptr : found->second.get();
  }

  void add(connection_id id, std::unique_ptr<port_link> link) {
    links_.emplace(id, std::move(link));
  }

private:
  void wake() const {
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
  }

  bool run_commands() {
    std::vector<command> commands;
    auto goes_on = true;
    {
      auto lock = std::lock_guard(mutex_);
      commands.swap(queue_);
      goes_on = !is_stopping_; // once it is, nothing wakes us any more
    }
    for (auto& each : commands)
      each(*this);
    return goes_on;
  }

  void sleep() {
    std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}};
    auto timeout = -1;
    const auto now = port_link::clock::now();
    for (const auto& [id, link] : links_) {
      polled.push_back(
          {link->fd(), static_cast<short>(POLLIN | (link->wants_write() ? POLLOUT : 0)), 0});
      if (auto due = link->deadline()) {
        const auto left = std::max<std::int64_t>(
            0, std::chrono::ceil<std::chrono::milliseconds>(*due - now).count());
        timeout = timeout < 0 ? static_cast<int>(left) : std::min(timeout, static_cast<int>(left));
      }
    }
    (void)::poll(polled.data(), polled.size(), timeout);
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
  }

  void run() {
    sigset_t all; // signals are the main thread's
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    while (run_commands()) {
      const auto now = port_link::clock::now();
      for (auto& [id, link] : links_)
        link->step(now);
      std::erase_if(links_, [](const auto& x) { return x.second->has_ended(); });
      sleep();
    }
    for (auto& [id, link] : links_)
      link->end("the daemon is ending", true);
    links_.clear();
  }

  std::atomic<std::uint32_t> last_connection_{0};
  std::atomic<std::uint32_t> last_channel_{0};
  std::mutex stop_mutex_;
  host::unique_fd wake_;
  std::mutex mutex_; // guards the next two
  std::vector<command> queue_;
  bool is_stopping_ = false;
  std::map<connection_id, std::unique_ptr<port_link>> links_;
  std::jthread thread_; // last: starts when everything else is there
};

port_io::port_io() : engine_(std::make_unique<engine>()) {}

port_io::~port_io() = default;

connection_id port_io::open(host::unique_fd socket, std::chrono::milliseconds patience,
                            std::shared_ptr<ssh::sink> events) {
  auto id = engine_->next_connection();
  // A command has to be copyable; the link is made here and started there.
  auto link = std::make_shared<std::unique_ptr<port_link>>(
      std::make_unique<port_link>(id, std::move(socket), patience, events));
  if (!engine_->post([id, link](engine& x) { x.add(id, std::move(*link)); }))
    (*link)->end("the daemon is ending", true);
  return id;
}

void port_io::close(connection_id connection) {
  engine_->post([connection](engine& x) {
    if (auto* link = x.find(connection); link != nullptr)
      link->end("its owner closed it", true);
  });
}

channel_id port_io::open_stream(connection_id connection, std::string first_bytes,
                                std::shared_ptr<ssh::sink> events) {
  auto id = engine_->next_channel(connection);
  const auto gone = [connection, id, events] {
    events->on_event(connection, id,
                     ssh::connection_lost{
                         {ec::link_lost, "use the guest's data port", "it is closed", {}}, false});
  };
  if (!engine_->post([connection, id, events, gone, first = std::move(first_bytes)](engine& x) {
        if (auto* link = x.find(connection); link != nullptr)
          link->open(id, first, events);
        else
          gone();
      }))
    gone();
  return id;
}

void port_io::write(channel_id channel, std::string bytes) {
  engine_->post([channel, bytes = std::move(bytes)](engine& x) {
    if (auto* link = x.find(connection_of(channel)); link != nullptr)
      link->write(channel, bytes);
  });
}

void port_io::send_eof(channel_id channel) {
  engine_->post([channel](engine& x) {
    if (auto* link = x.find(connection_of(channel)); link != nullptr)
      link->send_eof(channel);
  });
}

void port_io::took(channel_id channel, std::size_t bytes) {
  engine_->post([channel, bytes](engine& x) {
    if (auto* link = x.find(connection_of(channel)); link != nullptr)
      link->took(channel, bytes);
  });
}

void port_io::close_stream(channel_id channel) {
  engine_->post([channel](engine& x) {
    if (auto* link = x.find(connection_of(channel)); link != nullptr)
      link->close(channel);
  });
}

void port_io::stop() {
  engine_->stop();
}

} // namespace banger::port
