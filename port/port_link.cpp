#include "port/port_link.hpp"

#include "guest/wire.h"
#include "host/random.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <utility>

namespace banger::port {

namespace {

constexpr std::size_t read_size = 256U << 10;
constexpr std::size_t pay_step = PORT_WINDOW / 4;
constexpr std::chrono::milliseconds first_reset_pause{200};

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

failure lost(const std::string& why) {
  return {ec::link_lost, "use the guest's data port", why, {}};
}

} // namespace

port_link::port_link(connection_id id, host::unique_fd socket, std::chrono::milliseconds patience,
                     std::shared_ptr<ssh::sink> events)
    : id_(id), socket_(std::move(socket)), events_(std::move(events)),
      until_(clock::now() + patience), reset_pause_(first_reset_pause),
      buffer_(std::make_unique_for_overwrite<char[]>(read_size)) {
  send_reset(clock::now());
}

/// The guest may drop what comes while it is still busy with the end of the host before us: asked
/// again, it is by another nonce, so that only an answer to the last one counts.
void port_link::send_reset(clock::time_point now) {
  nonce_ = host::random_bytes(PORT_NONCE_SIZE);
  out_.append(PORT_PADDING, '\0'); // ends whatever frame a host before us left unfinished
  unsigned char payload[2 + PORT_NONCE_SIZE];
  port_put_nonce(payload, bytes_of(nonce_));
  put(port_reset, 0, {reinterpret_cast<const char*>(payload), sizeof payload});
  next_reset_ = now + reset_pause_;
  reset_pause_ *= 2;
}

void port_link::emit(ssh::event what) {
  events_->on_event(id_, 0, std::move(what));
}

void port_link::put(std::uint8_t type, std::uint32_t number, std::string_view payload) {
  const auto at = out_.size();
  out_.resize(at + PORT_OVERHEAD + payload.size());
  port_put(reinterpret_cast<unsigned char*>(out_.data()) + at, type, number, payload.data(),
           static_cast<std::uint32_t>(payload.size()));
}

void port_link::open(channel_id id, std::string first_bytes, std::shared_ptr<ssh::sink> events) {
  if (has_ended()) {
    events->on_event(id_, id, ssh::connection_lost{lost("it is closed"), false});
    return;
  }
  const auto number = ++last_number_;
  numbers_.emplace(id, number);
  auto& x = streams_[number];
  x.id = id;
  x.events = std::move(events);
  put(port_open, number, {});
  x.events->on_event(id_, id, ssh::channel_opened{}); // a refusal is a close
  x.queue = std::move(first_bytes);
  pump(number, x);
}

void port_link::write(channel_id id, std::string bytes) {
  auto found = numbers_.find(id);
  if (found == numbers_.end())
    return;
  auto& x = streams_.at(found->second);
  x.queue += bytes;
  pump(found->second, x);
}

/// Sends what the guest has room for.
void port_link::pump(std::uint32_t number, stream& x) {
  while (x.queue_sent < x.queue.size() && x.credit > 0) {
    const auto count = std::min(
        {x.queue.size() - x.queue_sent, x.credit, static_cast<std::size_t>(PORT_DATA_MAX)});
    put(port_data, number, std::string_view{x.queue}.substr(x.queue_sent, count));
    x.queue_sent += count;
    x.credit -= count;
    x.sent += count;
  }
  if (x.queue_sent < x.queue.size())
    return;
  x.queue.clear();
  x.queue_sent = 0;
  if (std::exchange(x.is_ending, false))
    put(port_end, number, {});
}

void port_link::send_eof(channel_id id) {
  auto found = numbers_.find(id);
  if (found == numbers_.end())
    return;
  auto& x = streams_.at(found->second);
  x.is_ending = true;
  pump(found->second, x);
}

void port_link::took(channel_id id, std::size_t bytes) {
  auto found = numbers_.find(id);
  if (found == numbers_.end())
    return;
  auto& x = streams_.at(found->second);
  x.unpaid += bytes;
  if (x.unpaid < pay_step)
    return;
  unsigned char more[4];
  wire_store_u32(more, static_cast<std::uint32_t>(std::exchange(x.unpaid, 0)));
  put(port_credit, found->second, {reinterpret_cast<const char*>(more), sizeof more});
}

void port_link::close(channel_id id) {
  auto found = numbers_.find(id);
  if (found == numbers_.end())
    return;
  put(port_close, found->second, {});
  auto gone = streams_.extract(found->second);
  numbers_.erase(found);
  gone.mapped().events->on_event(id_, id, ssh::channel_closed{});
}

void port_link::end(const std::string& why, bool terminal) {
  if (has_ended())
    return;
  socket_.reset();
  out_.clear();
  sent_ = 0;
  numbers_.clear();
  for (auto& [number, x] : std::exchange(streams_, {}))
    x.events->on_event(id_, x.id, ssh::connection_lost{lost(why), terminal});
  emit(ssh::connection_lost{lost(why), terminal});
  events_.reset();
}

std::optional<port_link::clock::time_point> port_link::deadline() const {
  return is_ready_ || has_ended() ? std::nullopt : std::optional{std::min(until_, next_reset_)};
}

void port_link::step(clock::time_point now) {
  if (has_ended())
    return;
  flush();
  read();
  flush();
  if (has_ended() || is_ready_)
    return;
  if (now >= until_) {
    end("the guest does not answer on it", false);
  } else if (now >= next_reset_ && !wants_write()) {
    send_reset(now);
    flush();
  }
}

void port_link::flush() {
  while (!has_ended() && wants_write()) {
    auto n = ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      break;
    if (n < 0) {
      end(std::strerror(errno), false);
      return;
    }
    sent_ += static_cast<std::size_t>(n);
  }
  if (sent_ == out_.size() || sent_ > read_size) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
}

void port_link::read() {
  if (has_ended())
    return;
  const auto n = ::recv(socket_.get(), buffer_.get(), read_size, MSG_DONTWAIT);
  if (n > 0) {
    in_.append(buffer_.get(), static_cast<std::size_t>(n));
    parse();
  } else if (n == 0) {
    end("the hypervisor closed it", false);
  } else if (errno != EAGAIN && errno != EINTR) {
    end(std::strerror(errno), false);
  }
}

void port_link::parse() {
  std::size_t at = 0;
  while (!has_ended()) {
    if (!is_ready_) // of the host before us, until the guest answers to our nonce
      at += port_scan(bytes_of(in_) + at, in_.size() - at, port_ready);
    port_frame frame{};
    const auto next = port_next(bytes_of(in_) + at, in_.size() - at, &frame);
    if (next == port_next_partial)
      break;
    if (next == port_next_bad && is_ready_) {
      end("the guest sent what is no frame", false);
      return;
    }
    if (next == port_next_bad) {
      if (at < in_.size())
        ++at;
      else
        break;
      continue;
    }
    take(frame);
    at += PORT_OVERHEAD + frame.size;
  }
  in_.erase(0, std::min(at, in_.size()));
}

void port_link::take(const port_frame& frame) {
  if (frame.type == port_ready) {
    const unsigned char* nonce = nullptr;
    const auto is_ours =
        port_take_nonce(&frame, &nonce) && std::memcmp(nonce, nonce_.data(), PORT_NONCE_SIZE) == 0;
    if (is_ours && !is_ready_) {
      is_ready_ = true;
      emit(ssh::connected{});
    } else if (is_ready_) {
      end("the guest's end began anew", false);
    }
    return;
  }
  auto found = streams_.find(frame.stream);
  if (found == streams_.end() || !is_ready_)
    return; // it has just been closed
  auto& x = found->second;
  if (frame.type == port_data && frame.size > 0) {
    std::string bytes{reinterpret_cast<const char*>(frame.payload), frame.size};
    x.events->on_event(id_, x.id, ssh::channel_data{std::move(bytes), false});
  } else if (frame.type == port_credit) {
    x.credit = std::min<std::size_t>(x.credit + port_take_credit(&frame), PORT_WINDOW);
    pump(frame.stream, x);
    x.events->on_event(id_, x.id, ssh::channel_writable{x.sent, x.queue.size() - x.queue_sent});
  } else if (frame.type == port_close) {
    auto gone = streams_.extract(found);
    numbers_.erase(gone.mapped().id);
    gone.mapped().events->on_event(id_, gone.mapped().id, ssh::channel_closed{});
  }
}

} // namespace banger::port
