#include "actors/known_hosts.hpp"

#include "core/base64.hpp"
#include "core/known_hosts.hpp"
#include "protocol/caf_error.hpp"
#include "ssh/known_hosts_file.hpp"

namespace banger::actors {

namespace {

using self_pointer = known_hosts_actor::stateful_pointer<known_hosts_state>;
namespace kh = core::known_hosts;

/// A refusal that can be acted on: who, where, what was expected and what came.
caf::error refusal(self_pointer self, const check_host_key& x, const core::host_key& offered,
                   const kh::verdict& found) {
  auto is_revoked = found.status == kh::outcome::revoked;
  std::string lines;
  for (const auto& key : found.keys)
    lines += (lines.empty() ? "line " : ", ") + std::to_string(key.line_number);
  auto why = kh::explain_refusal(found, offered) + " (" + self->state.path + ", " + lines +
             "); possible man-in-the-middle";
  return to_error({is_revoked ? ec::host_key_revoked : ec::host_key_mismatch,
                   "verify vm '" + x.vm_name + "' at " + x.host + " port " + std::to_string(x.port),
                   why,
                   "if the guest's key was changed on purpose: ssh-keygen -R '" + found.name +
                       "' -f " + self->state.path});
}

caf::result<done> check(self_pointer self, const check_host_key& x) {
  core::host_key offered{x.type, x.blob};
  auto& file = self->state.file;
  auto found = file.check(x.host, x.port, offered);
  if (!found)
    return to_error(found.error());
  switch (found->status) {
    case kh::outcome::trusted: return done{};
    case kh::outcome::mismatch:
    case kh::outcome::revoked: return refusal(self, x, offered, *found);
    case kh::outcome::unknown: break;
  }
  // First contact with an image that brought its own key: trust it, and from now on only it.
  auto pinned = file.pin({kh::host_name_for(x.host, x.port), x.vm_name + ".vm"}, offered);
  if (!pinned)
    return to_error(pinned.error());
  return done{};
}

caf::result<done> repin(self_pointer self, const pin_host_key& x) {
  auto& file = self->state.file;
  if (auto removed = file.remove(x.names); !removed)
    return to_error(removed.error());
  if (x.key.empty())
    return done{};
  auto space = x.key.find(' ');
  auto type = x.key.substr(0, space);
  auto rest = space == std::string::npos ? std::string{} : x.key.substr(space + 1);
  auto blob = core::base64_decode(rest.substr(0, rest.find(' ')));
  if (!blob)
    return to_error({ec::failed, "pin a host key", "it is malformed", {}});
  if (auto pinned = file.pin(x.names, {type, *blob}); !pinned)
    return to_error(pinned.error());
  return done{};
}

} // namespace

known_hosts_actor::behavior_type known_hosts(self_pointer self, std::string path) {
  self->state.path = path;
  self->state.file = ssh::known_hosts_file{std::move(path)};
  return {
      [self](const get_host_key_algorithms& x) -> caf::result<host_key_algorithms> {
        auto list = self->state.file.algorithms(x.host, x.port);
        if (!list)
          return to_error(list.error());
        return host_key_algorithms{*list};
      },
      [self](const check_host_key& x) { return check(self, x); },
      [self](const pin_host_key& x) { return repin(self, x); },
  };
}

} // namespace banger::actors
