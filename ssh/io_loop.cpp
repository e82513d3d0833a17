#include "ssh/io_loop.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <system_error>
#include <utility>

namespace banger::ssh {

namespace {

failure has_stopped() {
  return {ec::cancelled, "ssh", "the ssh engine has stopped", {}};
}

// What a command that comes too late still owes its sender.
void refuse(const io_command& what, const connection_lost& why) {
  if (auto* opening = std::get_if<open_connection>(&what))
    opening->events->on_event(opening->id, 0, why);
  else if (auto* channel = std::get_if<open_channel>(&what))
    channel->events->on_event(connection_of(channel->id), channel->id, why);
}

} // namespace

io_loop::io_loop() : wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (wake_fd_ < 0)
    throw std::system_error(errno, std::generic_category(), "eventfd");
}

io_loop::~io_loop() {
  close(wake_fd_);
}

void io_loop::post(io_command what) {
  {
    auto lock = std::unique_lock(mutex_);
    if (is_stopping_) {
      lock.unlock();
      refuse(what, {has_stopped(), true});
      return;
    }
    queue_.push_back(std::move(what));
    if (queue_.size() > 1)
      return; // whoever queued the first has woken the loop
  }
  wake();
}

void io_loop::request_stop() {
  {
    auto lock = std::lock_guard(mutex_);
    is_stopping_ = true;
  }
  wake();
}

void io_loop::wake() const {
  std::uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(wake_fd_, &one, sizeof one);
}

void io_loop::run() {
  auto commands = std::vector<io_command>();
  for (;;) {
    bool goes_on = take(commands);
    for (auto& each : commands)
      std::visit([this](auto& what) { run_command(std::move(what)); }, each);
    commands.clear();
    if (!goes_on)
      break;
    step_connections();
    sleep();
  }
  end_all();
}

bool io_loop::take(std::vector<io_command>& into) {
  auto lock = std::lock_guard(mutex_);
  into.swap(queue_);
  return !is_stopping_;
}

void io_loop::step_connections() {
  auto now = connection::clock::now();
  for (auto& [id, each] : connections_)
    if (each->needs_step(now))
      each->step(now);
  std::erase_if(connections_, [](const auto& entry) { return entry.second->has_ended(); });
}

void io_loop::sleep() {
  polled_.assign(1, {wake_fd_, POLLIN, 0});
  polled_connections_.clear();
  for (auto& [id, each] : connections_)
    if (auto events = each->poll_events(); events != 0) {
      polled_.push_back({each->fd(), events, 0});
      polled_connections_.push_back(each.get());
    }
  int ready = ::poll(polled_.data(), polled_.size(), sleep_ms());
  wakes_.fetch_add(1, std::memory_order_relaxed);
  if (ready <= 0)
    return;
  // Emptied before the queue is taken: a command posted later wakes the loop again.
  if (polled_[0].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] auto size = ::read(wake_fd_, &count, sizeof count);
  }
  for (std::size_t i = 1; i < polled_.size(); ++i)
    if (polled_[i].revents != 0)
      polled_connections_[i - 1]->pump();
}

int io_loop::sleep_ms() const {
  auto now = connection::clock::now();
  auto soonest = std::optional<connection::clock::time_point>();
  for (const auto& [id, each] : connections_) {
    if (each->needs_step(now))
      return 0;
    if (auto due = each->deadline(); due && (!soonest || *due < *soonest))
      soonest = due;
  }
  if (!soonest)
    return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(*soonest - now).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

void io_loop::end_all() {
  for (auto& [id, each] : std::exchange(connections_, {}))
    each->end(has_stopped(), true);
}

void io_loop::run_command(open_connection what) {
  connections_[what.id] =
      std::make_unique<connection>(what.id, std::move(what.whom), std::move(what.events));
}

void io_loop::run_command(give_verdict what) {
  if (auto* found = find(what.id))
    found->verdict(what.accept, std::move(what.why));
}

void io_loop::run_command(close_connection what) {
  if (auto* found = find(what.id))
    found->cancel();
}

void io_loop::run_command(change_keepalive what) {
  if (auto* found = find(what.id))
    found->set_keepalive(what.rule);
}

void io_loop::run_command(open_channel what) {
  if (auto* found = find(connection_of(what.id))) {
    found->add_channel(what.id, std::move(what.what), std::move(what.events));
    return;
  }
  refuse(std::move(what),
         {{ec::link_lost, "open an ssh channel", "the connection has ended", {}}, false});
}

void io_loop::run_command(write_channel what) {
  if (auto* found = find_channel(what.id))
    found->write(std::move(what.bytes));
}

void io_loop::run_command(end_channel_input what) {
  if (auto* found = find_channel(what.id))
    found->send_eof();
}

void io_loop::run_command(grant_credit what) {
  if (auto* found = find_channel(what.id))
    found->grant(what.bytes);
}

void io_loop::run_command(close_one_channel what) {
  if (auto* found = find_channel(what.id))
    found->close();
}

connection* io_loop::find(connection_id id) {
  auto found = connections_.find(id);
  return found == connections_.end() || found->second->has_ended() ? nullptr : found->second.get();
}

channel* io_loop::find_channel(channel_id id) {
  auto* found = find(connection_of(id));
  return found == nullptr ? nullptr : found->use_channel(id);
}

} // namespace banger::ssh
