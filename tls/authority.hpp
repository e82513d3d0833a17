// A certificate authority of ours: a folder with its certificate, its key, the list of what it has
// issued and the list of what is revoked.
#pragma once

#include "core/cert_index.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"
#include "tls/cert_options.hpp"
#include "tls/openssl.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::tls {

/// Held by one process at a time. All files are replaced whole; the list of what was issued is
/// written first, so nothing is ever valid that cannot be revoked.
class authority {
public:
  /// Makes one. Errors: already_exists: it is never written over; unsafe_path, failed.
  [[nodiscard]] static result<void> make(const std::string& folder);

  /// Errors: not_found (there is none), busy (another one is at work), unsafe_path, bad_request,
  /// storage_failed.
  [[nodiscard]] static result<authority> open(const std::string& folder);

  [[nodiscard]] const std::vector<core::issued_cert>& all() const { return all_; }

  /// Writes FOLDER/NAME. @returns its path. Errors: already_exists (the name has a good one),
  /// bad_request (it would outlive the authority), failed.
  [[nodiscard]] result<std::string> issue(const cert_options& how);

  /// All of that name. @returns how many there were that counted until now. Errors: not_found,
  /// failed.
  [[nodiscard]] result<std::size_t> revoke(const std::string& name);

private:
  authority() = default;
  [[nodiscard]] result<void> save_index() const;
  [[nodiscard]] result<void> save_revoked() const;
  [[nodiscard]] result<void> write_folder(const std::string& name, X509* cert, EVP_PKEY* key) const;

  std::string folder_;
  host::unique_fd lock_;
  cert_ptr cert_;
  key_ptr key_;
  std::vector<core::issued_cert> all_;
};

} // namespace banger::tls
