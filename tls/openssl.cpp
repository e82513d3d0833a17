#include "tls/openssl.hpp"

#include <ctime>
#include <openssl/err.h>

namespace banger::tls {

std::string take_error() {
  const auto code = ERR_peek_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

long long unix_seconds(const ASN1_TIME* at) {
  std::tm parts{};
  return at != nullptr && ASN1_TIME_to_tm(at, &parts) == 1 ? ::timegm(&parts) : 0;
}

std::string date_text(long long at) {
  const auto seconds = static_cast<std::time_t>(at);
  std::tm parts{};
  char text[40];
  ::gmtime_r(&seconds, &parts);
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts)};
}

std::string common_name(const X509* cert) {
  constexpr int most = 64; // RFC 5280, ub-common-name
  char text[most + 1] = "";
  if (cert == nullptr)
    return {};
  const auto size = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text,
                                              static_cast<int>(sizeof text));
  std::string name;
  for (int i = 0; i < size && i < most && text[i] != '\0'; ++i)
    name += text[i] > ' ' && text[i] <= '~' && text[i] != '\'' ? text[i] : '?';
  return name;
}

} // namespace banger::tls
