#include "tls/connector.hpp"

#include "core/forward_spec.hpp"
#include "tls/credentials.hpp"
#include "tls/refusal_log.hpp"
#include "tls/relay.hpp"
#include "tls/tcp_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace banger::tls {

namespace {

constexpr int limit_s = 10, exit_unreachable = 5;
constexpr std::int64_t limit_ms = 1'000LL * limit_s, last_words_ms = 1'000;

using addresses_ptr = std::unique_ptr<addrinfo, ends_with<::freeaddrinfo>>;

std::string where_text(const connect_options& how) {
  return "connect to " + core::endpoint_text(how.where.host, how.where.port);
}

// -- TCP

/// getaddrinfo(3) has no deadline.
void end_of_lookup(int) {
  constexpr char line[] = "banger-tls: look the host up: no answer within 10 s; check its name, or "
                          "give its address\n";
  (void)!::write(STDERR_FILENO, line, sizeof line - 1);
  ::_exit(exit_unreachable);
}

result<addresses_ptr> look_up(const connect_options& how) {
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  std::signal(SIGALRM, end_of_lookup);
  ::alarm(limit_s);
  const auto error = ::getaddrinfo(how.where.host.c_str(), std::to_string(how.where.port).c_str(),
                                   &wanted, &found);
  ::alarm(0);
  if (error != 0)
    return fail(ec::unreachable, where_text(how), ::gai_strerror(error),
                "check its name, or give its address");
  return addresses_ptr{found};
}

/// Waits for one of `events`. @returns false at the deadline
bool wait_for(int fd, short events, std::int64_t until_ms) {
  for (;;) {
    pollfd waiting{fd, events, 0};
    const auto left = std::max<std::int64_t>(until_ms - steady_ms(), 0);
    const auto ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0)
      return true;
    if (ready == 0 || errno != EINTR)
      return false;
  }
}

/// Errors: errno.
tl::expected<host::unique_fd, int> dial(const addrinfo& at, std::int64_t until_ms) {
  host::unique_fd fd{
      ::socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, at.ai_protocol)};
  if (!fd)
    return tl::make_unexpected(errno);
  prepare_socket(fd.get());
  if (::connect(fd.get(), at.ai_addr, at.ai_addrlen) == 0)
    return fd;
  if (errno != EINPROGRESS)
    return tl::make_unexpected(errno);
  if (!wait_for(fd.get(), POLLOUT, until_ms))
    return tl::make_unexpected(ETIMEDOUT);
  int error = 0;
  socklen_t size = sizeof error;
  (void)::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0)
    return tl::make_unexpected(error);
  return fd;
}

/// Each address in turn; one that says nothing leaves time for those after it.
result<host::unique_fd> dial_any(const connect_options& how, std::int64_t until_ms) {
  auto all = look_up(how);
  if (!all)
    return tl::make_unexpected(all.error());
  int error = EADDRNOTAVAIL, left = 0;
  for (auto* at = all->get(); at != nullptr; at = at->ai_next)
    ++left;
  for (auto* at = all->get(); at != nullptr; at = at->ai_next, --left) {
    const auto now = steady_ms();
    auto fd = dial(*at, now + (until_ms - now) / left);
    if (fd)
      return std::move(*fd);
    error = fd.error();
  }
  return fail(ec::unreachable, where_text(how),
              error == ETIMEDOUT ? "no answer within 10 s" : std::strerror(error),
              "see that bangerd listens there (bangerd --listen), and that no firewall is between");
}

// -- TLS

/// The names a certificate is for: "a.lan, 192.0.2.1".
std::string names_of(X509* cert) {
  std::string text;
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int kind = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind));
    const auto size = static_cast<std::size_t>(std::max(ASN1_STRING_length(value), 0));
    const auto* bytes = ASN1_STRING_get0_data(value);
    sockaddr_storage x{};
    std::string name;
    if (kind == GEN_DNS)
      name.assign(reinterpret_cast<const char*>(bytes), size);
    else if (kind == GEN_IPADD && size == 4) {
      x.ss_family = AF_INET;
      std::memcpy(&reinterpret_cast<sockaddr_in&>(x).sin_addr, bytes, size);
      name = address_of(x).address;
    } else if (kind == GEN_IPADD && size == 16) {
      x.ss_family = AF_INET6;
      std::memcpy(&reinterpret_cast<sockaddr_in6&>(x).sin6_addr, bytes, size);
      name = address_of(x).address;
    }
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
    text += (text.empty() ? "" : ", ") + name;
  }
  GENERAL_NAMES_free(names);
  return text.empty() ? "nobody" : text;
}

