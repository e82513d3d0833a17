#include "tls/refusal.hpp"

#include <cstring>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

namespace banger::tls {

namespace {

/// What the other end says of our certificate, by its alert (RFC 8446 section 6.2); else empty.
std::string words_of_alert(int alert) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE: return "it does not take ours: not valid yet, or of another name";
    case SSL_AD_UNSUPPORTED_CERTIFICATE: return "it does not take ours: not for this end";
    case SSL_AD_CERTIFICATE_REVOKED: return "it does not take ours: revoked";
    case SSL_AD_CERTIFICATE_EXPIRED:
      return "it does not take ours: expired, or its ca.crl has lapsed";
    case SSL_AD_CERTIFICATE_UNKNOWN: return "it does not take ours";
    case SSL_AD_UNKNOWN_CA: return "it does not take ours: of another CA";
    case SSL_AD_ACCESS_DENIED: return "it does not take ours: no access";
    case SSL_AD_CERTIFICATE_REQUIRED: return "it wants a certificate, and got none";
    default: return {};
  }
}

bool is_no_tls(int reason) {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
    case SSL_R_DATA_LENGTH_TOO_LONG:
    case SSL_R_RECORD_TOO_SMALL:
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_UNEXPECTED_RECORD:
    case SSL_R_LENGTH_TOO_SHORT: return true;
    default: return false;
  }
}

refusal explain_protocol(SSL* ssl, end_kind peer, bool is_open) {
  const auto code = ERR_peek_error();
  const auto reason = ERR_GET_REASON(code);
  const auto verdict = SSL_get_verify_result(ssl);
  const auto text = take_error();
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
    return {"its certificate " + words_of_verify(verdict, peer), true, false};
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return {"it has no certificate", true, false};
  if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    return {is_open ? "it broke off" : "it left before the handshake's end", false, false};
  if (reason == SSL_R_UNSUPPORTED_PROTOCOL ||
      reason == SSL_AD_REASON_OFFSET + SSL_AD_PROTOCOL_VERSION)
    return {"it speaks TLS below 1.3", false, false};
  if (auto words = words_of_alert(reason - SSL_AD_REASON_OFFSET); !words.empty())
    return {words, true, true};
  if (is_no_tls(reason))
    return {"it does not speak TLS", false, false};
  return {"a breach of TLS: " + text, false, false};
}

} // namespace

std::string words_of_verify(long code, end_kind which) {
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "is not valid yet";
    case X509_V_ERR_CERT_REVOKED: return "has been revoked";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_CERT_UNTRUSTED: return "is of another CA";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return "is self-signed, and of no CA";
    case X509_V_ERR_INVALID_PURPOSE:
      return which == end_kind::server ? "is not for a host" : "is not for a client";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return "is of another host";
    case X509_V_ERR_CRL_HAS_EXPIRED: return "cannot be looked up: ca.crl has lapsed";
    case X509_V_ERR_CRL_NOT_YET_VALID: return "cannot be looked up: ca.crl is of the future";
    case X509_V_ERR_UNABLE_TO_GET_CRL: return "cannot be looked up: ca.crl is not its CA's";
    default: return std::string{"is not valid: "} + X509_verify_cert_error_string(code);
  }
}

bool is_about_the_list(long code) {
  return code == X509_V_ERR_CRL_HAS_EXPIRED || code == X509_V_ERR_CRL_NOT_YET_VALID ||
         code == X509_V_ERR_UNABLE_TO_GET_CRL;
}

refusal explain(SSL* ssl, int error, int system, end_kind peer, bool is_open) {
  if (error == SSL_ERROR_SSL)
    return explain_protocol(ssl, peer, is_open);
  ERR_clear_error();
  if (error == SSL_ERROR_ZERO_RETURN)
    return {"it closed the connection", false, false};
  return {system != 0 ? std::strerror(system) : "it broke off", false, false};
}

} // namespace banger::tls
