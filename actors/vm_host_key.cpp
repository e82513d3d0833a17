#include "actors/vm_steps.hpp"
#include "core/base64.hpp"
#include "core/host_key.hpp"

namespace banger::actors {

namespace {

using info_promise = caf::typed_response_promise<host_key_info>;

/// What only the VM knows, added to what the file says.
host_key_info complete(vm_pointer self, const host_key_list& pins) {
  const auto& state = self->state;
  host_key_info info;
  std::vector<std::string> names;
  for (const auto& pin : pins.keys) {
    if (info.type.empty())
      info = pin;
    if (pin.key == info.key)
      names.insert(names.end(), pin.names.begin(), pin.names.end());
  }
  info.names = std::move(names);
  info.vm_name = state.record.name;
  if (state.refused_key) {
    info.is_quarantined = true;
    info.offered_type = state.refused_key->type;
    info.offered_fingerprint = core::fingerprint_sha256(state.refused_key->blob);
  }
  return info;
}

/// Reads the VM's pins, and hands what is known of its key to `next`.
template <class Next>
caf::result<host_key_info> with_pins(vm_pointer self, Next next) {
  const auto& context = *self->state.context;
  auto reply = self->make_response_promise<host_key_info>();
  self->request(context.known_hosts, context.deadlines.storage,
                read_pins{pin_names(self->state.record)})
      .then([self, reply,
             next](const host_key_list& pins) mutable { next(reply, complete(self, pins)); },
            [reply](const caf::error& why) mutable {
              reply.deliver(translated(why, "read the pinned host keys"));
            });
  return reply;
}

/// Ends the quarantine, and the error that told of it.
void end_quarantine(vm_pointer self) {
  self->state.refused_key.reset();
  forget_error(self);
  save_record(self, "hostkey.settled", [self] { publish(self); });
}

/// Pins `key` under the VM's names, or only forgets them; then answers with the key as it was or
/// is.
void repin(vm_pointer self, info_promise reply, const std::string& key, host_key_info answer) {
  const auto& context = *self->state.context;
  pin_host_key pins{pin_names(self->state.record), key, key_provenance::accepted};
  self->request(context.known_hosts, context.deadlines.storage, std::move(pins))
      .then(
          [self, reply, answer](const done&) mutable {
            end_quarantine(self);
            reply.deliver(std::move(answer));
          },
          [reply](const caf::error& why) mutable {
            reply.deliver(translated(why, "pin the host key"));
          });
}

void accept_offered(vm_pointer self, info_promise reply, host_key_info info) {
  auto& state = self->state;
  const auto offered = *state.refused_key;
  info.type = offered.type;
  info.fingerprint = info.offered_fingerprint;
  info.key = core::base64_encode(offered.blob);
  info.provenance = key_provenance::accepted;
  info.names = pin_names(state.record);
  info.line = 0;
  info.is_quarantined = false;
  info.offered_type.clear();
  info.offered_fingerprint.clear();
  auto key = info.type + " " + info.key;
  repin(self, std::move(reply), key, std::move(info));
}

} // namespace

caf::error quarantined(vm_pointer self) {
  return to_error(self->state.refused_key->why);
}

void begin_quarantine(vm_pointer self, const host_key_refused& x) {
  self->state.refused_key = x;
  note_error(self, to_string(x.why), "verifying its host key");
  save_record(self, "hostkey.refused", [self] { publish(self); });
}

caf::result<host_key_info> describe_host_key(vm_pointer self) {
  return with_pins(self, [](info_promise& reply, host_key_info info) { reply.deliver(info); });
}

caf::result<host_key_info> accept_key(vm_pointer self, const accept_host_key& x) {
  return with_pins(self, [self, wanted = x.fingerprint](info_promise& reply, host_key_info info) {
    const auto what = "accept a host key of vm '" + info.vm_name + "'";
    if (!self->state.refused_key) {
      reply.deliver(
          to_error({ec::wrong_state, what, "it has offered no other key than the pinned one",
                    "banger hostkey show " + info.vm_name}));
    } else if (self->state.refused_key->why.code == ec::host_key_revoked) {
      reply.deliver(to_error({ec::wrong_state, what, "the key is marked @revoked",
                              "take that line out of the file first"}));
    } else if (wanted.empty() || wanted == info.offered_fingerprint) {
      accept_offered(self, reply, std::move(info));
    } else if (wanted == info.fingerprint) {
      end_quarantine(self);
      info.is_quarantined = false;
      reply.deliver(std::move(info));
    } else {
      reply.deliver(
          to_error({ec::bad_request, what,
                    wanted + " is neither the pinned key's fingerprint nor the offered one's",
                    "banger hostkey show " + info.vm_name}));
    }
  });
}

caf::result<host_key_info> forget_key(vm_pointer self) {
  return with_pins(self, [self](info_promise& reply, host_key_info info) {
    repin(self, reply, {}, std::move(info));
  });
}

caf::result<done> check_key_now(vm_pointer self) {
  const auto& state = self->state;
  if (state.refused_key)
    return quarantined(self);
  if (state.state != vm_state::running || !state.link)
    return not_running(self);
  return self->delegate(state.link, verify_guest{});
}

} // namespace banger::actors
