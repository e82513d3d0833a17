#include "cli/json.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace banger;
using record = nlohmann::ordered_json;
using strings = std::vector<std::string>;

namespace {

record read(const std::string& text) {
  REQUIRE(text.ends_with("\n"));
  return record::parse(text); // throws, and so fails the test, where it is no JSON
}

strings keys_of(const record& x) {
  strings all;
  for (const auto& item : x.items())
    all.push_back(item.key());
  return all;
}

/// Those keys of `x` that are null.
strings nulls_of(const record& x) {
  strings all;
  for (const auto& item : x.items())
    if (item.value().is_null())
      all.push_back(item.key());
  return all;
}

const strings vm_keys{"id",
                      "name",
                      "state",
                      "image",
                      "vcpu_count",
                      "memory_mib",
                      "disk_mib",
                      "address",
                      "ssh_port",
                      "is_isolated",
                      "is_ephemeral",
                      "created_at_ms",
                      "started_at_ms",
                      "pid",
                      "accelerator",
                      "directory",
                      "console_log",
                      "last_error",
                      "last_error_stage",
                      "last_error_at_ms",
                      "operation",
                      "stage",
                      "operation_since_ms",
                      "is_quarantined",
                      "running_vcpu_count",
                      "running_memory_mib",
                      "running_disk_mib",
                      "driver",
                      "network",
                      "has_nat",
                      "root_disk",
                      "owner"};

vm_info full_vm() {
  vm_info x;
  x.id = "0123456789ab";
  x.name = "box";
  x.state = vm_state::running;
  x.image = "debian";
  x.vcpu_count = 2;
  x.owner = "fleet";
  x.memory_mib = 512;
  x.disk_mib = 8192;
  x.address = "127.77.0.2";
  x.ssh_port = 2222;
  x.is_isolated = true;
  x.created_at_ms = 1'700'000'000'123;
  x.started_at_ms = 1'700'000'000'456;
  x.pid = 42;
  x.accelerator = "tcg";
  x.directory = "/d";
  x.console_log = "/d/console.log";
  x.last_error = "e";
  x.last_error_stage = "s";
  x.last_error_at_ms = 7;
  x.operation = "stop";
  x.stage = "asking";
  x.operation_since_ms = 8;
  x.running_vcpu_count = 1;
  x.running_memory_mib = 256;
  x.running_disk_mib = 4096;
  return x;
}

} // namespace

TEST_CASE("json: a VM has every field, with its value") {
  const auto x = read(cli::json(full_vm()));
  CHECK(keys_of(x) == vm_keys);
  CHECK(nulls_of(x).empty());
  CHECK(x["id"] == "0123456789ab");
  CHECK(x["state"] == "running");
  CHECK(x["vcpu_count"] == 2);
  CHECK(x["ssh_port"] == 2222);
  CHECK(x["is_isolated"] == true);
  CHECK(x["is_ephemeral"] == false);
  CHECK(x["driver"] == "qemu");
  CHECK(x["created_at_ms"] == 1'700'000'000'123);
  CHECK(x["operation_since_ms"] == 8);
  CHECK(x["network"] == "user");
  CHECK(x["has_nat"] == true);
  CHECK(x["root_disk"] == "overlay");
}

TEST_CASE("json: an empty VM has every field too; what has no value is null") {
  const auto x = read(cli::json(vm_info{}));
  CHECK(keys_of(x) == vm_keys);
  CHECK(nulls_of(x) == strings{"address", "ssh_port", "created_at_ms", "started_at_ms", "pid",
                               "accelerator", "directory", "console_log", "last_error",
                               "last_error_stage", "last_error_at_ms", "operation", "stage",
                               "operation_since_ms", "running_vcpu_count", "running_memory_mib",
                               "running_disk_mib", "owner"});
}

TEST_CASE("json: there is a key for every field of the wire") {
  std::size_t count = 0;
  const auto counter = [&](auto&... fields) { count = sizeof...(fields); };
  vm_info vm;
  inspect(counter, vm);
  CHECK(keys_of(read(cli::json(vm))).size() == count);
  image_info image;
  inspect(counter, image);
  CHECK(keys_of(read(cli::json(image))).size() == count);
  daemon_status status;
  inspect(counter, status);
  CHECK(keys_of(read(cli::json(status))).size() == count);
  event_happened event;
  inspect(counter, event);
  CHECK(keys_of(read(cli::json(event))).size() == count);
  host_key_info key;
  inspect(counter, key);
  CHECK(keys_of(read(cli::json(key))).size() == count);
  failure why;
  inspect(counter, why);
  CHECK(keys_of(read(cli::json(why))["error"]).size() == count);
}

TEST_CASE("json: lists are records with a list in them") {
  CHECK(read(cli::json(vm_list{})) == record{{"vms", record::array()}});
  const auto vms = read(cli::json(vm_list{{full_vm(), vm_info{}}}));
  REQUIRE(vms["vms"].size() == 2);
  CHECK(vms["vms"][0] == read(cli::json(full_vm())));
  CHECK(read(cli::json(image_list{})) == record{{"images", record::array()}});
  image_info image;
  image.name = "debian";
  CHECK(read(cli::json(image_list{{image}}))["images"][0]["name"] == "debian");
}

