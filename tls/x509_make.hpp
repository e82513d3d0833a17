// Certificates and lists of revoked ones, made and signed. EC P-256 and SHA-256.
#pragma once

#include "core/cert_index.hpp"
#include "protocol/result.hpp"
#include "tls/openssl.hpp"

#include <string>
#include <vector>

namespace banger::tls {

/// Who signs.
struct signer {
  X509* cert = nullptr;
  EVP_PKEY* key = nullptr;
};

[[nodiscard]] result<key_ptr> make_key();

/// A CA that signs for itself and has no CAs below it. Times are Unix seconds.
[[nodiscard]] result<cert_ptr> make_authority_cert(EVP_PKEY* key, const std::string& name,
                                                   long long from, long long until);

/// One of serial, name, kind, times and hosts of `what`, for `key`.
[[nodiscard]] result<cert_ptr> make_cert(const core::issued_cert& what, EVP_PKEY* key,
                                         const signer& by);

/// The revoked ones of `all`, from `now` on until the CA's own end: how new a copied file is, a
/// date in it cannot tell.
[[nodiscard]] result<crl_ptr> make_revoked_list(const std::vector<core::issued_cert>& all,
                                                const signer& by, long long now);

// PEM texts; empty where OpenSSL fails.
[[nodiscard]] std::string pem_of(X509* cert);
[[nodiscard]] std::string pem_of(X509_CRL* list);
[[nodiscard]] std::string pem_of(EVP_PKEY* key); ///< private, PKCS #8

/// 32 hex digits, of random bytes.
[[nodiscard]] std::string random_serial();

} // namespace banger::tls
