// Why a connection was refused, in words.
#pragma once

#include "tls/credentials.hpp"
#include "tls/openssl.hpp"

#include <string>

namespace banger::tls {

/// What is wrong with a certificate, by OpenSSL's code: "has been revoked". @param which  what it
/// would have to be for
[[nodiscard]] std::string words_of_verify(long code, end_kind which);

/// Whether the list of revoked certificates is what is wrong.
[[nodiscard]] bool is_about_the_list(long code);

struct refusal {
  std::string why;
  bool is_of_certificates = false; ///< of ours, or of theirs: to try again changes nothing
  bool is_of_ours = false;         ///< they do not take ours
};

/// What has failed on a connection. Call it at once after the call that did. @param error  of
/// SSL_get_error; @param system  errno; @param peer  what the other end is;
/// @param is_open  hands were shaken before
[[nodiscard]] refusal explain(SSL* ssl, int error, int system, end_kind peer, bool is_open);

} // namespace banger::tls
