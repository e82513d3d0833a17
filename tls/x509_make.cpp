#include "tls/x509_make.hpp"

#include "core/tcp_endpoint.hpp"
#include "host/random.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace banger::tls {

namespace {

constexpr long long clock_skew_s = 3'600; ///< of machines that check what was just made

tl::unexpected<failure> failed(const char* what) {
  return fail(ec::failed, what, take_error());
}

integer_ptr integer_of(const std::string& hex) {
  BIGNUM* raw = nullptr;
  if (BN_hex2bn(&raw, hex.c_str()) == 0)
    return {};
  const number_ptr number{raw};
  return integer_ptr{BN_to_ASN1_INTEGER(number.get(), nullptr)};
}

bool set_basics(X509* x, const std::string& serial, const std::string& name, EVP_PKEY* key,
                long long from, long long until) {
  constexpr long version_3 = 2;
  const auto number = integer_of(serial);
  auto* subject = X509_get_subject_name(x);
  return number && X509_set_version(x, version_3) == 1 &&
         X509_set_serialNumber(x, number.get()) == 1 &&
         ASN1_TIME_set(X509_getm_notBefore(x), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(x), until) != nullptr &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                    reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                    0) == 1 &&
         X509_set_pubkey(x, key) == 1;
}

bool add(X509* x, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, x, nullptr, nullptr, 0);
  const extension_ptr made{X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str())};
  return made && X509_add_ext(x, made.get(), -1) == 1;
}

/// "DNS:build.lan,IP:192.0.2.1". @pre each is one that check_cert_host takes
std::string alternatives(const std::vector<std::string>& hosts) {
  std::string text;
  for (const auto& host : hosts)
    text += (text.empty() ? "" : ",") +
            std::string{core::is_numeric_address(host) ? "IP:" : "DNS:"} + host;
  return text;
}

const char* usage_of(core::cert_kind kind) {
  switch (kind) {
    case core::cert_kind::client: return "clientAuth";
    case core::cert_kind::host: return "serverAuth";
    case core::cert_kind::both: return "serverAuth,clientAuth";
  }
  return "clientAuth";
}

template <class Write>
std::string pem_text(Write write) {
  const bio_ptr bio{BIO_new(BIO_s_mem())};
  if (!bio || write(bio.get()) != 1)
    return {};
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

bool add_revoked(X509_CRL* list, const core::issued_cert& x) {
  const auto serial = integer_of(x.serial);
  const time_ptr at{ASN1_TIME_set(nullptr, x.revoked_at)};
  auto* entry = X509_REVOKED_new();
  if (serial && at && entry != nullptr && X509_REVOKED_set_serialNumber(entry, serial.get()) == 1 &&
      X509_REVOKED_set_revocationDate(entry, at.get()) == 1 &&
      X509_CRL_add0_revoked(list, entry) == 1)
    return true;
  X509_REVOKED_free(entry);
  return false;
}

/// Which of two lists is newer.
bool add_number(X509_CRL* list, long long now) {
  const integer_ptr number{ASN1_INTEGER_new()};
  return number && ASN1_INTEGER_set_int64(number.get(), now) == 1 &&
         X509_CRL_add1_ext_i2d(list, NID_crl_number, number.get(), 0, 0) == 1;
}

bool add_issuer(X509_CRL* list, X509* issuer) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, nullptr, nullptr, list, 0);
  const extension_ptr made{
      X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always")};
  return made && X509_CRL_add_ext(list, made.get(), -1) == 1;
}

} // namespace

std::string random_serial() {
  constexpr std::size_t bytes = 16;
  auto text = host::random_hex(bytes);
  text.front() = '5'; // neither negative nor short
  return text;
}

result<key_ptr> make_key() {
  key_ptr key{EVP_EC_gen("P-256")};
  if (!key)
    return failed("make a key");
  return key;
}

result<cert_ptr> make_authority_cert(EVP_PKEY* key, const std::string& name, long long from,
                                     long long until) {
  cert_ptr x{X509_new()};
  if (!x || !set_basics(x.get(), random_serial(), name, key, from - clock_skew_s, until) ||
      X509_set_issuer_name(x.get(), X509_get_subject_name(x.get())) != 1 ||
      !add(x.get(), x.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add(x.get(), x.get(), NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add(x.get(), x.get(), NID_subject_key_identifier, "hash") ||
      X509_sign(x.get(), key, EVP_sha256()) == 0)
    return failed("make the CA's certificate");
  return x;
}

result<cert_ptr> make_cert(const core::issued_cert& what, EVP_PKEY* key, const signer& by) {
  cert_ptr x{X509_new()};
  if (!x ||
      !set_basics(x.get(), what.serial, what.name, key, what.issued_at - clock_skew_s,
                  what.expires_at) ||
      X509_set_issuer_name(x.get(), X509_get_subject_name(by.cert)) != 1 ||
      !add(x.get(), by.cert, NID_basic_constraints, "critical,CA:FALSE") ||
      !add(x.get(), by.cert, NID_key_usage, "critical,digitalSignature") ||
      !add(x.get(), by.cert, NID_ext_key_usage, usage_of(what.kind)) ||
      (!what.hosts.empty() &&
       !add(x.get(), by.cert, NID_subject_alt_name, alternatives(what.hosts))) ||
      !add(x.get(), by.cert, NID_subject_key_identifier, "hash") ||
      !add(x.get(), by.cert, NID_authority_key_identifier, "keyid:always") ||
      X509_sign(x.get(), by.key, EVP_sha256()) == 0)
    return failed("make a certificate");
  return x;
}

result<crl_ptr> make_revoked_list(const std::vector<core::issued_cert>& all, const signer& by,
                                  long long now) {
  constexpr long version_2 = 1;
  crl_ptr x{X509_CRL_new()};
  const time_ptr from{ASN1_TIME_set(nullptr, now - clock_skew_s)};
  if (!x || !from || X509_CRL_set_version(x.get(), version_2) != 1 ||
      X509_CRL_set_issuer_name(x.get(), X509_get_subject_name(by.cert)) != 1 ||
      X509_CRL_set1_lastUpdate(x.get(), from.get()) != 1 ||
      X509_CRL_set1_nextUpdate(x.get(), X509_get0_notAfter(by.cert)) != 1)
    return failed("make the list of revoked certificates");
  for (const auto& each : all)
    if (each.revoked_at != 0 && !add_revoked(x.get(), each))
      return failed("make the list of revoked certificates");
  if (!add_issuer(x.get(), by.cert) || !add_number(x.get(), now) || X509_CRL_sort(x.get()) != 1 ||
      X509_CRL_sign(x.get(), by.key, EVP_sha256()) == 0)
    return failed("make the list of revoked certificates");
  return x;
}

std::string pem_of(X509* cert) {
  return pem_text([cert](BIO* bio) { return PEM_write_bio_X509(bio, cert); });
}

std::string pem_of(X509_CRL* list) {
  return pem_text([list](BIO* bio) { return PEM_write_bio_X509_CRL(bio, list); });
}

std::string pem_of(EVP_PKEY* key) {
  return pem_text([key](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

} // namespace banger::tls
