#include "include/banger/client.hpp"

#include "client/connection.hpp"
#include "client/hosts.hpp"
#include "client/launch.hpp"

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace banger::client {

namespace {

constexpr milliseconds quick{15'000};
constexpr milliseconds operation{3'700'000}; // the daemon's own limits are shorter, and say more
constexpr std::uint32_t output_credit = 1U << 20;
constexpr std::size_t longest_piece = 64U << 10;

/// What others who are attached see us as.
std::string label() {
  return "libbanger, process " + std::to_string(::getpid());
}

} // namespace

class machine_client::state {
public:
  explicit state(connection x) : link(std::move(x)) {}

  template <class Reply, class Request>
  result<Reply> ask(const Request& request, milliseconds limit) {
    return link.ask<Reply>(request, limit, [this](const incoming& message) {
      if (!handler)
        return;
      if (auto stage = decode<stage_entered>(message))
        handler(*stage);
    });
  }

  connection link;
  std::function<void(const stage_entered&)> handler;
};

machine_client::machine_client(std::unique_ptr<state> x) : state_(std::move(x)) {}
machine_client::machine_client(machine_client&&) noexcept = default;
machine_client& machine_client::operator=(machine_client&&) noexcept = default;
machine_client::~machine_client() = default;

result<machine_client> machine_client::connect(const connect_options& how) {
  auto here = host::resolve_paths(host::process_environment(), ::geteuid());
  if (!here)
    return tl::make_unexpected(here.error());
  auto where = choose_host(std::move(*here), how.host);
  if (!where)
    return tl::make_unexpected(where.error());
  auto link = connect_or_start(*where, {true, how.timeout});
  if (!link)
    return tl::make_unexpected(link.error());
  return machine_client{std::make_unique<state>(std::move(*link))};
}

void machine_client::on_stage(std::function<void(const stage_entered&)> handler) {
  state_->handler = std::move(handler);
}

result<vm_info> machine_client::create(const vm_config& config) {
  return state_->ask<vm_info>(create_vm{config}, operation);
}

result<vm_info> machine_client::start(const std::string& ref) {
  return state_->ask<vm_info>(start_vm{ref}, operation);
}

result<vm_info> machine_client::stop(const std::string& ref, std::uint32_t grace_ms) {
  return state_->ask<vm_info>(stop_vm{ref, grace_ms}, operation);
}

result<vm_info> machine_client::kill(const std::string& ref) {
  return state_->ask<vm_info>(kill_vm{ref}, operation);
}

result<vm_info> machine_client::remove(const std::string& ref) {
  return state_->ask<vm_info>(delete_vm{ref}, operation);
}

result<vm_info> machine_client::get(const std::string& ref) {
  return state_->ask<vm_info>(get_vm{ref}, quick);
}

result<vm_list> machine_client::list() {
  return state_->ask<vm_list>(list_vms{}, quick);
}

result<image_list> machine_client::images() {
  return state_->ask<image_list>(list_images{}, quick);
}

result<daemon_status> machine_client::status() {
  return state_->ask<daemon_status>(get_daemon_status{}, quick);
}

result<owner_lease> machine_client::renew(const renew_owner& lease) {
  return state_->ask<owner_lease>(lease, quick);
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
  auto& link = state_->link;
  auto opened =
      state_->ask<exec_opened>(open_exec{ref, argv, how.env, how.cwd, output_credit}, operation);
  if (!opened)
    return tl::make_unexpected(opened.error());
  std::string_view input = how.input;
  std::size_t credit = opened->input_credit;
  bool is_end_told = false;
  auto feed = [&] {
    while (credit > 0 && !input.empty()) {
      const auto piece = input.substr(0, std::min({credit, input.size(), longest_piece}));
      link.tell(exec_input{opened->exec, std::string{piece}});
      credit -= piece.size();
      input.remove_prefix(piece.size());
    }
    if (input.empty() && !std::exchange(is_end_told, true))
      link.tell(exec_input_ended{opened->exec});
  };
  feed();
  for (;;) {
    auto message = link.next(clock::time_point::max());
    if (!message)
      return tl::make_unexpected(message.error());
    if (auto output = decode<exec_output>(*message); output && output->exec == opened->exec) {
      on_output(output->is_stderr, output->bytes);
      link.tell(exec_credit{opened->exec, static_cast<std::uint32_t>(output->bytes.size())});
    } else if (auto wanted = decode<exec_input_wanted>(*message);
               wanted && wanted->exec == opened->exec) {
      credit += wanted->bytes;
      feed();
    } else if (auto end = decode<exec_ended>(*message); end && end->exec == opened->exec) {
      if (end->why.code != ec::none)
        return tl::make_unexpected(end->why);
      return finished_command{end->exit_code, end->signal, {}, {}};
    }
  }
}

// -- guest sessions

result<session_info> machine_client::start_session(const std::string& vm,
                                                   const session_config& config) {
  return state_->ask<session_info>(banger::start_session{vm, config}, operation);
}

result<session_info> machine_client::get_session(const std::string& ref) {
  return state_->ask<session_info>(banger::get_session{ref}, quick);
}

result<session_list> machine_client::sessions(const std::string& vm) {
  return state_->ask<session_list>(list_sessions{vm}, quick);
}

result<session_info> machine_client::stop_session(const std::string& ref, std::uint32_t grace_ms) {
  return state_->ask<session_info>(banger::stop_session{ref, grace_ms}, operation);
}

result<session_info> machine_client::delete_session(const std::string& ref) {
  return state_->ask<session_info>(banger::delete_session{ref, false}, operation);
}

result<attach_outcome> machine_client::attach(const std::string& ref, std::uint64_t offset,
                                              const attach_handlers& handlers) {
  auto& link = state_->link;
  attach_session request;
  request.ref = ref;
  request.from = offset;
  request.credit = output_credit;
  request.client = label();
  auto attached = state_->ask<session_attached>(request, operation);
  if (!attached)
    return tl::make_unexpected(attached.error());
  const auto number = attached->attach;
  attach_outcome x{attached->session, attached->offset};
  if (attached->offset > offset && handlers.on_gap)
    handlers.on_gap(offset, attached->offset);
  for (;;) {
    auto message = link.next(clock::time_point::max());
    if (!message)
      return tl::make_unexpected(message.error());
    if (auto output = decode<attach_output>(*message); output && output->attach == number) {
      x.next = output->offset + output->bytes.size();
      if (handlers.on_output &&
          !handlers.on_output(output->offset, output->is_stderr, output->bytes))
        return leave(x, number);
      link.tell(attach_credit{number, output->bytes.size()});
    } else if (auto gap = decode<attach_gap>(*message); gap && gap->attach == number) {
      x.next = gap->to;
      if (handlers.on_gap)
        handlers.on_gap(gap->from, gap->to);
    } else if (auto end = decode<attach_ended>(*message); end && end->attach == number) {
      if (end->why.code != ec::none)
        return tl::make_unexpected(end->why);
      x.session = end->session;
      return x;
    }
  }
}

/// What still comes of that attach is nobody's: no other has its number.
result<attach_outcome> machine_client::leave(attach_outcome x, std::uint64_t attach) {
  auto left = state_->ask<session_detached>(detach_session{attach}, quick);
  if (!left && left.error().code != ec::not_found) // it was just over
    return tl::make_unexpected(left.error());
  return x;
}

result<void> machine_client::send_input(const std::string& ref, const std::string& bytes) {
  auto& link = state_->link;
  attach_session request;
  request.ref = ref;
  request.role = attach_role::sender;
  request.client = label();
  auto attached = state_->ask<session_attached>(request, operation);
  if (!attached)
    return tl::make_unexpected(attached.error());
  const auto number = attached->attach;
  std::size_t credit = attached->input_credit;
  for (std::string_view rest = bytes; !rest.empty();) {
    while (credit == 0) {
      auto message = link.next(clock::time_point::max());
      if (!message)
        return tl::make_unexpected(message.error());
      if (auto wanted = decode<attach_input_wanted>(*message))
        credit += wanted->bytes;
      else if (auto no = decode<attach_input_refused>(*message))
        return tl::make_unexpected(no->why);
      else if (auto end = decode<attach_ended>(*message); end && end->attach == number)
        return fail(ec::wrong_state, "send input to session '" + ref + "'",
                    end->why.code == ec::none ? "it is over" : to_string(end->why));
    }
    const auto piece = rest.substr(0, std::min({credit, rest.size(), longest_piece}));
    link.tell(attach_input{number, std::string{piece}});
    credit -= piece.size();
    rest.remove_prefix(piece.size());
  }
  auto left = state_->ask<session_detached>(detach_session{number}, operation);
  return left ? result<void>{} : tl::make_unexpected(left.error());
}

// -- events

result<void> machine_client::follow(subscribe_events from,
                                    const std::function<bool(const event_happened&)>& on_event,
                                    const std::function<void(const events_missed&)>& on_missed) {
  // The connection has one subscription, and nobody takes it back: it is used up by this.
  constexpr std::uint32_t credit = 256;
  auto& link = state_->link;
  from.credit = credit;
  if (auto at = state_->ask<events_subscribed>(from, quick); !at)
    return tl::make_unexpected(at.error());
  for (std::uint32_t unpaid = 0;;) {
    auto message = link.next(clock::time_point::max());
    if (!message)
      return tl::make_unexpected(message.error());
    if (auto missed = decode<events_missed>(*message); missed && on_missed)
      on_missed(*missed);
    auto event = decode<event_happened>(*message);
    if (!event)
      continue;
    if (!on_event(*event))
      return {};
    if (++unpaid >= credit / 2)
      link.tell(event_credit{std::exchange(unpaid, 0)});
  }
}

} // namespace banger::client
