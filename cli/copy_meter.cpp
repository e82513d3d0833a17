#include "cli/copy_meter.hpp"

namespace banger::cli {

copy_meter::copy_meter() : reader_(std::make_unique<archive_reader>()) {
  handler_.context = this;
  handler_.file = [](void* self, const archive_entry* entry) {
    static_cast<copy_meter*>(self)->name_ = entry->name;
    return true;
  };
  handler_.left_out = [](void* self, const archive_failure* why) {
    auto& first = static_cast<copy_meter*>(self)->first_left_out_;
    if (first.empty())
      first = why->path;
    return true;
  };
  archive_reader_init(reader_.get(), &handler_);
}

void copy_meter::feed(std::string_view bytes) {
  sent_ += bytes.size();
  archive_read(reader_.get(), bytes.data(), bytes.size());
}

copy_figures copy_meter::figures() const {
  copy_figures x;
  x.files = reader_->totals.files;
  x.directories = reader_->totals.directories;
  x.links = reader_->totals.links;
  x.bytes = reader_->totals.bytes;
  x.bytes_sent = sent_;
  x.planned_files = reader_->planned.files;
  x.planned_bytes = reader_->planned.bytes;
  x.left_out = reader_->left_out;
  x.first_left_out = first_left_out_;
  x.name = name_;
  return x;
}

} // namespace banger::cli
