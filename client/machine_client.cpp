#include "include/banger/client.hpp"

#include "client/connection.hpp"
#include "client/launch.hpp"

#include <unistd.h>

namespace banger::client {

namespace {

constexpr milliseconds quick{15'000};
constexpr milliseconds operation{3'700'000}; // the daemon's own limits are shorter, and say more
constexpr std::uint32_t output_credit = 1U << 20;

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

result<machine_client> machine_client::connect() {
  auto where = host::resolve_paths(host::process_environment(), ::geteuid());
  if (!where)
    return tl::make_unexpected(where.error());
  auto link = connect_or_start(*where, {});
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

result<finished_command> machine_client::run(const std::string& ref,
                                             const std::vector<std::string>& argv) {
  auto& link = state_->link;
  auto opened = state_->ask<exec_opened>(open_exec{ref, argv, {}, {}, output_credit}, operation);
  if (!opened)
    return tl::make_unexpected(opened.error());
  link.tell(exec_input_ended{opened->exec});
  finished_command x;
  for (auto deadline = clock::now() + operation;;) {
    auto message = link.next(deadline);
    if (!message)
      return tl::make_unexpected(message.error());
    if (auto output = decode<exec_output>(*message); output && output->exec == opened->exec) {
      (output->is_stderr ? x.errors : x.output) += output->bytes;
      link.tell(exec_credit{opened->exec, static_cast<std::uint32_t>(output->bytes.size())});
    } else if (auto end = decode<exec_ended>(*message); end && end->exec == opened->exec) {
      if (end->why.code != ec::none)
        return tl::make_unexpected(end->why);
      x.exit_code = end->exit_code;
      x.signal = end->signal;
      return x;
    }
  }
}

} // namespace banger::client
