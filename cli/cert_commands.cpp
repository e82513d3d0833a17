// cert: done by banger-tls, for the command line has no TLS in it.
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "client/tls_program.hpp"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace banger::cli {

int cert(const host::paths& where, const options& how) {
  auto program = client::find_tls_program();
  if (!program)
    return report(program.error(), how);
  std::vector<std::string> words{*program, "cert"};
  words.insert(words.end(), how.cert.begin(), how.cert.end());
  words.push_back("--dir=" + (how.cert_folder.empty() ? where.config + "/certs" : how.cert_folder));
  if (how.is_json)
    words.emplace_back("--json");
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(program->c_str(), argv.data());
  return report(failure{ec::failed, "start " + *program, std::strerror(errno), {}}, how);
}

} // namespace banger::cli
