#include "actors/known_hosts.hpp"

#include "core/base64.hpp"
#include "core/key_provenance.hpp"
#include "core/known_hosts.hpp"
#include "host/fault_point.hpp"
#include "host/log.hpp"
#include "protocol/caf_error.hpp"
#include "ssh/known_hosts_file.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <utility>

namespace banger::actors {

namespace {

using self_pointer = known_hosts_actor::stateful_pointer<known_hosts_state>;
namespace kh = core::known_hosts;

/// Between two looks at a file that was replaced: appends to it come along.
constexpr std::chrono::milliseconds drain_pause{100};
/// Between two looks where the folder cannot be watched, or is missing.
constexpr std::chrono::milliseconds unwatched_pause{1000};

/// A refusal that can be acted on: who, where, what was expected and what came.
caf::error refusal(self_pointer self, const check_host_key& x, const core::host_key& offered,
                   const kh::verdict& found) {
  auto is_revoked = found.status == kh::outcome::revoked;
  auto why = kh::explain_refusal(found, offered) + " (in " + self->state.path +
             "): possible man-in-the-middle";
  auto show = "banger hostkey show " + x.vm_name;
  auto accept = "; if it was changed on purpose: banger hostkey accept " + x.vm_name +
                " --fingerprint " + core::fingerprint_sha256(offered.blob);
  return to_error({is_revoked ? ec::host_key_revoked : ec::host_key_mismatch,
                   "verify vm '" + x.vm_name + "' at " + x.host + " port " + std::to_string(x.port),
                   why, is_revoked ? show : show + accept});
}

void look_later(self_pointer self) {
  auto& state = self->state;
  if (state.is_look_due || (state.folder && !state.file.is_draining()))
    return;
  state.is_look_due = true;
  self->delayed_send(self, state.file.is_draining() ? drain_pause : unwatched_pause, step_due{});
}

/// Puts right what others have done to the file, and says so where it cannot.
void look(self_pointer self) {
  auto& state = self->state;
  auto healed = state.file.heal();
  auto trouble = healed ? std::string{} : to_string(healed.error());
  if (!trouble.empty() && trouble != state.last_trouble)
    host::log_warning(trouble);
  state.last_trouble = std::move(trouble);
  look_later(self);
}

void watch_folder(self_pointer self) {
  auto& state = self->state;
  state.folder.reset();
  state.changes.stop();
  auto folder = std::filesystem::path{state.path}.parent_path().string();
  if (auto opened = host::folder_watch::open(folder)) {
    state.folder.emplace(std::move(*opened));
    state.changes = transport::fd_watch{self->system(), state.folder->fd(), self, 0};
  }
}

void folder_changed(self_pointer self) {
  auto& state = self->state;
  if (!state.folder)
    return; // of a watch that is over
  const auto name = std::filesystem::path{state.path}.filename().string();
  const auto changes = state.folder->take(name);
  state.changes.arm();
  if (changes.is_over)
    watch_folder(self);
  if (changes.is_over || changes.has_file)
    look(self);
}

void look_due(self_pointer self) {
  self->state.is_look_due = false;
  if (!self->state.folder)
    watch_folder(self);
  look(self);
}

/// Drops removed lines once there are many of them. Best effort: they do no harm.
void compact(self_pointer self) {
  if (auto done = self->state.file.compact(self->state.compact_above); !done)
    host::log_warning(to_string(done.error()));
  look_later(self);
}

/// Forgets every pin of `names` and pins `key`.
caf::result<done> replace_pins(self_pointer self, const std::vector<std::string>& names,
                               const core::host_key& key, key_provenance provenance) {
  auto& file = self->state.file;
  if (auto removed = file.remove(names); !removed)
    return to_error(removed.error());
  if (auto pinned = file.pin(names, key, core::comment_of(provenance)); !pinned)
    return to_error(pinned.error());
  return done{};
}

/// True if every key of a verdict was pinned by an accept; what anybody else wrote is left to
/// stand.
bool are_accepted(self_pointer self, const kh::verdict& found) {
  auto lines = self->state.file.lines();
  return lines && std::all_of(found.keys.begin(), found.keys.end(), [&](const auto& key) {
           return std::any_of((*lines)->begin(), (*lines)->end(), [&](const kh::line& entry) {
             return entry.number == key.line_number &&
                    core::provenance_of(entry.comment) == key_provenance::accepted;
           });
         });
}

caf::result<host_key_algorithms> algorithms(self_pointer self, const get_host_key_algorithms& x) {
  auto list = self->state.file.algorithms(x.host, x.port);
  if (!list)
    return to_error(list.error());
  return host_key_algorithms{*list};
}

caf::result<done> check(self_pointer self, const check_host_key& x) {
  if (auto fault = host::fault_at("known_hosts.check", host::fault_moment::before))
    return to_error(*fault);
  core::host_key offered{x.type, x.blob};
  std::vector<std::string> names{kh::host_name_for(x.host, x.port), x.vm_name + ".vm"};
  auto& file = self->state.file;
  auto found = file.check(x.host, x.port, offered);
  if (!found)
    return to_error(found.error());
  switch (found->status) {
    case kh::outcome::trusted: return done{};
    case kh::outcome::revoked: return refusal(self, x, offered, *found);
    case kh::outcome::mismatch:
      // Somebody accepted another key since, and now the VM has booted again with the one we give.
      if (core::parse_public_key(x.seeded) == offered && are_accepted(self, *found))
        return replace_pins(self, names, offered, key_provenance::seeded);
      return refusal(self, x, offered, *found);
    case kh::outcome::unknown: break;
  }
  // First contact with an image that brought its own key: trust it, and from now on only it.
  if (auto pinned = file.pin(names, offered, core::comment_of(key_provenance::first_use)); !pinned)
    return to_error(pinned.error());
  return done{};
}

caf::result<done> repin(self_pointer self, const pin_host_key& x) {
  if (x.key.empty()) {
    if (auto removed = self->state.file.remove(x.names); !removed)
      return to_error(removed.error());
    compact(self);
    return done{};
  }
  auto key = core::parse_public_key(x.key);
  if (!key)
    return to_error({ec::failed, "pin a host key", "it is malformed", {}});
  return replace_pins(self, x.names, *key, x.provenance);
}

std::vector<std::string> names_in(std::string_view hosts) {
  std::vector<std::string> names;
  while (!hosts.empty()) {
    auto name = hosts.substr(0, hosts.find(','));
    names.emplace_back(name);
    hosts.remove_prefix(std::min(name.size() + 1, hosts.size()));
  }
  return names;
}

bool is_for_one_of(const kh::line& entry, const std::vector<std::string>& names) {
  return names.empty() || std::any_of(names.begin(), names.end(), [&](const auto& name) {
           return kh::matches(entry.hosts, name);
         });
}

caf::result<host_key_list> list(self_pointer self, const read_pins& x) {
  auto lines = self->state.file.lines();
  if (!lines)
    return to_error(lines.error());
  host_key_list all{self->state.path, {}};
  for (const auto& entry : **lines) {
    if (!entry.is_valid || entry.mark != kh::marker::none || !is_for_one_of(entry, x.names))
      continue;
    host_key_info info;
    info.names = names_in(entry.hosts);
    info.type = entry.key.type;
    info.fingerprint = core::fingerprint_sha256(entry.key.blob);
    info.key = core::base64_encode(entry.key.blob);
    info.provenance = core::provenance_of(entry.comment);
    info.line = static_cast<std::uint32_t>(entry.number);
    all.keys.push_back(std::move(info));
  }
  return all;
}

actor_account describe(self_pointer self) {
  const auto& state = self->state;
  auto account = guarded_account_of(self, state.file.is_draining() ? "draining a replaced file"
                                          : state.folder           ? "watching its folder"
                                                                   : "looking each second");
  if (!state.last_trouble.empty())
    account.last_error = state.last_trouble;
  return account;
}

} // namespace

void known_hosts_state::begin_anew() {
  file.forget_parsed(); // not what it must still bring back, or take out again
}

known_hosts_actor::behavior_type known_hosts(self_pointer self, std::string path,
                                             std::size_t compact_above) {
  self->state.path = path;
  self->state.file = ssh::known_hosts_file{std::move(path)};
  self->state.compact_above = compact_above;
  watch_folder(self);
  look(self);
  return {
      guarded<get_host_key_algorithms>(self, algorithms),
      guarded<check_host_key>(self, check),
      guarded<pin_host_key>(self, repin),
      guarded<read_pins>(self, list),
      guarded<fd_ready>(self, [](self_pointer me, const fd_ready&) { folder_changed(me); }),
      [self](const describe_actor&) { return describe(self); },
      guarded<step_due>(self, [](self_pointer me, const step_due&) { look_due(me); }),
  };
}

} // namespace banger::actors
