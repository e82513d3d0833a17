#include "tls/authority.hpp"

#include "host/files.hpp"
#include "host/lock_file.hpp"
#include "host/random.hpp"
#include "tls/credentials.hpp"
#include "tls/x509_make.hpp"

#include <ctime>

namespace banger::tls {

namespace {

constexpr long long day_s = 24LL * 3600;
constexpr long long authority_s = 3'652 * day_s; // ten years
constexpr std::size_t most_index_bytes = 16U << 20;
constexpr mode_t private_mode = 0600, public_mode = 0644;

long long now_s() {
  return static_cast<long long>(std::time(nullptr));
}

result<host::unique_fd> hold(const std::string& folder) {
  auto lock = host::take_lock(folder + "/.lock");
  if (!lock && lock.error().code == ec::already_exists)
    return fail(ec::busy, "use the CA in " + folder, "another banger cert is at work there",
                "try again");
  return lock;
}

/// Once the key of a CA is there, it is one: so it is written last.
result<void> write_authority(const std::string& folder, X509* cert, X509_CRL* list, EVP_PKEY* key) {
  const auto index = core::format_cert_index({});
  if (auto ok = host::write_file_durably(folder + "/index.txt", index, private_mode); !ok)
    return ok;
  if (auto ok = host::write_file_durably(folder + "/ca.crl", pem_of(list), public_mode); !ok)
    return ok;
  if (auto ok = host::write_file_durably(folder + "/ca.pem", pem_of(cert), public_mode); !ok)
    return ok;
  return host::write_file_durably(folder + "/ca.key", pem_of(key), private_mode);
}

} // namespace

result<void> authority::make(const std::string& folder) {
  if (auto ok = host::make_private_directory(folder); !ok)
    return ok;
  auto lock = hold(folder);
  if (!lock)
    return tl::make_unexpected(lock.error());
  if (host::exists(folder + "/ca.key") || host::exists(folder + "/key.pem"))
    return fail(ec::already_exists, "make a CA in " + folder, "there are keys already",
                "banger cert list; or give another folder: --dir DIR");
  auto key = make_key();
  if (!key)
    return tl::make_unexpected(key.error());
  const auto now = now_s();
  constexpr std::size_t mark_bytes = 4;
  auto cert = make_authority_cert(key->get(), "banger CA " + host::random_hex(mark_bytes), now,
                                  now + authority_s);
  if (!cert)
    return tl::make_unexpected(cert.error());
  auto list = make_revoked_list({}, {cert->get(), key->get()}, now);
  if (!list)
    return tl::make_unexpected(list.error());
  return write_authority(folder, cert->get(), list->get(), key->get());
}

result<authority> authority::open(const std::string& folder) {
  if (!host::exists(folder + "/ca.key"))
    return fail(ec::not_found, "use the CA in " + folder, "there is none", "banger cert init");
  authority x;
  x.folder_ = folder;
  auto lock = hold(folder);
  if (!lock)
    return tl::make_unexpected(lock.error());
  x.lock_ = std::move(*lock);
  auto cert = read_certificate(folder + "/ca.pem");
  if (!cert)
    return tl::make_unexpected(cert.error());
  auto key = read_private_key(folder + "/ca.key");
  if (!key)
    return tl::make_unexpected(key.error());
  if (X509_check_private_key(cert->get(), key->get()) != 1)
    return fail(ec::bad_request, "use the CA in " + folder, "ca.key is not the key of ca.pem");
  auto text = host::read_file(folder + "/index.txt", most_index_bytes);
  if (!text)
    return tl::make_unexpected(text.error());
  auto all = core::parse_cert_index(*text);
  if (!all)
    return tl::make_unexpected(all.error());
  x.cert_ = std::move(*cert);
  x.key_ = std::move(*key);
  x.all_ = std::move(*all);
  return x;
}

result<void> authority::save_index() const {
  return host::write_file_durably(folder_ + "/index.txt", core::format_cert_index(all_),
                                  private_mode);
}

result<void> authority::save_revoked() const {
  auto list = make_revoked_list(all_, {cert_.get(), key_.get()}, now_s());
  if (!list)
    return tl::make_unexpected(list.error());
  return host::write_file_durably(folder_ + "/ca.crl", pem_of(list->get()), public_mode);
}

result<void> authority::write_folder(const std::string& name, X509* cert, EVP_PKEY* key) const {
  const auto folder = folder_ + "/" + name;
  if (auto ok = host::make_private_directory(folder); !ok)
    return ok;
  auto list = host::read_file(folder_ + "/ca.crl", most_index_bytes);
  if (!list)
    return tl::make_unexpected(list.error());
  if (auto ok = host::write_file_durably(folder + "/ca.pem", pem_of(cert_.get()), public_mode); !ok)
    return ok;
  if (auto ok = host::write_file_durably(folder + "/ca.crl", *list, public_mode); !ok)
    return ok;
  if (auto ok = host::write_file_durably(folder + "/cert.pem", pem_of(cert), public_mode); !ok)
    return ok;
  return host::write_file_durably(folder + "/key.pem", pem_of(key), private_mode);
}

result<std::string> authority::issue(const cert_options& how) {
  const auto what = "issue a certificate for '" + how.name + "'";
  const auto now = now_s();
  const auto* there = core::newest_of(all_, how.name);
  if (there != nullptr && core::state_of(*there, now) == core::cert_state::valid && !how.renews)
    return fail(ec::already_exists, what,
                "it has a good one, until " + date_text(there->expires_at),
                "banger cert issue --renew makes another one beside it; banger cert revoke " +
                    how.name + " ends it");
  core::issued_cert x{
      random_serial(), how.name, core::cert_kind::client, now, now + how.days * day_s, 0,
      how.hosts};
  if (!how.hosts.empty())
    x.kind = how.is_client_too ? core::cert_kind::both : core::cert_kind::host;
  const auto end = unix_seconds(X509_get0_notAfter(cert_.get()));
  if (x.expires_at > end)
    return fail(ec::bad_request, what, "it would outlive the CA, which ends at " + date_text(end),
                "give fewer --days");
  auto key = make_key();
  if (!key)
    return tl::make_unexpected(key.error());
  auto cert = make_cert(x, key->get(), {cert_.get(), key_.get()});
  if (!cert)
    return tl::make_unexpected(cert.error());
  all_.push_back(x);
  if (auto ok = save_index(); !ok)
    return tl::make_unexpected(ok.error());
  if (auto ok = save_revoked(); !ok)
    return tl::make_unexpected(ok.error());
  if (auto ok = write_folder(how.name, cert->get(), key->get()); !ok)
    return tl::make_unexpected(ok.error());
  return folder_ + "/" + how.name;
}

result<std::size_t> authority::revoke(const std::string& name) {
  if (core::newest_of(all_, name) == nullptr)
    return fail(ec::not_found, "revoke '" + name + "'", "no certificate has that name",
                "banger cert list");
  std::size_t count = 0;
  for (auto& x : all_)
    if (x.name == name && x.revoked_at == 0) {
      x.revoked_at = now_s();
      ++count;
    }
  if (auto ok = save_index(); !ok)
    return tl::make_unexpected(ok.error());
  if (auto ok = save_revoked(); !ok) // also where all were revoked: a crash may have kept it back
    return tl::make_unexpected(ok.error());
  return count;
}

} // namespace banger::tls
