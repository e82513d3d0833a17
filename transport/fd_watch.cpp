#include "transport/fd_watch.hpp"

#include <caf/actor_cast.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/event_handler.hpp>
#include <caf/ref_counted.hpp>
#include <caf/send.hpp>

#include <fcntl.h>

namespace banger::transport {

namespace net = caf::io::network;

/// Lives on the network thread; all members but the constructor's are touched there only.
class fd_watch_handler : public net::event_handler, public caf::ref_counted {
public:
  fd_watch_handler(net::default_multiplexer& multiplexer, int fd, const fd_watcher_actor& whom,
                   std::int32_t tag)
      // The base class closes the descriptor it owns, hence the duplicate.
      : net::event_handler(multiplexer, ::fcntl(fd, F_DUPFD_CLOEXEC, 3)),
        whom_(caf::actor_cast<caf::weak_actor_ptr>(whom)), tag_(tag) {}

  void handle_event(net::operation op) override {
    if (op == net::operation::write || !is_armed_)
      return;
    passivate(); // level-triggered: off until the actor asks again
    if (is_stopped_)
      return;
    if (auto whom = caf::actor_cast<caf::strong_actor_ptr>(whom_))
      caf::anon_send(caf::actor_cast<fd_watcher_actor>(whom), fd_ready{tag_});
  }

  void removed_from_loop(net::operation) override {
    is_armed_ = false;
    keep_alive_ = nullptr;
  }

  void graceful_shutdown() override { passivate(); }

  void arm_later() {
    backend().post([self = caf::intrusive_ptr<fd_watch_handler>{this}] { self->arm(); });
  }

  void stop_later() {
    backend().post([self = caf::intrusive_ptr<fd_watch_handler>{this}] {
      self->is_stopped_ = true;
      if (self->is_armed_)
        self->passivate();
    });
  }

private:
  void arm() {
    if (is_stopped_ || is_armed_)
      return;
    keep_alive_ = this; // epoll holds our plain pointer until removed_from_loop
    is_armed_ = true;
    activate();
  }

  caf::weak_actor_ptr whom_;
  std::int32_t tag_;
  bool is_armed_ = false;
  bool is_stopped_ = false;
  caf::intrusive_ptr<fd_watch_handler> keep_alive_;
};

fd_watch::fd_watch() = default;

fd_watch::fd_watch(fd_watch&& other) noexcept = default;

fd_watch::fd_watch(caf::actor_system& system, int fd, const fd_watcher_actor& whom,
                   std::int32_t tag) {
  // CAF ends the whole program where epoll_ctl(2) refuses a descriptor.
  if (fd < 0 || ::fcntl(fd, F_GETFD) < 0)
    return;
  auto& multiplexer = static_cast<net::default_multiplexer&>(system.middleman().backend());
  handler_ = caf::make_counted<fd_watch_handler>(multiplexer, fd, whom, tag);
  handler_->arm_later();
}

fd_watch& fd_watch::operator=(fd_watch&& other) noexcept {
  if (this != &other) {
    stop();
    handler_ = std::move(other.handler_);
  }
  return *this;
}

fd_watch::~fd_watch() {
  stop();
}

void fd_watch::arm() {
  if (handler_)
    handler_->arm_later();
}

void fd_watch::stop() {
  if (handler_)
    handler_->stop_later();
  handler_ = nullptr;
}

} // namespace banger::transport
