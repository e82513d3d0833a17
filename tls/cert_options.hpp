// What `banger cert` is told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace banger::tls {

enum class cert_verb : std::uint8_t { init, issue, revoke, list, show };

struct cert_options {
  cert_verb what = cert_verb::list;
  std::string folder; ///< of the authority
  std::string name;
  std::vector<std::string> hosts; ///< issue: names and addresses of a host; none: a client's
  bool is_client_too = false;     ///< issue: of a host that also connects to others
  bool renews = false;            ///< issue: also where the name has one that is good
  std::int64_t days = 365;        ///< issue
  bool is_json = false;
};

} // namespace banger::tls
