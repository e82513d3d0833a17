// A folder of the host for what is made on the way, gone when nobody needs it any more.
#pragma once

#include "protocol/result.hpp"

#include <string>
#include <utility>

namespace banger::workspace {

class work_folder {
public:
  /// Makes one in `parent` (0700). Folders there of processes that are gone are removed first.
  static result<work_folder> make(const std::string& parent);

  work_folder(work_folder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  work_folder& operator=(work_folder&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~work_folder();
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  explicit work_folder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

} // namespace banger::workspace