TEST_CASE("json: an event is one line") {
  const auto text = cli::json(event_happened{5, 6, "vm.state", "box", ""});
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  const auto x = read(text);
  CHECK(x["sequence"] == 5);
  CHECK(x["kind"] == "vm.state");
  CHECK(x["detail"].is_null());
}

TEST_CASE("json: an error is a record with its code's name") {
  const auto x = read(cli::json(failure{ec::not_found, "no VM 'x'", "", "banger vm list", ""}));
  CHECK(keys_of(x) == strings{"error"});
  CHECK(x["error"]["code"] == "not_found");
  CHECK(x["error"]["what"] == "no VM 'x'");
  CHECK(x["error"]["why"].is_null());
  CHECK(x["error"]["hint"] == "banger vm list");
}

TEST_CASE("json: of several VMs, each has its own outcome") {
  cli::outcome<vm_info> good{"box", full_vm()};
  cli::outcome<vm_info> bad{"nobody", fail(ec::not_found, "no VM 'nobody'")};
  const auto x = read(cli::json(std::vector{good, bad}));
  CHECK(keys_of(x) == strings{"results"});
  REQUIRE(x["results"].size() == 2);
  for (const auto& item : x["results"])
    CHECK(keys_of(item) == strings{"ref", "ok", "vm", "error"});
  CHECK(x["results"][0]["vm"]["name"] == "box");
  CHECK(x["results"][0]["error"].is_null());
  CHECK(x["results"][1]["ok"] == false);
  CHECK(x["results"][1]["vm"].is_null());
  CHECK(x["results"][1]["error"]["code"] == "not_found");
}

TEST_CASE("json: of several images too") {
  image_info image;
  image.name = "debian";
  std::vector<cli::outcome<image_info>> both{{"debian", image},
                                             {"x", fail(ec::not_found, "no image 'x'")}};
  const auto x = read(cli::json(both));
  REQUIRE(x["results"].size() == 2);
  CHECK(keys_of(x["results"][0]) == strings{"ref", "ok", "image", "error"});
  CHECK(x["results"][0]["image"]["name"] == "debian");
  CHECK(x["results"][1]["error"]["code"] == "not_found");
}

TEST_CASE("json: host keys; what there is none of is null") {
  host_key_info key{"box", {"box.vm"}, "ssh-ed25519", "SHA256:a", "AAAA", key_provenance::seeded,
                    3,     true,       "ssh-rsa",     "SHA256:b"};
  const auto x = read(cli::json(key));
  CHECK(x["provenance"] == "seeded");
  CHECK(x["names"] == record{"box.vm"});
  CHECK(x["is_quarantined"] == true);
  CHECK(x["offered_fingerprint"] == "SHA256:b");
  const auto none = read(cli::json(host_key_info{}));
  for (const char* name : {"vm_name", "type", "fingerprint", "line", "offered_type"})
    CHECK(none[name].is_null());
  CHECK(read(cli::json(host_key_list{"/f", {key}}))["keys"][0] == x);
}

TEST_CASE("json: a verdict names the key, and the lines that decided") {
  cli::key_verdict x;
  x.file = "/f";
  x.host = "box.vm";
  x.port = 2222;
  x.offered.type = "ssh-ed25519";
  x.fingerprint = "SHA256:a";
  x.found = {core::known_hosts::outcome::mismatch, "[box.vm]:2222", {{"ssh-rsa", "SHA256:b", 7}}};
  const auto json = read(cli::json(x));
  CHECK(json["verdict"] == "mismatch");
  CHECK(json["name"] == "[box.vm]:2222");
  CHECK(json["offered"]["fingerprint"] == "SHA256:a");
  CHECK(json["keys"][0]["line"] == 7);
}

TEST_CASE("json: versions; where the daemon's is not known, why") {
  const failure none{ec::none, {}, {}, {}};
  CHECK(read(cli::version_json("1", "2", none)) ==
        record{{"client", "1"}, {"daemon", "2"}, {"error", nullptr}});
  const auto absent = read(cli::version_json("1", "", {ec::unreachable, "x", "", ""}));
  CHECK(absent["daemon"].is_null());
  CHECK(absent["error"].is_null());
  const auto other = read(cli::version_json("1", "", {ec::version_mismatch, "x", "", ""}));
  CHECK(other["daemon"].is_null());
  CHECK(other["error"]["code"] == "version_mismatch");
}

TEST_CASE("json: text that is not UTF-8 does no harm") {
  const std::string bad = "a\xff\xc3(\x80";
  vm_info vm = full_vm();
  vm.name = vm.last_error = vm.directory = bad;
  CHECK(read(cli::json(vm))["name"].get<std::string>().starts_with("a"));
  CHECK(read(cli::json(failure{ec::failed, bad, bad, bad, bad})).contains("error"));
  CHECK(read(cli::json(event_happened{1, 2, bad, bad, bad})).contains("kind"));
  CHECK(read(cli::json(std::vector{cli::outcome<vm_info>{bad, vm}})).contains("results"));
  CHECK(read(cli::version_json(bad, bad, {})).contains("client"));
}
