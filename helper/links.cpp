#include "helper/links.hpp"

#include "host/unique_fd.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <sys/socket.h>
#include <unistd.h>

namespace banger::helper {

namespace {

struct freer {
  void operator()(rtnl_link* x) const { ::rtnl_link_put(x); }
  void operator()(rtnl_addr* x) const { ::rtnl_addr_put(x); }
  void operator()(nl_addr* x) const { ::nl_addr_put(x); }
  void operator()(nl_cache* x) const { ::nl_cache_free(x); }
};

template <class T>
using owned = std::unique_ptr<T, freer>;

/// A number of libnl's as a failure: it is negative, and no errno.
tl::unexpected<failure> nl_failure(std::string what, int error) {
  auto code = error == -NLE_EXIST                                 ? ec::already_exists
              : error == -NLE_NODEV || error == -NLE_OBJ_NOTFOUND ? ec::not_found
              : error == -NLE_OPNOTSUPP                           ? ec::missing_program
                                                                  : ec::failed;
  return fail(code, std::move(what), ::nl_geterror(error),
              code == ec::missing_program ? "modprobe bridge" : "");
}

std::string text_of(const char* text) {
  return text == nullptr ? std::string{} : std::string{text};
}

result<void> add_address(nl_sock* socket, int index, std::string_view address, unsigned prefix) {
  const auto text = std::string{address} + "/" + std::to_string(prefix);
  nl_addr* parsed = nullptr;
  if (auto error = ::nl_addr_parse(text.c_str(), AF_INET, &parsed); error < 0)
    return nl_failure("read the address " + text, error);
  owned<nl_addr> local{parsed};
  owned<rtnl_addr> added{::rtnl_addr_alloc()};
  ::rtnl_addr_set_ifindex(added.get(), index);
  if (auto error = ::rtnl_addr_set_local(added.get(), local.get()); error < 0)
    return nl_failure("use the address " + text, error);
  if (auto error = ::rtnl_addr_add(socket, added.get(), NLM_F_EXCL); error < 0)
    return nl_failure("give the bridge the address " + text, error);
  return {};
}

result<int> index_of(nl_sock* socket, const std::string& name) {
  rtnl_link* found = nullptr;
  if (auto error = ::rtnl_link_get_kernel(socket, 0, name.c_str(), &found); error < 0)
    return nl_failure("look for the link " + name, error);
  owned<rtnl_link> link{found};
  return ::rtnl_link_get_ifindex(link.get());
}

/// Changes the link with this index as `change` says.
result<void> change_link(nl_sock* socket, int index, rtnl_link* change) {
  owned<rtnl_link> named{::rtnl_link_alloc()};
  ::rtnl_link_set_ifindex(named.get(), index);
  if (auto error = ::rtnl_link_change(socket, named.get(), change, 0); error < 0)
    return nl_failure("change a link", error);
  return {};
}

result<void> set_up(nl_sock* socket, int index) {
  owned<rtnl_link> change{::rtnl_link_alloc()};
  ::rtnl_link_set_flags(change.get(), IFF_UP);
  return change_link(socket, index, change.get());
}

/// Before it is up: a host that does not forward takes a default route from whatever guest sends a
/// router advertisement (RFC 4861 section 6.2.1). A kernel without IPv6 has no such file.
result<void> disable_ipv6(const std::string& name) {
  const auto path = "/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6";
  const host::unique_fd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd && errno == ENOENT)
    return {};
  if (!fd || ::write(fd.get(), "1", 1) != 1)
    return fail_errno("write " + path);
  return {};
}

} // namespace

void links::closer::operator()(nl_sock* socket) const {
  ::nl_socket_free(socket);
}

result<links> links::open() {
  links opened{::nl_socket_alloc()};
  if (!opened.socket_)
    return fail(ec::failed, "open rtnetlink", "there is no memory");
  if (auto error = ::nl_connect(opened.socket_.get(), NETLINK_ROUTE); error < 0)
    return nl_failure("open rtnetlink", error);
  return opened;
}

result<std::vector<link>> links::list() const {
  nl_cache* filled = nullptr;
  if (auto error = ::rtnl_link_alloc_cache(socket_.get(), AF_UNSPEC, &filled); error < 0)
    return nl_failure("list the links", error);
  owned<nl_cache> cache{filled};
  std::vector<link> all;
  for (auto* x = ::nl_cache_get_first(cache.get()); x != nullptr; x = ::nl_cache_get_next(x)) {
    auto* found = reinterpret_cast<rtnl_link*>(x); // what libnl's own casts do
    all.push_back({::rtnl_link_get_ifindex(found), text_of(::rtnl_link_get_name(found)),
                   text_of(::rtnl_link_get_ifalias(found)), ::rtnl_link_get_carrier(found) != 0});
  }
  return all;
}

result<void> links::make_bridge(std::string_view name, std::string_view address, unsigned prefix,
                                const unsigned char (&mac)[6], const std::string& alias) const {
  const std::string text{name};
  owned<rtnl_link> wanted{::rtnl_link_bridge_alloc()};
  owned<nl_addr> hardware{::nl_addr_build(AF_LLC, mac, sizeof mac)};
  ::rtnl_link_set_name(wanted.get(), text.c_str());
  ::rtnl_link_set_addr(wanted.get(), hardware.get());
  if (auto error = ::rtnl_link_add(socket_.get(), wanted.get(), NLM_F_CREATE | NLM_F_EXCL);
      error < 0)
    return nl_failure("make the bridge " + text, error);
  auto index = index_of(socket_.get(), text);
  if (!index)
    return tl::make_unexpected(index.error());
  auto ok = disable_ipv6(text);
  if (ok)
    ok = set_alias(*index, alias);
  if (ok)
    ok = set_up(socket_.get(), *index);
  if (ok)
    ok = add_address(socket_.get(), *index, address, prefix);
  if (!ok)
    (void)remove(*index);
  return ok;
}

result<void> links::add_port(const std::string& name, int bridge_index,
                             const std::string& alias) const {
  auto index = index_of(socket_.get(), name);
  if (!index)
    return tl::make_unexpected(index.error());
  owned<rtnl_link> change{::rtnl_link_alloc()};
  ::rtnl_link_set_master(change.get(), bridge_index);
  ::rtnl_link_set_ifalias(change.get(), alias.c_str());
  ::rtnl_link_set_flags(change.get(), IFF_UP);
  return change_link(socket_.get(), *index, change.get());
}

result<void> links::set_alias(int index, const std::string& alias) const {
  owned<rtnl_link> change{::rtnl_link_alloc()};
  ::rtnl_link_set_ifalias(change.get(), alias.c_str());
  return change_link(socket_.get(), index, change.get());
}

result<void> links::remove(int index) const {
  owned<rtnl_link> named{::rtnl_link_alloc()};
  ::rtnl_link_set_ifindex(named.get(), index);
  auto error = ::rtnl_link_delete(socket_.get(), named.get());
  if (error < 0 && error != -NLE_NODEV && error != -NLE_OBJ_NOTFOUND)
    return nl_failure("remove a link", error);
  return {};
}

} // namespace banger::helper
