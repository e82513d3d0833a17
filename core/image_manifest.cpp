#include "core/image_manifest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace banger::core {

namespace {

constexpr int newest_format = 1;

result<image_manifest> from_json(const nlohmann::json& json) {
  if (auto format = json.at("format").get<int>(); format > newest_format)
    return fail(ec::version_mismatch, "read an image's manifest",
                "its format is " + std::to_string(format) + ", this banger knows " +
                    std::to_string(newest_format),
                "build the image again: banger image build");
  image_manifest x;
  x.name = json.at("name").get<std::string>();
  x.suite = json.at("suite").get<std::string>();
  x.init = json.at("init").get<std::string>();
  x.kernel_version = json.at("kernel_version").get<std::string>();
  x.cmdline_extra = json.value("cmdline_extra", std::string{});
  const auto& root = json.at("root");
  x.root_file = root.at("file").get<std::string>();
  x.root_format = root.at("format").get<std::string>();
  x.root_virtual_bytes = root.at("virtual_size").get<std::uint64_t>();
  constexpr std::int64_t year_9999 = 253'402'300'799;
  x.created_at_ms =
      std::clamp<std::int64_t>(json.at("created_at").get<std::int64_t>(), 0, year_9999) * 1000;
  x.package_count = json.value("packages", std::uint32_t{0});
  if (x.root_file.empty() || x.root_file.front() == '.' ||
      x.root_file.find('/') != std::string::npos)
    return fail(ec::storage_failed, "read an image's manifest",
                "root.file is not a plain file name");
  return x;
}

} // namespace

result<image_manifest> parse_image_manifest(std::string_view text) {
  try {
    return from_json(nlohmann::json::parse(text));
  } catch (const nlohmann::json::exception& why) {
    return fail(ec::storage_failed, "read an image's manifest", why.what(),
                "build the image again: banger image build");
  }
}

} // namespace banger::core
