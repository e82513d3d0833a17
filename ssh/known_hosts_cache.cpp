#include "ssh/known_hosts_cache.hpp"

namespace banger::ssh {

result<std::shared_ptr<known_hosts_contents>> known_hosts_cache::read(const owned_file& file,
                                                                      clock::time_point now) {
  if (stamp_ != file.stamp()) {
    stamp_ = file.stamp();
    known_since_ = now;
    is_relied_on_ = false;
  }
  if (is_relied_on_)
    return contents_;
  auto text = file.read_from();
  if (!text)
    return tl::make_unexpected(text.error());
  is_relied_on_ = now - known_since_ >= settle_time;
  if (!contents_ || contents_->text != *text) // parsing costs far more than reading
    contents_ = std::make_shared<known_hosts_contents>(std::move(*text));
  return contents_;
}

} // namespace banger::ssh
