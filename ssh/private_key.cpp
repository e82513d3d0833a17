#include "ssh/private_key.hpp"

#include <libssh/libssh.h>

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace banger::ssh {

namespace {

// libssh asks for a passphrase on the terminal unless a callback answers; ours has none to give.
int no_passphrase(const char*, char*, size_t, int, int, void*) {
  return -1;
}

} // namespace

result<std::shared_ptr<const private_key>>
private_key::load_blocking(const std::filesystem::path& file) {
  auto what = "read the key " + file.string();
  int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    auto failed = fail_errno(what);
    if (failed.value().code != ec::not_found)
      failed.value().code = ec::storage_failed;
    return failed;
  }
  ::close(fd);
  ssh_key key = nullptr;
  if (ssh_pki_import_privkey_file(file.c_str(), nullptr, no_passphrase, nullptr, &key) != SSH_OK)
    return fail(ec::storage_failed, what, "not a private key without passphrase");
  return std::shared_ptr<const private_key>(new private_key(key));
}

private_key::~private_key() {
  ssh_key_free(key_);
}

} // namespace banger::ssh
