#include "tls/credentials.hpp"

#include "host/files.hpp"
#include "host/unique_fd.hpp"
#include "tls/refusal.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <utility>

namespace banger::tls {

namespace {

constexpr std::size_t most_file_bytes = 1U << 20;
constexpr long long soon_s = 14LL * 24 * 3600;
constexpr std::array files{"ca.pem", "ca.crl", "cert.pem", "key.pem"};
constexpr const char* how_to_get = "banger cert issue makes the folder with all four files";

/// OpenSSL would ask on the terminal for a key's password.
int no_password(char*, int, int, void*) {
  return 0;
}

tl::unexpected<failure> wrong(const std::string& path, std::string why, std::string hint = {}) {
  ERR_clear_error();
  return fail(ec::bad_request, "use " + path, std::move(why), std::move(hint));
}

result<bio_ptr> open_text(const std::string& path) {
  auto text = host::read_file(path, most_file_bytes);
  if (!text)
    return wrong(path, text.error().why, how_to_get);
  bio_ptr bio{BIO_new(BIO_s_mem())};
  if (!bio || BIO_write(bio.get(), text->data(), static_cast<int>(text->size())) < 0)
    return wrong(path, "it is empty", how_to_get);
  return bio;
}

result<crl_ptr> read_revoked(const std::string& path) {
  auto bio = open_text(path);
  if (!bio)
    return tl::make_unexpected(bio.error());
  crl_ptr crl{PEM_read_bio_X509_CRL(bio->get(), nullptr, no_password, nullptr)};
  if (!crl)
    return wrong(path, "it has no list of revoked certificates", how_to_get);
  return crl;
}

/// @returns descriptor of a key file that nobody else may read
result<host::unique_fd> open_key(const std::string& path) {
  host::unique_fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!fd)
    return wrong(path, std::strerror(errno), how_to_get);
  struct stat info {};
  const auto unsafe = [&path](const char* why, std::string hint) {
    return fail(ec::unsafe_path, "use " + path, why, std::move(hint));
  };
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return unsafe("it is no file", how_to_get);
  if (info.st_uid != ::geteuid())
    return unsafe("it belongs to another user", "copy it, so that it is yours");
  if ((info.st_mode & 077) != 0)
    return unsafe("others may read it", "chmod 600 " + path);
  return fd;
}

/// Purpose alone would let a certificate pass that says nothing of what it is for.
bool is_for(X509* cert, end_kind which) {
  const auto wanted = which == end_kind::server ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
  return (X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) != 0 &&
         (X509_get_extended_key_usage(cert) & static_cast<unsigned>(wanted)) != 0;
}

/// Index of the data that OpenSSL leaves to its user.
constexpr int our_data = 0;

void keep_refused(X509_STORE_CTX* at) {
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(at, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* place = ssl == nullptr ? nullptr : static_cast<cert_ptr*>(SSL_get_ex_data(ssl, our_data));
  auto* cert = X509_STORE_CTX_get0_cert(at);
  if (place != nullptr && cert != nullptr && X509_up_ref(cert) == 1)
    place->reset(cert);
}

int check_peer(int is_good, X509_STORE_CTX* at, end_kind which) {
  if (is_good == 1 && X509_STORE_CTX_get_error_depth(at) == 0 &&
      !is_for(X509_STORE_CTX_get_current_cert(at), which)) {
    X509_STORE_CTX_set_error(at, X509_V_ERR_INVALID_PURPOSE);
    is_good = 0;
  }
  if (is_good != 1)
    keep_refused(at);
  return is_good;
}

int check_client(int is_good, X509_STORE_CTX* at) {
  return check_peer(is_good, at, end_kind::client);
}

int check_server(int is_good, X509_STORE_CTX* at) {
  return check_peer(is_good, at, end_kind::server);
}

result<store_ptr> make_store(X509* authority, X509_CRL* revoked) {
  store_ptr store{X509_STORE_new()};
  if (!store || X509_STORE_add_cert(store.get(), authority) != 1 ||
      X509_STORE_add_crl(store.get(), revoked) != 1 ||
      X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK) != 1)
    return fail(ec::failed, "use the CA", take_error());
  return store;
}

result<void> check_authority(const std::string& folder, X509* authority, X509_CRL* revoked) {
  const auto path = folder + "/ca.pem";
  if (X509_check_ca(authority) != 1)
    return wrong(path, "it is no certificate of a CA", how_to_get);
  if (X509_cmp_current_time(X509_get0_notAfter(authority)) < 0)
    return wrong(path, "the CA has expired", "make a new one, and issue all certificates anew");
  if (X509_CRL_verify(revoked, X509_get0_pubkey(authority)) != 1)
    return wrong(folder + "/ca.crl", "it is not of the CA in ca.pem", "copy both from the CA");
  return {};
}

/// What is wrong with a certificate, as OpenSSL's code; X509_V_OK: nothing is.
int verdict_on(X509_STORE* store, X509* cert, end_kind which) {
  store_context_ptr check{X509_STORE_CTX_new()};
  if (!check || X509_STORE_CTX_init(check.get(), store, cert, nullptr) != 1)
    return X509_V_ERR_OUT_OF_MEM;
  X509_STORE_CTX_set_depth(check.get(), 0);
  if (X509_verify_cert(check.get()) != 1)
    return X509_STORE_CTX_get_error(check.get());
  return is_for(cert, which) ? X509_V_OK : X509_V_ERR_INVALID_PURPOSE;
}

/// As the other end will see it.
result<void> check_own(const std::string& folder, X509_STORE* store, X509* own, end_kind which) {
  const auto code = verdict_on(store, own, which);
  if (code == X509_V_OK)
    return {};
  if (is_about_the_list(code))
    return wrong(folder + "/ca.crl", words_of_verify(code, which), "copy the CA's present ca.crl");
  std::string hint = "banger cert issue makes another one";
  if (code == X509_V_ERR_INVALID_PURPOSE)
    hint = which == end_kind::server ? "banger cert issue NAME --host HOST makes one for a host"
                                     : "banger cert issue NAME makes one for a client";
  return wrong(folder + "/cert.pem", "it " + words_of_verify(code, which), hint);
}

result<context_ptr> make_context(end_kind which, X509_STORE* store, X509* own, EVP_PKEY* key) {
  const auto is_server = which == end_kind::server;
  context_ptr x{SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method())};
  if (!x || SSL_CTX_set_min_proto_version(x.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(x.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(x.get(), "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                        "TLS_CHACHA20_POLY1305_SHA256") != 1 ||
      SSL_CTX_use_certificate(x.get(), own) != 1 || SSL_CTX_use_PrivateKey(x.get(), key) != 1 ||
      SSL_CTX_set1_verify_cert_store(x.get(), store) != 1)
    return fail(ec::failed, "prepare TLS", take_error());
  SSL_CTX_set_security_level(x.get(), 2);
  SSL_CTX_set_verify(x.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     is_server ? check_client : check_server);
  SSL_CTX_set_verify_depth(x.get(), 0); // the CA itself signs, no intermediate one
  // Who resumes a session is not verified again, and may have been revoked since.
  SSL_CTX_set_session_cache_mode(x.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(x.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(x.get(), 0);
  SSL_CTX_set_mode(x.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(x.get(), 1);
  constexpr std::size_t read_bytes = 64U << 10;
  SSL_CTX_set_default_read_buffer_len(x.get(), read_bytes);
  return x;
}

std::string warn_of_end(const std::string& folder, X509* own, X509_CRL* revoked) {
  const auto now = static_cast<long long>(std::time(nullptr));
  const auto own_end = unix_seconds(X509_get0_notAfter(own));
  const auto list_end = unix_seconds(X509_CRL_get0_nextUpdate(revoked));
  if (own_end - now < soon_s)
    return folder + "/cert.pem expires at " + date_text(own_end);
  if (list_end != 0 && list_end - now < soon_s)
    return folder + "/ca.crl lapses at " + date_text(list_end) +
           ": from then on everybody is refused; copy the CA's present one";
  return {};
}

} // namespace

result<key_ptr> read_private_key(const std::string& path) {
  auto fd = open_key(path);
  if (!fd)
    return tl::make_unexpected(fd.error());
  bio_ptr bio{BIO_new_fd(fd->get(), BIO_NOCLOSE)};
  key_ptr key{bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr) : nullptr};
  if (!key)
    return wrong(path, "it has no private key without a password", how_to_get);
  return key;
}

result<cert_ptr> read_certificate(const std::string& path) {
  auto bio = open_text(path);
  if (!bio)
    return tl::make_unexpected(bio.error());
  cert_ptr cert{PEM_read_bio_X509(bio->get(), nullptr, no_password, nullptr)};
  if (!cert)
    return wrong(path, "it has no certificate", how_to_get);
  return cert;
}

result<credentials> load_credentials(const std::string& folder, end_kind which) {
  auto authority = read_certificate(folder + "/ca.pem");
  if (!authority)
    return tl::make_unexpected(authority.error());
  auto revoked = read_revoked(folder + "/ca.crl");
  if (!revoked)
    return tl::make_unexpected(revoked.error());
  auto own = read_certificate(folder + "/cert.pem");
  if (!own)
    return tl::make_unexpected(own.error());
  auto key = read_private_key(folder + "/key.pem");
  if (!key)
    return tl::make_unexpected(key.error());
  if (X509_check_private_key(own->get(), key->get()) != 1)
    return wrong(folder + "/key.pem", "it is not the key of cert.pem", "copy both anew");
  if (auto ok = check_authority(folder, authority->get(), revoked->get()); !ok)
    return tl::make_unexpected(ok.error());
  auto store = make_store(authority->get(), revoked->get());
  if (!store)
    return tl::make_unexpected(store.error());
  if (auto ok = check_own(folder, store->get(), own->get(), which); !ok)
    return tl::make_unexpected(ok.error());
  auto context = make_context(which, store->get(), own->get(), key->get());
  if (!context)
    return tl::make_unexpected(context.error());
  auto warning = warn_of_end(folder, own->get(), revoked->get());
  return credentials{std::move(*context), std::move(*store), std::move(warning)};
}

void keep_refused_in(SSL* ssl, cert_ptr* place) {
  (void)SSL_set_ex_data(ssl, our_data, place);
}

std::string look_again(const credentials& by, X509* cert, end_kind peer) {
  const auto code = verdict_on(by.store.get(), cert, peer);
  ERR_clear_error();
  return code == X509_V_OK ? std::string{} : "its certificate " + words_of_verify(code, peer);
}

credential_watch::credential_watch(std::string folder) : folder_(std::move(folder)) {
  watch_anew();
  seen_ = look();
}

void credential_watch::watch_anew() {
  watch_.reset();
  if (auto watch = host::folder_watch::open(folder_))
    watch_.emplace(std::move(*watch));
}

credential_watch::stamps credential_watch::look() const {
  stamps all;
  for (std::size_t i = 0; i < files.size(); ++i) {
    struct stat info {};
    if (::stat((folder_ + "/" + files[i]).c_str(), &info) == 0)
      all[i] = {info.st_dev, info.st_ino, info.st_size, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
  }
  return all;
}

bool credential_watch::has_changed() {
  if (watch_ && watch_->take({}).is_over)
    watch_anew();
  const auto now = look();
  return std::exchange(seen_, now) != now;
}

} // namespace banger::tls
