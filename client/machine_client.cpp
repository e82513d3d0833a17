#include "include/banger/client.hpp"

#include "include/banger/async_client.hpp"

#include <optional>
#include <utility>

namespace banger::client {

/// The client whose calls do not wait, and the waiting.
class machine_client::state {
public:
  explicit state(async_client x) : all(std::move(x)) {}

  /// @param begin  asks, with a handler for the answer
  template <class T>
  result<T> wait_for(const std::function<void(answer<T>)>& begin) {
    // Shared: a handler of the caller's that throws ends this before the answer is there.
    auto got = std::make_shared<std::optional<result<T>>>();
    begin([got](result<T> x) { *got = std::move(x); });
    while (!*got)
      (void)all.wait(); // where it breaks, that is the answer
    return std::move(**got);
  }

  /// The same of a command or an attach: when this is left, by an exception even, it is told of no
  /// more.
  template <class T>
  result<T> wait_for_stream(const std::function<stream_id(answer<T>)>& begin) {
    struct forgetting {
      async_client& all;
      stream_id id = 0;
      ~forgetting() { all.forget(id); }
    } running{all};
    return wait_for<T>([&](answer<T> then) { running.id = begin(std::move(then)); });
  }

  async_client all;
};

machine_client::machine_client(std::unique_ptr<state> x) : state_(std::move(x)) {}
machine_client::machine_client(machine_client&&) noexcept = default;
machine_client& machine_client::operator=(machine_client&&) noexcept = default;
machine_client::~machine_client() = default;

result<machine_client> machine_client::connect(const connect_options& how) {
  auto link = async_client::connect(how);
  if (!link)
    return tl::make_unexpected(link.error());
  return machine_client{std::make_unique<state>(std::move(*link))};
}

void machine_client::on_stage(std::function<void(const stage_entered&)> handler) {
  state_->all.on_stage(std::move(handler));
}

result<vm_info> machine_client::create(const vm_config& config) {
  return state_->wait_for<vm_info>([&](auto then) { state_->all.create(config, then); });
}

result<vm_info> machine_client::start(const std::string& ref, std::uint64_t owner_token) {
  return state_->wait_for<vm_info>([&](auto then) { state_->all.start(ref, then, owner_token); });
}

result<vm_info> machine_client::stop(const std::string& ref, std::uint32_t grace_ms) {
  return state_->wait_for<vm_info>([&](auto then) { state_->all.stop(ref, then, grace_ms); });
}

result<vm_info> machine_client::kill(const std::string& ref) {
  return state_->wait_for<vm_info>([&](auto then) { state_->all.kill(ref, then); });
}

result<vm_info> machine_client::remove(const std::string& ref, std::uint64_t owner_token) {
  return state_->wait_for<vm_info>([&](auto then) { state_->all.remove(ref, then, owner_token); });
}

result<vm_info> machine_client::get(const std::string& ref) {
  return state_->wait_for<vm_info>([&](auto then) { state_->all.get(ref, then); });
}

result<vm_list> machine_client::list() {
  return state_->wait_for<vm_list>([&](auto then) { state_->all.list(then); });
}

result<image_list> machine_client::images() {
  return state_->wait_for<image_list>([&](auto then) { state_->all.images(then); });
}

result<daemon_status> machine_client::status() {
  return state_->wait_for<daemon_status>([&](auto then) { state_->all.status(then); });
}

result<owner_lease> machine_client::renew(const renew_owner& lease) {
  return state_->wait_for<owner_lease>([&](auto then) { state_->all.renew(lease, then); });
}

result<finished_command> machine_client::run(const std::string& ref,
                                             const std::vector<std::string>& argv,
                                             const command_options& how) {
  std::string output, errors;
  auto x = run(ref, argv, how, [&](bool is_stderr, std::string_view bytes) {
    (is_stderr ? errors : output) += bytes;
  });
  if (x) {
    x->output = std::move(output);
    x->errors = std::move(errors);
  }
  return x;
}

result<finished_command> machine_client::run(const std::string& ref,
                                             const std::vector<std::string>& argv,
                                             const command_options& how,
                                             const output_handler& on_output) {
  return state_->wait_for_stream<finished_command>([&](auto then) {
    return state_->all.run(ref, argv, how, {on_output, then});
  });
}

// -- guest sessions

result<session_info> machine_client::start_session(const std::string& vm,
                                                   const session_config& config) {
  return state_->wait_for<session_info>(
      [&](auto then) { state_->all.start_session(vm, config, then); });
}

result<session_info> machine_client::get_session(const std::string& ref) {
  return state_->wait_for<session_info>([&](auto then) { state_->all.get_session(ref, then); });
}

result<session_list> machine_client::sessions(const std::string& vm) {
  return state_->wait_for<session_list>([&](auto then) { state_->all.sessions(vm, then); });
}

result<session_info> machine_client::stop_session(const std::string& ref, std::uint32_t grace_ms) {
  return state_->wait_for<session_info>(
      [&](auto then) { state_->all.stop_session(ref, grace_ms, then); });
}

result<session_info> machine_client::delete_session(const std::string& ref) {
  return state_->wait_for<session_info>([&](auto then) { state_->all.delete_session(ref, then); });
}

result<attach_outcome> machine_client::attach(const std::string& ref, std::uint64_t offset,
                                              const attach_handlers& handlers) {
  return state_->wait_for_stream<attach_outcome>(
      [&](auto then) { return state_->all.attach(ref, offset, handlers, then); });
}

result<void> machine_client::send_input(const std::string& ref, const std::string& bytes) {
  return state_->wait_for<void>([&](auto then) { state_->all.send_input(ref, bytes, then); });
}

// -- events

result<void> machine_client::follow(subscribe_events from,
                                    const std::function<bool(const event_happened&)>& on_event,
                                    const std::function<void(const events_missed&)>& on_missed) {
  struct unfollowing {
    async_client& all;
    ~unfollowing() { all.unfollow(); }
  } guard{state_->all};
  return state_->wait_for<void>([&](auto then) {
    state_->all.follow(from, {on_event, on_missed, then});
  });
}

} // namespace banger::client
