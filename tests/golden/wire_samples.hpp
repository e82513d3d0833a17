// One value of every type that may cross the socket; no field has its default.
#pragma once

#include "protocol/diagnosis.hpp"
#include "protocol/requests.hpp"
#include "protocol/resources.hpp"
#include "tests/golden/sample.hpp"
#include "tests/golden/session_samples.hpp"

namespace banger::test {

template <>
inline vm_config sample() {
  return {"box",
          "debian",
          2,
          512,
          8192,
          true,
          true,
          vm_driver::firecracker,
          network_kind::tap,
          false,
          root_disk_kind::snapshot,
          "fleet",
          0x8000000000000007};
}

template <>
inline vm_info sample() {
  return {"0123456789ab",
          "box",
          vm_state::stopping,
          "debian",
          2,
          512,
          8192,
          "127.77.0.2",
          2222,
          true,
          true,
          1'700'000'000'001,
          1'700'000'000'002,
          4242,
          "tcg",
          "/vms/0123456789ab",
          "/vms/0123456789ab/console.log",
          "it broke",
          "booting",
          1'700'000'000'003,
          "stop",
          "asking",
          1'700'000'000'004,
          true,
          1,
          256,
          4096,
          vm_driver::firecracker,
          network_kind::tap,
          false,
          root_disk_kind::snapshot,
          "fleet"};
}

template <>
inline host_key_info sample() {
  return {"box",
          {"box.vm", "[127.77.0.2]:2222"},
          "ssh-ed25519",
          "SHA256:pinned",
          "AAAA",
          key_provenance::accepted,
          3,
          true,
          "ecdsa-sha2-nistp256",
          "SHA256:offered"};
}

template <>
inline host_key_list sample() {
  return {"/ssh/known_hosts", {sample<host_key_info>()}};
}

template <>
inline get_host_key sample() {
  return {"box"};
}

template <>
inline accept_host_key sample() {
  return {"box", "SHA256:offered"};
}

template <>
inline forget_host_key sample() {
  return {"box"};
}

template <>
inline check_guest_key sample() {
  return {"box"};
}

template <>
inline image_info sample() {
  return {"debian",           "b1", "bookworm", "systemd",          "6.1.0-1", -5,
          0x1122334455667788, 0x99, 120,        "/images/debian/b1"};
}

template <>
inline failure sample() {
  return {ec::image_failed, "build image 'debian'", "no luck", "try again", "op-7"};
}

template <>
inline hello sample() {
  return {0x01020304, "0.1.0", 0x8000000000000001};
}

template <>
inline welcome sample() {
  return {1, "0.1.0", -2, 6, "0123456789ab"};
}

template <>
inline stage_entered sample() {
  return {"op-7", "start", "box", "booting", "second try", 1234};
}

template <>
inline daemon_status sample() {
  return {"0.1.0",
          1,
          77,
          1'700'000'000'000,
          "/r/s",
          "/s/db",
          "/s/log",
          3,
          2,
          1,
          4,
          {5, 4, 3, 2, 1, 6, 250},
          "127.77.0.1:5300",
          "in use",
          "0123456789ab",
          "192.0.2.7:7077",
          8,
          3,
          16'000,
          9'000,
          4'096,
          100'000};
}

template <>
inline subscribe_events sample() {
  return {events_from::after, 0xfedcba9876543210, 100};
}

template <>
inline events_subscribed sample() {
  return {17, 0xfedcba9876543210};
}

template <>
inline renew_owner sample() {
  return {"fleet", 0x8000000000000007, 30'000, 0x8000000000000008};
}

template <>
inline owner_lease sample() {
  return {"fleet", 0x8000000000000007, 30'000, {"a", "b"}, 0x8000000000000008, 29'000};
}

template <>
inline event_credit sample() {
  return {512};
}

template <>
inline events_missed sample() {
  return {3, 0xfedcba9876543210};
}

template <>
inline get_vm_history sample() {
  return {"box"};
}

template <>
inline vm_history sample() {
  return {
      sample<vm_info>(),
      {{1'700'000'000'005, vm_state::starting, vm_state::error, "start", "booting", "no luck"}}};
}

template <>
inline set_vm sample() {
  return {"box", 4, 2048, 16'384, nat_change::off};
}

template <>
inline get_vm_stats sample() {
  return {"box"};
}

template <>
inline vm_stats sample() {
  return {"0123456789ab",
          "box",
          vm_state::running,
          1'700'000'000'006,
          123'456,
          60'000,
          2,
          512,
          2,
          0x1122334455667788,
          1'000,
          990,
          400ULL << 20,
          300ULL << 20,
          470ULL << 20,
          80ULL << 20,
          1ULL << 30,
          10ULL << 30,
          true,
          4242,
          17};
}

template <>
inline actor_tree sample() {
  return {{{"vm box", 1, "running", 2, 3, "it broke"}}};
}

template <>
inline event_happened sample() {
  return {0xfedcba9876543210, 1'700'000'000'000, "vm.state", "box", "running"};
}

template <>
inline create_vm sample() {
  return {sample<vm_config>()};
}

template <>
inline start_vm sample() {
  return {"box", 7};
}

template <>
inline stop_vm sample() {
  return {"box", 20'000};
}

template <>
inline restart_vm sample() {
  return {"box", 20'000, 7};
}

template <>
inline kill_vm sample() {
  return {"box"};
}

template <>
inline delete_vm sample() {
  return {"box", 7};
}

template <>
inline get_vm sample() {
  return {"b\xc3\xb6x"};
}

template <>
inline wait_vm sample() {
  return {"box", vm_state::deleting, 60'000};
}

template <>
inline get_ssh_target sample() {
  return {"box"};
}

template <>
inline read_console sample() {
  return {"box", 0x1122334455667788, 65'536, true};
}

template <>
inline open_exec sample() {
  return {"box", {"sh", "-c", "", "a b"}, {"A=1", "B="}, "/root", 262'144};
}

template <>
inline exec_input sample() {
  return {7, std::string(300, '\xff') + '\0'};
}

template <>
inline exec_input_ended sample() {
  return {7};
}

template <>
inline exec_signal sample() {
  return {7, 15};
}

template <>
inline exec_credit sample() {
  return {7, 65'536};
}

template <>
inline get_image sample() {
  return {"debian"};
}

template <>
inline build_image sample() {
  return {"debian", "/home/u/recipe.toml"};
}

template <>
inline delete_image sample() {
  return {"debian"};
}

template <>
inline vm_list sample() {
  return {{sample<vm_info>(), vm_info{}}};
}

template <>
inline ssh_target sample() {
  return {"box", "127.77.0.2", 2222, "root", "/ssh/id_ed25519", "/ssh/known_hosts", "box.vm"};
}

template <>
inline console_chunk sample() {
  return {10, 13, std::string("\0\r\n", 3)};
}

template <>
inline exec_opened sample() {
  return {7, 65'536};
}

template <>
inline exec_output sample() {
  return {7, true, std::string(127, 'x')};
}

template <>
inline exec_input_wanted sample() {
  return {7, 4096};
}

template <>
inline exec_ended sample() {
  return {7, -1, 9, sample<failure>()};
}

template <>
inline image_list sample() {
  return {{sample<image_info>()}};
}

} // namespace banger::test
