#include "tests/unit/ssh/ssh_io_tester.hpp"

#include <doctest/doctest.h>

namespace banger::ssh::test {

using namespace std::chrono_literals;

namespace {

std::string name_of(const event& what) {
  constexpr const char* names[] = {"host_key", "connected", "lost", "opened", "refused",
                                   "data",     "eof",       "exit", "closed", "writable"};
  return names[what.index()];
}

} // namespace

void recorder::on_event(connection_id connection, channel_id channel, event what) {
  if (hook)
    hook(connection, channel, what);
  auto lock = std::lock_guard(mutex_);
  auto name = name_of(what);
  if (name != "writable" && !(name == "data" && order_.ends_with("data")))
    order_ += (order_.empty() ? "" : " ") + name;
  if (auto* data = std::get_if<channel_data>(&what)) {
    bytes_ += data->bytes.size();
    if (keeps_bytes)
      (data->is_stderr ? err_ : out_) += data->bytes;
  } else {
    events_.push_back(std::move(what));
  }
  changed_.notify_all();
}

void recorder::wait_until(const std::function<bool(const recorder&)>& done) {
  auto lock = std::unique_lock(mutex_);
  REQUIRE_MESSAGE(changed_.wait_for(lock, 60s, [&] { return done(*this); }),
                  "no such event; so far: " << order_ << ", bytes " << bytes_);
}

void recorder::wait_for_bytes(std::size_t count) {
  wait_until([count](const recorder& self) { return self.bytes_ >= count; });
}

std::string recorder::out() {
  auto lock = std::lock_guard(mutex_);
  return out_;
}

std::string recorder::err() {
  auto lock = std::lock_guard(mutex_);
  return err_;
}

std::size_t recorder::byte_count() {
  auto lock = std::lock_guard(mutex_);
  return bytes_;
}

std::string recorder::order() {
  auto lock = std::lock_guard(mutex_);
  return order_;
}

std::size_t recorder::event_count() {
  auto lock = std::lock_guard(mutex_);
  return events_.size();
}

target ssh_bench::to_server() const {
  auto whom = target();
  whom.address = "127.0.0.1";
  whom.port = server.port();
  whom.user = server.user();
  whom.key = private_key::load_blocking(server.client_key()).value();
  whom.known_name = "box";
  return whom;
}

connection_id ssh_bench::connect() {
  return connect(to_server(), std::make_shared<recorder>());
}

connection_id ssh_bench::connect(const target& whom, const std::shared_ptr<recorder>& events) {
  auto id = io.open(whom, events);
  events->wait<host_key_offered>();
  io.verdict(id, true);
  events->wait<connected>();
  return id;
}

std::pair<channel_id, std::shared_ptr<recorder>>
ssh_bench::exec(connection_id connection, const std::string& command, std::size_t credit) {
  auto events = std::make_shared<recorder>();
  return {io.open_exec(connection, command, credit, events), events};
}

std::shared_ptr<recorder> ssh_bench::run(connection_id connection, const std::string& command) {
  auto events = exec(connection, command).second;
  events->wait<channel_closed>();
  return events;
}

} // namespace banger::ssh::test
