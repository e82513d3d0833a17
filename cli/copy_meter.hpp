// Counts what is in an archive as its bytes pass by, whoever packs and unpacks it.
#pragma once

#include "archive/reader.h"
#include "cli/copy_render.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace banger::cli {

class copy_meter {
public:
  copy_meter();
  copy_meter(const copy_meter&) = delete;

  void feed(std::string_view bytes);

  /// Whether the archive is whole, or why it is not.
  [[nodiscard]] archive_state state() const { return reader_->state; }
  /// Why it could not be packed.
  [[nodiscard]] const archive_failure& failure() const { return reader_->failure; }
  /// So far. Its duration is not set.
  [[nodiscard]] copy_figures figures() const;

private:
  archive_handler handler_{};
  std::unique_ptr<archive_reader> reader_;
  std::uint64_t sent_ = 0;
  std::string name_;           ///< of the file that passes
  std::string first_left_out_; ///< path
};

} // namespace banger::cli
