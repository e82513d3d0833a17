#include "cli/rpc_values.hpp"

#include "cli/json.hpp"
#include "core/base64.hpp"
#include "core/session_ref.hpp"
#include "core/signal_name.hpp"

namespace banger::cli::rpc {

namespace {

constexpr std::uint32_t events_ahead = 256; ///< so many are sent before one is paid for

const record* found_in(const record& params, const char* name) {
  const auto found = params.find(name);
  return found == params.end() || found->is_null() ? nullptr : &*found;
}

output_origin origin_in(const record& params) {
  const auto name = text_in(params, "origin");
  return name == "now"        ? output_origin::now
         : name == "last"     ? output_origin::last
         : name == "since_ms" ? output_origin::since_ms
                              : output_origin::offset;
}

} // namespace

std::string text_in(const record& params, const char* name, const char* otherwise) {
  const auto* found = found_in(params, name);
  return found == nullptr ? otherwise : found->get<std::string>();
}

bool flag_in(const record& params, const char* name, bool otherwise) {
  const auto* found = found_in(params, name);
  return found == nullptr ? otherwise : found->get<bool>();
}

std::vector<std::string> texts_in(const record& params, const char* name) {
  const auto* found = found_in(params, name);
  return found == nullptr ? std::vector<std::string>{} : found->get<std::vector<std::string>>();
}

std::vector<std::string> pairs_in(const record& params, const char* name) {
  std::vector<std::string> all;
  if (const auto* found = found_in(params, name); found != nullptr)
    for (const auto& item : found->items())
      all.push_back(item.key() + "=" + item.value().get<std::string>());
  return all;
}

result<std::string> bytes_in(const record& params, const char* name, const char* encoding) {
  auto given = text_in(params, name);
  if (text_in(params, encoding) != "base64")
    return given;
  auto bytes = core::base64_decode(given);
  if (!bytes)
    return fail(ec::bad_request, std::string{"'"} + name + "' is not base64");
  return *bytes;
}

result<std::int32_t> signal_in(const record& params, const char* otherwise) {
  const auto* found = found_in(params, "signal");
  if (found != nullptr && found->is_number())
    return found->get<std::int32_t>();
  if (auto number = core::parse_signal(text_in(params, "signal", otherwise)))
    return *number;
  return fail(ec::bad_request, "'signal' must be a signal's name, like \"TERM\", or its number");
}

vm_config vm_config_in(const record& params) {
  vm_config x;
  x.name = text_in(params, "name");
  x.image = text_in(params, "image");
  x.vcpu_count = number_in<std::uint32_t>(params, "vcpu_count");
  x.memory_mib = number_in<std::uint32_t>(params, "memory_mib");
  x.disk_mib = number_in<std::uint32_t>(params, "disk_mib");
  x.is_isolated = flag_in(params, "is_isolated");
  x.is_ephemeral = flag_in(params, "is_ephemeral");
  x.driver = text_in(params, "driver") == "firecracker" ? vm_driver::firecracker : vm_driver::qemu;
  x.network = text_in(params, "network") == "tap" ? network_kind::tap : network_kind::user;
  x.has_nat = flag_in(params, "has_nat", true);
  x.root_disk = text_in(params, "root_disk") == "snapshot" ? root_disk_kind::snapshot
                                                           : root_disk_kind::overlay;
  x.owner = text_in(params, "owner");
  x.owner_token = number_in<std::uint64_t>(params, "owner_token");
  return x;
}

set_vm set_vm_in(const record& params) {
  const auto nat = text_in(params, "nat");
  return {text_in(params, "ref"), number_in<std::uint32_t>(params, "vcpu_count"),
          number_in<std::uint32_t>(params, "memory_mib"),
          number_in<std::uint32_t>(params, "disk_mib"),
          nat == "on"    ? nat_change::on
          : nat == "off" ? nat_change::off
                         : nat_change::none};
}

window_size window_in(const record& params) {
  const auto* found = found_in(params, "window");
  if (found == nullptr)
    return {};
  return {number_in<std::uint16_t>(*found, "rows"), number_in<std::uint16_t>(*found, "columns")};
}

result<session_config> session_config_in(const record& params) {
  session_config x;
  x.name = text_in(params, "name");
  x.argv = texts_in(params, "argv");
  x.env = texts_in(params, "env");
  x.cwd = text_in(params, "cwd");
  const auto input = text_in(params, "input");
  x.input = input == "pty"      ? session_input_kind::pty
            : input == "closed" ? session_input_kind::closed
                                : session_input_kind::pipe;
  x.window = window_in(params);
  x.policy = text_in(params, "window_policy") == "newest" ? window_policy::newest
                                                          : window_policy::smallest;
  x.tags = pairs_in(params, "tags");
  x.required = texts_in(params, "required");
  x.journal_cap = number_in<std::uint64_t>(params, "journal_cap");
  if (auto ok = core::check_session_config(x); !ok)
    return tl::make_unexpected(ok.error());
  return x;
}

attach_session attach_in(const record& params) {
  attach_session x;
  const auto role = text_in(params, "role");
  x.ref = text_in(params, "ref");
  x.role = role == "writer"      ? attach_role::writer
           : role == "exclusive" ? attach_role::exclusive
                                 : attach_role::viewer;
  x.takes_over = flag_in(params, "takes_over");
  x.origin = origin_in(params);
  x.from = number_in<std::uint64_t>(params, "from");
  x.follows = flag_in(params, "follows", true);
  x.window = window_in(params);
  return x;
}

record record_of(const stage_entered& x, const record& request) {
  return {{"request", request}, {"operation", x.kind},      {"subject", x.subject},
          {"stage", x.stage},   {"detail", text(x.detail)}, {"elapsed_ms", x.elapsed_ms}};
}

subscribe_events events_in(const record& params) {
  subscribe_events x;
  x.credit = events_ahead;
  if (found_in(params, "since") != nullptr) {
    x.from = events_from::after;
    x.number = number_in<std::uint64_t>(params, "since");
  } else if (found_in(params, "last") != nullptr) {
    x.from = events_from::last;
    x.number = number_in<std::uint64_t>(params, "last");
  }
  return x;
}

record record_of(const event_happened& x) {
  return record::parse(json(x));
}

record record_of(const session_info& x) {
  return record::parse(json(x));
}

} // namespace banger::cli::rpc
