#include "ssh/ssh_io.hpp"

#include "ssh/io_loop.hpp"

#include <csignal>

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace banger::ssh {

class ssh_io::engine {
public:
  engine() : thread_([this] { run(); }) {}
  ~engine() { stop(); }

  void stop() {
    auto lock = std::lock_guard(stop_mutex_);
    loop_.request_stop();
    if (thread_.joinable())
      thread_.join();
  }

  connection_id next_connection() { return ++last_connection_; }
  channel_id next_channel(connection_id connection) {
    return connection << 32 | static_cast<std::uint32_t>(++last_channel_);
  }
  io_loop& loop() { return loop_; }

private:
  void run() {
    // Signals are the main thread's; and SIGPIPE must not end the process.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    loop_.run();
  }

  std::atomic<connection_id> last_connection_{0};
  std::atomic<std::uint32_t> last_channel_{0};
  std::mutex stop_mutex_;
  io_loop loop_;
  std::jthread thread_; // last: starts when everything else is there
};

ssh_io::ssh_io() : engine_(std::make_unique<engine>()) {}

ssh_io::~ssh_io() = default;

connection_id ssh_io::open(target whom, std::shared_ptr<sink> events) {
  auto id = engine_->next_connection();
  engine_->loop().post(open_connection{id, std::move(whom), std::move(events)});
  return id;
}

void ssh_io::verdict(connection_id connection, bool accept, failure why) {
  engine_->loop().post(give_verdict{connection, accept, std::move(why)});
}

void ssh_io::close(connection_id connection) {
  engine_->loop().post(close_connection{connection});
}

void ssh_io::set_keepalive(connection_id connection, keepalive rule) {
  engine_->loop().post(change_keepalive{connection, rule});
}

channel_id ssh_io::open_exec(connection_id connection, std::string command,
                             std::size_t initial_credit, std::shared_ptr<sink> events) {
  auto id = engine_->next_channel(connection);
  engine_->loop().post(
      open_channel{id,
                   {channel_request::kind::exec, std::move(command), 0, {}, initial_credit},
                   std::move(events)});
  return id;
}

channel_id ssh_io::open_unix(connection_id connection, std::string socket_path,
                             std::string first_bytes, std::size_t initial_credit,
                             std::shared_ptr<sink> events) {
  auto id = engine_->next_channel(connection);
  engine_->loop().post(open_channel{id,
                                    {channel_request::kind::unix_socket, std::move(socket_path), 0,
                                     std::move(first_bytes), initial_credit},
                                    std::move(events)});
  return id;
}

channel_id ssh_io::open_tcp(connection_id connection, std::string host, std::uint16_t port,
                            std::size_t initial_credit, std::shared_ptr<sink> events) {
  auto id = engine_->next_channel(connection);
  engine_->loop().post(
      open_channel{id,
                   {channel_request::kind::tcp, std::move(host), port, {}, initial_credit},
                   std::move(events)});
  return id;
}

void ssh_io::write(channel_id channel, std::string bytes) {
  engine_->loop().post(write_channel{channel, std::move(bytes)});
}

void ssh_io::send_eof(channel_id channel) {
  engine_->loop().post(end_channel_input{channel});
}

void ssh_io::credit(channel_id channel, std::size_t bytes) {
  engine_->loop().post(grant_credit{channel, bytes});
}

void ssh_io::close_channel(channel_id channel) {
  engine_->loop().post(close_one_channel{channel});
}

void ssh_io::stop() {
  engine_->stop();
}

std::uint64_t ssh_io::wake_count() const {
  return engine_->loop().wake_count();
}

} // namespace banger::ssh
