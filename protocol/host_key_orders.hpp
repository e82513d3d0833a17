// Messages about host keys between actors of the daemon; none of them crosses the socket.
#pragma once

#include "protocol/errors.hpp"
#include "protocol/values.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

/// Request: host key algorithms in the order to offer to this host, pinned types first.
/// Reply: host_key_algorithms. Errors: unsafe_path, storage_failed.
struct get_host_key_algorithms {
  std::string host;
  std::uint16_t port = 22;
};

template <class Inspector>
auto inspect(Inspector& f, get_host_key_algorithms& x) {
  return f(x.host, x.port);
}

struct host_key_algorithms {
  std::string list; ///< comma-separated
};

template <class Inspector>
auto inspect(Inspector& f, host_key_algorithms& x) {
  return f(x.list);
}

/// Request: may this key be trusted? First contact pins it. Reply: done.
/// Errors: host_key_mismatch, host_key_revoked, unsafe_path, storage_failed.
struct check_host_key {
  std::string vm_name;
  std::string host;
  std::uint16_t port = 22;
  std::string type; ///< "ssh-ed25519"
  std::string blob; ///< raw bytes of the key's wire form
  /// "ssh-ed25519 AAAA...": the key that banger gives the guest at each boot, so one that is always
  /// expected; empty where the guest brings its own.
  std::string seeded;
};

template <class Inspector>
auto inspect(Inspector& f, check_host_key& x) {
  return f(x.vm_name, x.host, x.port, x.type, x.blob, x.seeded);
}

/// Request: forget every pin of these names, then pin `key` under each. Reply: done.
struct pin_host_key {
  std::vector<std::string> names; ///< as known_hosts spells them: "box.vm", "[127.77.0.2]:2222"
  std::string key;                ///< "ssh-ed25519 AAAA..."; empty: only forget
  key_provenance provenance = key_provenance::seeded;
};

template <class Inspector>
auto inspect(Inspector& f, pin_host_key& x) {
  return f(x.names, x.key, x.provenance);
}

/// Request: the lines that pin a key for one of these names; for no name, all. Reply:
/// host_key_list, one entry a line, without what only the VMs know.
struct read_pins {
  std::vector<std::string> names;
};

template <class Inspector>
auto inspect(Inspector& f, read_pins& x) {
  return f(x.names);
}

/// Event of a guest link to its VM: the guest offered this key, which was refused.
struct host_key_refused {
  failure why;
  std::string type;
  std::string blob; ///< raw bytes of the key's wire form
};

template <class Inspector>
auto inspect(Inspector& f, host_key_refused& x) {
  return f(x.why, x.type, x.blob);
}

/// Request: connect anew, verify the host key, hang up. Reply: done. Errors: as connect_guest.
struct verify_guest {};

template <class Inspector>
auto inspect(Inspector& f, verify_guest&) {
  return f();
}

} // namespace banger
