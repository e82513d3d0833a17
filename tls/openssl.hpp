// What of OpenSSL is owned, with its end; and its errors as text.
#pragma once

#include <memory>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string>

namespace banger::tls {

template <auto end>
struct ends_with {
  template <class T>
  void operator()(T* x) const {
    end(x);
  }
};

using bio_ptr = std::unique_ptr<BIO, ends_with<BIO_free_all>>;
using number_ptr = std::unique_ptr<BIGNUM, ends_with<BN_free>>;
using integer_ptr = std::unique_ptr<ASN1_INTEGER, ends_with<ASN1_INTEGER_free>>;
using time_ptr = std::unique_ptr<ASN1_TIME, ends_with<ASN1_TIME_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, ends_with<X509_EXTENSION_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, ends_with<EVP_PKEY_free>>;
using cert_ptr = std::unique_ptr<X509, ends_with<X509_free>>;
using crl_ptr = std::unique_ptr<X509_CRL, ends_with<X509_CRL_free>>;
using store_ptr = std::unique_ptr<X509_STORE, ends_with<X509_STORE_free>>;
using store_context_ptr = std::unique_ptr<X509_STORE_CTX, ends_with<X509_STORE_CTX_free>>;
using context_ptr = std::unique_ptr<SSL_CTX, ends_with<SSL_CTX_free>>;
using ssl_ptr = std::unique_ptr<SSL, ends_with<SSL_free>>;

/// The oldest error of OpenSSL on this thread; all of them are forgotten.
[[nodiscard]] std::string take_error();

/// Unix seconds of a time of X.509; 0 where it cannot be read.
[[nodiscard]] long long unix_seconds(const ASN1_TIME* at);

/// "2026-11-28 03:51 UTC".
[[nodiscard]] std::string date_text(long long at);

/// The common name of a certificate, fit for a log: what is not printable ASCII is '?', and at most
/// 64 characters. nullptr has none.
[[nodiscard]] std::string common_name(const X509* cert);

} // namespace banger::tls
