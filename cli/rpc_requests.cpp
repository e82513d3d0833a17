#include "cli/rpc_requests.hpp"

#include "cli/json.hpp"
#include "cli/rpc_values.hpp"
#include "cli/session.hpp"
#include "cli/stats_render.hpp"

#include <algorithm>
#include <iterator>

namespace banger::cli::rpc {

namespace {

using number = result<std::uint64_t>;
using client::connection;

std::string ref_in(const record& params) {
  return text_in(params, "ref");
}

std::uint32_t grace_in(const record& params) {
  return number_in<std::uint32_t>(params, "grace_ms");
}

std::uint32_t timeout_in(const record& params) {
  return number_in<std::uint32_t>(params, "timeout_ms");
}

/// Sends a request that is only about somebody.
template <class Request>
number about(connection& link, const record& params) {
  return link.send(Request{ref_in(params)});
}

std::uint64_t token_in(const record& params) {
  return number_in<std::uint64_t>(params, "owner_token");
}

template <class Request>
number owned(connection& link, const record& params) {
  return link.send(Request{ref_in(params), token_in(params)});
}

template <class Request>
number plain(connection& link, const record&) {
  return link.send(Request{});
}

/// The answer as `--output json` has it.
template <class T>
result<record> read(const client::incoming& answer) {
  return client::decode<T>(answer).map([](const T& x) { return record::parse(json(x)); });
}

result<record> read_stats(const client::incoming& answer) {
  return client::decode<vm_stats>(answer).map(
      [](const vm_stats& x) { return record::parse(stats_json({x}, true))["stats"][0]; });
}

template <class T>
result<record> read_nothing(const client::incoming& answer) {
  return client::decode<T>(answer).map([](const T&) { return record::object(); });
}

number send_start(connection& link, const record& params) {
  auto config = session_config_in(params);
  if (!config)
    return tl::make_unexpected(config.error());
  return link.send(start_session{ref_in(params), std::move(*config)});
}

number send_kill(connection& link, const record& params) {
  auto signal = signal_in(params, "KILL");
  if (!signal)
    return tl::make_unexpected(signal.error());
  return link.send(signal_session{ref_in(params), *signal});
}

constexpr auto operation = patience_kind::operation;
constexpr auto waiting = patience_kind::waiting;

const simple_request all[] = {
    {"vm.create",
     [](auto& link, auto& x) -> number { return link.send(create_vm{vm_config_in(x)}); },
     read<vm_info>, operation, "create"},
    {"vm.start", owned<start_vm>, read<vm_info>, operation, "start"},
    {"vm.stop",
     [](auto& link, auto& x) -> number {
       return link.send(stop_vm{ref_in(x), grace_in(x)});
     },
     read<vm_info>, operation, "stop"},
    {"vm.restart",
     [](auto& link, auto& x) -> number {
       return link.send(restart_vm{ref_in(x), grace_in(x), token_in(x)});
     },
     read<vm_info>, operation, "restart"},
    {"vm.kill", about<kill_vm>, read<vm_info>, operation, "kill"},
    {"vm.delete", owned<delete_vm>, read<vm_info>, operation, "delete"},
    {"vm.list", plain<list_vms>, read<vm_list>},
    {"vm.show", about<get_vm>, read<vm_info>},
    {"vm.wait",
     [](auto& link, auto& x) -> number {
       const auto is_end = text_in(x, "state") == "stopped";
       return link.send(
           wait_vm{ref_in(x), is_end ? vm_state::stopped : vm_state::running, timeout_in(x)});
     },
     read<vm_info>, waiting},
    {"vm.set", [](auto& link, auto& x) -> number { return link.send(set_vm_in(x)); }, read<vm_info>,
     operation, "set"},
    {"vm.stats", about<get_vm_stats>, read_stats},
    {"vm.history", about<get_vm_history>, read<vm_history>},
    {"session.start", send_start, read<session_info>, operation},
    {"session.list", about<list_sessions>, read<session_list>},
    {"session.show", about<get_session>, read<session_info>},
    {"session.wait",
     [](auto& link, auto& x) -> number {
       return link.send(wait_session{ref_in(x), timeout_in(x)});
     },
     read<session_info>, waiting},
    {"session.stop",
     [](auto& link, auto& x) -> number {
       return link.send(stop_session{ref_in(x), grace_in(x)});
     },
     read<session_info>, operation},
    {"session.kill", send_kill, read<session_info>, operation},
    {"session.delete",
     [](auto& link, auto& x) -> number {
       return link.send(delete_session{ref_in(x), flag_in(x, "is_forced")});
     },
     read<session_info>, operation},
    {"image.list", plain<list_images>, read<image_list>},
    {"image.show",
     [](auto& link, auto& x) -> number { return link.send(get_image{text_in(x, "name")}); },
     read<image_info>},
    {"events.subscribe", [](auto& link, auto& x) -> number { return link.send(events_in(x)); },
     read<events_subscribed>},
    {"owner.renew",
     [](auto& link, auto& x) -> number {
       return link.send(renew_owner{text_in(x, "owner"), number_in<std::uint64_t>(x, "token"),
                                    number_in<std::uint32_t>(x, "ttl_ms"),
                                    number_in<std::uint64_t>(x, "stamp")});
     },
     read<owner_lease>},
    {"daemon.status", plain<get_daemon_status>, read<daemon_status>},
    {"rpc.cancel", plain<cancel_operations>, read_nothing<done>, operation},
};

} // namespace

const simple_request* find_simple(std::string_view method) {
  const auto* found = std::find_if(std::begin(all), std::end(all),
                                   [&](const simple_request& x) { return method == x.method; });
  return found == std::end(all) ? nullptr : found;
}

/// The daemon's own limits are shorter, and say more.
client::milliseconds limit_of(const simple_request& what) {
  switch (what.patience) {
    case patience_kind::quick: return quick_limit;
    case patience_kind::operation: return operation_limit;
    case patience_kind::waiting: break;
  }
  return client::milliseconds{0};
}

} // namespace banger::cli::rpc
