#include "network/counter_page.hpp"

#include "host/unique_fd.hpp"

#include <atomic>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <utility>

namespace banger::network {

namespace {

/// Another process reads it while we write: each number whole, in no order with the other.
void add(std::uint64_t& counter, std::size_t bytes) {
  std::atomic_ref{counter}.fetch_add(bytes, std::memory_order_relaxed);
}

} // namespace

counter_page::counter_page(counter_page&& other) noexcept
    : page_(std::exchange(other.page_, nullptr)) {}

counter_page& counter_page::operator=(counter_page&& other) noexcept {
  std::swap(page_, other.page_);
  return *this;
}

counter_page::~counter_page() {
  if (page_ != nullptr)
    ::munmap(page_, sizeof *page_);
}

result<counter_page> counter_page::open(const std::string& path) {
  host::unique_fd fd{
      ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)};
  // Allocated, not only made that long: a write to a hole of a full disk would be a SIGBUS.
  if (!fd)
    return fail_errno("make " + path);
  if (auto error = ::posix_fallocate(fd.get(), 0, sizeof(core::net_counters)); error != 0)
    return fail_errno("make " + path, error);
  auto* memory =
      ::mmap(nullptr, sizeof(core::net_counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED)
    return fail_errno("map " + path);
  counter_page made;
  made.page_ = new (memory) core::net_counters{core::net_counters_magic, 0, 0};
  return made;
}

void counter_page::add_sent(std::size_t bytes) {
  if (page_ != nullptr)
    add(page_->sent_bytes, bytes);
}

void counter_page::add_received(std::size_t bytes) {
  if (page_ != nullptr)
    add(page_->received_bytes, bytes);
}

} // namespace banger::network
