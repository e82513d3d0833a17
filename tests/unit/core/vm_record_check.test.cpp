#include "core/vm_record_check.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>

using namespace banger;

namespace {

vm_record whole() {
  vm_record x;
  x.id = "0123456789ab";
  x.name = "box";
  x.image = "debian";
  x.address = "127.77.0.2";
  return x;
}

} // namespace

TEST_CASE("check_record: a whole record passes") {
  CHECK(core::check_record(whole()));
}

TEST_CASE("check_record: each damaged field is named") {
  const std::pair<std::string, std::function<void(vm_record&)>> damages[] = {
      {"../../etc", [](vm_record& x) { x.id = "../../etc"; }},
      {"0123456789aB", [](vm_record& x) { x.id = "0123456789aB"; }},
      {"a b", [](vm_record& x) { x.name = "a b"; }},
      {"", [](vm_record& x) { x.name = ""; }},
      {"../x", [](vm_record& x) { x.image = "../x"; }},
      {"0", [](vm_record& x) { x.vcpu_count = 0; }},
      {"0", [](vm_record& x) { x.memory_mib = 0; }},
      {"disk", [](vm_record& x) { x.disk_mib = 4294967295; }},
      {"10.0.0.1", [](vm_record& x) { x.address = "10.0.0.1"; }},
      {"port 0", [](vm_record& x) { x.ssh_port = 0; }},
      {"no kind", [](vm_record& x) { x.network = static_cast<network_kind>(2); }},
      {"no kind", [](vm_record& x) { x.root_disk = static_cast<root_disk_kind>(255); }},
      {"127.77.0.2", [](vm_record& x) { x.network = network_kind::tap; }},
      {"10.77.0.2", [](vm_record& x) { x.address = "10.77.0.2"; }},
  };
  for (const auto& [text, damage] : damages) {
    CAPTURE(text);
    auto x = whole();
    damage(x);
    auto checked = core::check_record(x);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == ec::storage_failed);
    CHECK(checked.error().what.starts_with("its record is damaged: "));
    CHECK(to_string(checked.error()).find(text) != std::string::npos);
  }
}
