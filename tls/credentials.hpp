// The certificates that one end of a connection goes by: a folder with ca.pem, ca.crl, cert.pem and
// key.pem, as `banger cert issue` makes it.
#pragma once

#include "host/folder_watch.hpp"
#include "protocol/result.hpp"
#include "tls/openssl.hpp"

#include <array>
#include <ctime>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace banger::tls {

enum class end_kind : std::uint8_t { server, client };

/// What the folder had when it was read, checked.
struct credentials {
  context_ptr context;
  store_ptr store;     ///< the CA and its list of revoked certificates
  std::string warning; ///< what ends soon; empty: nothing does
};

/// A private key, only where it is a file of ours that nobody else may read. Errors: unsafe_path,
/// bad_request.
[[nodiscard]] result<key_ptr> read_private_key(const std::string& path);

/// Errors: bad_request.
[[nodiscard]] result<cert_ptr> read_certificate(const std::string& path);

/// Reads and checks all four: the key is the certificate's, that one is of the CA, is for this end,
/// is in force and not revoked, and the list of revoked ones is the CA's and in force.
/// Errors: unsafe_path, bad_request, failed; one sentence, and what to do.
[[nodiscard]] result<credentials> load_credentials(const std::string& folder, end_kind which);

/// Where the certificate goes to that a handshake refuses: OpenSSL keeps only good ones. nullptr:
/// nowhere.
void keep_refused_in(SSL* ssl, cert_ptr* place);

/// What is wrong now with the certificate of a peer that was good when it came; empty: nothing is.
[[nodiscard]] std::string look_again(const credentials& by, X509* cert, end_kind peer);

/// Tells when the files of a folder have changed.
class credential_watch {
public:
  explicit credential_watch(std::string folder);

  /// Can be read when there may be a change; -1: nobody tells, one has to ask.
  [[nodiscard]] int fd() const { return watch_ ? watch_->fd() : -1; }

  /// Whether a file is another one, or was written, since the last time this was true.
  [[nodiscard]] bool has_changed();

private:
  struct stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::time_t changed_s = 0;
    long changed_ns = 0;
    friend bool operator==(const stamp&, const stamp&) = default;
  };
  using stamps = std::array<stamp, 4>;

  [[nodiscard]] stamps look() const;
  void watch_anew();

  std::string folder_;
  std::optional<host::folder_watch> watch_;
  stamps seen_;
};

} // namespace banger::tls
