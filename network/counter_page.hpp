// The counters of core/net_counters.hpp, as the one who counts sees them: a file mapped into
// memory.
#pragma once

#include "core/net_counters.hpp"
#include "protocol/result.hpp"

#include <cstddef>
#include <string>

namespace banger::network {

class counter_page {
public:
  counter_page() = default; ///< counts for nobody
  counter_page(counter_page&& other) noexcept;
  counter_page& operator=(counter_page&& other) noexcept;
  counter_page(const counter_page&) = delete;
  ~counter_page();

  /// Makes the file, or begins one anew that is there. Errors: no_space, failed.
  [[nodiscard]] static result<counter_page> open(const std::string& path);

  void add_sent(std::size_t bytes);
  void add_received(std::size_t bytes);

private:
  core::net_counters* page_ = nullptr;
};

} // namespace banger::network
