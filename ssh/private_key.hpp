// The private key we log in with: read once, shared by all connections.
#pragma once

#include "protocol/result.hpp"

#include <filesystem>
#include <memory>

struct ssh_key_struct; // libssh's

namespace banger::ssh {

/// A private key without a passphrase. Immutable, so threads may share it.
class private_key {
public:
  /// Reads an OpenSSH or PEM private key file. Blocks on the disk: call it off the I/O thread.
  /// @returns ec::not_found; ec::storage_failed where the file is no key, has a passphrase, or
  /// cannot
  ///          be read.
  [[nodiscard]] static result<std::shared_ptr<const private_key>>
  load_blocking(const std::filesystem::path& file);

  ~private_key();
  private_key(const private_key&) = delete;
  private_key& operator=(const private_key&) = delete;

  /// libssh's handle, owned by this object.
  [[nodiscard]] ssh_key_struct* handle() const { return key_; }

private:
  explicit private_key(ssh_key_struct* key) : key_(key) {}
  ssh_key_struct* key_;
};

} // namespace banger::ssh
