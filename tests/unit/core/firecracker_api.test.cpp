// That the requests hold to Firecracker's published description is shown by
// tests/firecracker/check_requests.py; here is what they mean.
#include "core/firecracker_api.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace banger;
using namespace banger::core::firecracker;
using nlohmann::json;

namespace {

json body_of(const request& x) {
  return json::parse(x.body);
}

failure refusal(int status, const std::string& body) {
  auto reply = read_reply(to_request(action::instance_start), status, body);
  REQUIRE_FALSE(reply);
  return reply.error();
}

} // namespace

TEST_CASE("firecracker api: a machine's size, and nothing that is a default") {
  auto x = to_request(machine_config{2, 1024});
  CHECK(x.method == "PUT");
  CHECK(x.path == "/machine-config");
  CHECK(body_of(x) == json{{"vcpu_count", 2}, {"mem_size_mib", 1024}});
  CHECK(
      body_of(to_request(machine_config{2, 1024, true, true})) ==
      json{{"vcpu_count", 2}, {"mem_size_mib", 1024}, {"smt", true}, {"track_dirty_pages", true}});
}

TEST_CASE("firecracker api: a drive's id is in its path and in its body") {
  auto x = to_request(drive{"root", "/d", true, false, cache::writeback, io_engine::async});
  CHECK(x.path == "/drives/root");
  CHECK(body_of(x) == json{{"drive_id", "root"},
                           {"path_on_host", "/d"},
                           {"is_root_device", true},
                           {"is_read_only", false},
                           {"cache_type", "Writeback"},
                           {"io_engine", "Async"}});
  CHECK_FALSE(body_of(to_request(drive{"root", "/d"})).contains("cache_type"));
  auto update = to_request(drive_update{"root", "/e"});
  CHECK(update.method == "PATCH");
  CHECK(update.path == "/drives/root");
}

TEST_CASE("firecracker api: no initrd and no arguments are not sent as empty ones") {
  CHECK(body_of(to_request(boot_source{"/k", "", ""})) == json{{"kernel_image_path", "/k"}});
  CHECK(body_of(to_request(boot_source{"/k", "/i", "quiet"})) ==
        json{{"kernel_image_path", "/k"}, {"initrd_path", "/i"}, {"boot_args", "quiet"}});
}

TEST_CASE("firecracker api: actions and states have Firecracker's names") {
  CHECK(body_of(to_request(action::instance_start))["action_type"] == "InstanceStart");
  CHECK(body_of(to_request(action::send_ctrl_alt_del))["action_type"] == "SendCtrlAltDel");
  CHECK(body_of(to_request(action::flush_metrics))["action_type"] == "FlushMetrics");
  CHECK(body_of(to_request(run_state::paused))["state"] == "Paused");
  CHECK(body_of(to_request(run_state::resumed))["state"] == "Resumed");
  CHECK(to_request(run_state::paused).method == "PATCH");
}

TEST_CASE("firecracker api: a snapshot's memory is a file, and what is moved is named") {
  auto x = to_request(snapshot_load{"/s", "/m", true, true, {{"eth0", "tap1"}}, "/v"});
  CHECK(body_of(x) ==
        json{{"snapshot_path", "/s"},
             {"mem_backend", {{"backend_type", "File"}, {"backend_path", "/m"}}},
             {"track_dirty_pages", true},
             {"resume_vm", true},
             {"network_overrides", {{{"iface_id", "eth0"}, {"host_dev_name", "tap1"}}}},
             {"vsock_override", {{"uds_path", "/v"}}}});
  CHECK(body_of(to_request(snapshot_create{"/s", "/m", true}))["snapshot_type"] == "Diff");
  CHECK_FALSE(body_of(to_request(snapshot_create{"/s", "/m", false})).contains("snapshot_type"));
}

TEST_CASE("firecracker api: a path that is no UTF-8 makes a request, not an exception") {
  auto x = to_request(metrics{"/vms/\xff/metrics"});
  CHECK(body_of(x)["metrics_path"] == "/vms/\xEF\xBF\xBD/metrics");
}

TEST_CASE("firecracker api: what it answers well is its body") {
  CHECK(read_reply(to_request(action::instance_start), 204, "") == std::string{});
  CHECK(read_reply(to_request(get_version{}), 200, "{}") == std::string{"{}"});
}

TEST_CASE(
    "firecracker api: a refusal says what was asked and Firecracker's own reason, in one line") {
  auto why = refusal(400, R"({"fault_message": "The kernel file\ncannot be opened"})");
  CHECK(why.code == ec::hypervisor_failed);
  CHECK(to_string(why) == "ask Firecracker: PUT /actions: The kernel file cannot be opened");
}

TEST_CASE("firecracker api: a refusal without a reason has its status") {
  for (const char* body : {"", "{}", "[]", "<html>", R"({"fault_message": 7})"})
    CHECK(refusal(500, body).why == "it answered with HTTP status 500");
  CHECK(refusal(302, "").why == "it answered with HTTP status 302");
}

TEST_CASE("firecracker api: how an instance is") {
  auto x = parse_instance_info(
      R"({"id": "a1", "state": "Not started", "vmm_version": "1.13.1", "app_name": "Firecracker"})");
  REQUIRE(x);
  CHECK(*x == instance_info{"a1", instance_state::not_started, "1.13.1"});
  CHECK(parse_instance_info(R"({"id": "a", "state": "Running", "vmm_version": "1"})")->state ==
        instance_state::running);
  CHECK(parse_instance_info(R"({"id": "a", "state": "Paused", "vmm_version": "1"})")->state ==
        instance_state::paused);
}

TEST_CASE("firecracker api: what is no description of an instance is refused, never a crash") {
  for (const char* text : {"", "{", "[]", "null", "{}", R"({"id": "a", "state": "Running"})",
                           R"({"id": "a", "state": "running", "vmm_version": "1"})",
                           R"({"id": 1, "state": "Running", "vmm_version": "1"})"}) {
    auto x = parse_instance_info(text);
    REQUIRE_FALSE(x);
    CHECK(x.error().code == ec::hypervisor_failed);
  }
}

TEST_CASE("firecracker api: versions as it writes them, in order") {
  CHECK(parse_version("1.13.1") == version{1, 13, 1});
  CHECK(parse_version("v1.17.0-dev") == version{1, 17, 0});
  CHECK(parse_version("Firecracker v1.7.0\n\n") == version{1, 7, 0});
  CHECK(version{1, 7, 9} < oldest_version);
  CHECK_FALSE(version{1, 13, 0} < oldest_version);
  for (const char* text :
       {"", "v", "Firecracker ", "1", "1.2", "1.2.", "1.x.3", "-1.2.3", "1,2,3", "99999999999.1.1"})
    CHECK_FALSE(parse_version(text));
}
