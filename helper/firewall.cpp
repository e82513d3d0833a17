#include "helper/firewall.hpp"

#include "host/files.hpp"
#include "host/unique_fd.hpp"

#include <algorithm>
#include <fcntl.h>
#include <memory>
#include <nftables/libnftables.h>
#include <unistd.h>

namespace banger::helper {

namespace {

constexpr const char* forwarding_file = "/proc/sys/net/ipv4/ip_forward";

struct freer {
  void operator()(nft_ctx* x) const { ::nft_ctx_free(x); }
};

} // namespace

result<void> run_nft(const std::string& commands) {
  std::unique_ptr<nft_ctx, freer> nft{::nft_ctx_new(NFT_CTX_DEFAULT)};
  if (!nft)
    return fail(ec::failed, "use nftables", "there is no memory");
  ::nft_ctx_buffer_error(nft.get());
  ::nft_ctx_buffer_output(nft.get());
  if (::nft_run_cmd_from_buffer(nft.get(), commands.c_str()) == 0)
    return {};
  const char* said = ::nft_ctx_get_error_buffer(nft.get());
  std::string words = said == nullptr ? "" : said;
  return fail(ec::failed, "change the table inet banger", words.substr(0, words.find('\n')),
              "nft list ruleset; modprobe nf_tables");
}

result<bool> is_forwarding() {
  constexpr std::size_t most = 16;
  auto text = host::read_file(forwarding_file, most);
  if (!text)
    return tl::make_unexpected(text.error());
  return !text->starts_with('0');
}

result<void> set_forwarding(bool is_on) {
  host::unique_fd fd{::open(forwarding_file, O_WRONLY | O_CLOEXEC)};
  if (!fd || ::write(fd.get(), is_on ? "1" : "0", 1) != 1)
    return fail_errno(std::string{"write "} + forwarding_file);
  return {};
}

} // namespace banger::helper