bool expect_name(SSL* ssl, const std::string& name) {
  auto* wanted = SSL_get0_param(ssl);
  if (core::is_numeric_address(name))
    return X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                              X509_CHECK_FLAG_NO_WILDCARDS);
  auto* sni = const_cast<char*>(name.c_str()); // OpenSSL copies it; its macro casts as C does
  return SSL_set1_host(ssl, name.c_str()) == 1 &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sni) == 1;
}

failure to_failure(const connect_options& how, const refusal& x) {
  if (!x.is_of_certificates)
    return {ec::unreachable, where_text(how), x.why, "look into the host's log"};
  return {ec::failed, where_text(how), x.why,
          x.is_of_ours ? "ours is " + how.folder +
                             "/cert.pem; banger cert issue makes another one, "
                             "and the host's log says more"
                       : "see who answers there; the CA that counts is " + how.folder + "/ca.pem"};
}

failure refuse(const connect_options& how, SSL* ssl, X509* cert, const refusal& x) {
  const auto code = SSL_get_verify_result(ssl);
  if (code != X509_V_ERR_HOSTNAME_MISMATCH && code != X509_V_ERR_IP_ADDRESS_MISMATCH)
    return to_failure(how, x);
  const auto name = how.name.empty() ? how.where.host : how.name;
  return {ec::failed, where_text(how),
          "its certificate is of " + (cert == nullptr ? "another host" : names_of(cert)) +
              ", not of " + name,
          "connect to a name that it has, or issue one: banger cert issue NAME --host " + name};
}

result<ssl_ptr> shake_hands(const connect_options& how, const credentials& by, int socket,
                            std::int64_t until_ms) {
  ssl_ptr ssl{SSL_new(by.context.get())};
  if (!ssl || SSL_set_fd(ssl.get(), socket) != 1 ||
      !expect_name(ssl.get(), how.name.empty() ? how.where.host : how.name))
    return fail(ec::failed, "prepare TLS", take_error());
  cert_ptr refused;
  keep_refused_in(ssl.get(), &refused);
  SSL_set_connect_state(ssl.get());
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const auto done = SSL_do_handshake(ssl.get());
    if (done == 1) {
      keep_refused_in(ssl.get(), nullptr);
      return ssl;
    }
    const auto system = errno;
    const auto error = SSL_get_error(ssl.get(), done);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
      return tl::make_unexpected(
          refuse(how, ssl.get(), refused.get(),
                 explain(ssl.get(), error, system, end_kind::server, false)));
    if (!wait_for(socket, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until_ms))
      return fail(ec::unreachable, where_text(how), "no TLS handshake within 10 s",
                  "see that it is bangerd who listens there");
  }
}

// -- the bytes

/// Standard input where it is a socket, else it and standard output. A pipe is not to make us wait.
plain_end our_end() {
  struct stat info {};
  if (::fstat(STDIN_FILENO, &info) == 0 && S_ISSOCK(info.st_mode))
    return {host::unique_fd{STDIN_FILENO}, {}};
  for (auto fd : {STDIN_FILENO, STDOUT_FILENO})
    if (::fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode))
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  return {host::unique_fd{STDIN_FILENO}, host::unique_fd{STDOUT_FILENO}};
}

result<void> carry(const connect_options& how, relay& bytes) {
  std::vector<pollfd> polled;
  bytes.push();
  while (!bytes.is_over()) {
    polled.clear();
    bytes.poll_for(polled);
    if (::poll(polled.data(), polled.size(), bytes.patience()) < 0 && errno != EINTR)
      return fail_errno("poll");
    bytes.serve(polled);
  }
  if (!bytes.is_broken())
    return {};
  auto why = to_failure(how, bytes.trouble());
  if (why.code == ec::unreachable)
    why.what = "the connection to " + core::endpoint_text(how.where.host, how.where.port);
  return tl::make_unexpected(why);
}

} // namespace

result<void> connect_and_carry(const connect_options& how) {
  auto by = load_credentials(how.folder, end_kind::client);
  if (!by)
    return tl::make_unexpected(by.error());
  if (!by->warning.empty())
    std::fprintf(stderr, "banger-tls: %s\n", by->warning.c_str());
  const auto until = steady_ms() + limit_ms;
  auto socket = dial_any(how, until);
  if (!socket)
    return tl::make_unexpected(socket.error());
  auto ssl = shake_hands(how, *by, socket->get(), until);
  if (!ssl)
    return tl::make_unexpected(ssl.error());
  relay bytes{std::move(*ssl), std::move(*socket), our_end(), end_kind::server};
  auto ended = carry(how, bytes);
  // Closed with bytes unread the connection would be reset, and what we said last be lost.
  const auto last = bytes.take_socket();
  (void)::shutdown(last.get(), SHUT_WR);
  const auto last_until = steady_ms() + last_words_ms;
  while (ended && discard_input(last.get()) && wait_for(last.get(), POLLIN, last_until)) {
  }
  return ended;
}

} // namespace banger::tls
