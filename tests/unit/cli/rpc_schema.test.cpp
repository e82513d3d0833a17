#include "cli/rpc_schema.hpp"

#include "cli/json.hpp"
#include "cli/rpc_message.hpp"
#include "cli/rpc_methods.hpp"
#include "cli/rpc_records.hpp"
#include "cli/rpc_requests.hpp"
#include "cli/rpc_values.hpp"
#include "cli/stats_render.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace banger;
using namespace banger::cli;
using namespace banger::cli::rpc;

namespace {

std::string problem(const shape& what, const record& x) {
  auto ok = check(what, x);
  return ok ? "" : to_string(ok.error()) + (ok.error().hint.empty() ? "" : "; " + ok.error().hint);
}

std::string params_problem(const char* name, const record& x) {
  const auto* known = find_method(name);
  REQUIRE(known != nullptr);
  return problem(known->params, x);
}

/// Checks what a value of ours looks like as JSON.
void expect(const shape& what, const std::string& json) {
  CHECK(problem(what, record::parse(json)) == "");
}

/// Every "$ref" below `x`.
void collect(const record& x, std::set<std::string>& found) {
  if (x.is_object() && x.contains("$ref"))
    found.insert(x["$ref"].get<std::string>());
  if (x.is_structured())
    for (const auto& item : x)
      collect(item, found);
}

} // namespace

TEST_CASE("rpc schema: params are checked, and the field is named") {
  CHECK(params_problem("vm.list", record::object()) == "");
  CHECK(params_problem("vm.start", {{"ref", "box"}}) == "");
  CHECK(params_problem("vm.start", record::object()) == "the field 'ref' is missing");
  CHECK(params_problem("vm.start", {{"ref", 7}}) == "'ref' must be a text");
  CHECK(params_problem("vm.start", {{"ref", nullptr}}) == "'ref' must be a text");
  CHECK(params_problem("vm.start", {{"ref", std::string{"a\0b", 3}}}) ==
        "'ref' must not contain NUL");
  CHECK(params_problem("vm.create", {{"memmory_mib", 1}}) ==
        "there is no field 'memmory_mib'; did you mean 'memory_mib'?");
  CHECK(params_problem("vm.create", {{"zzz", 1}}) == "there is no field 'zzz'");
  CHECK(params_problem("vm.create", {{"driver", "xen"}}) == "'driver' must be qemu or firecracker");
  CHECK(params_problem("vm.create", {{"is_isolated", "yes"}}) ==
        "'is_isolated' must be true or false");
}

TEST_CASE("rpc schema: integers have bounds, also where JSON's are larger") {
  const auto vcpus = [](const record& x) {
    return params_problem("vm.create", {{"vcpu_count", x}});
  };
  const std::string bounds = "'vcpu_count' must be an integer from 0 to 4294967295";
  CHECK(vcpus(0) == "");
  CHECK(vcpus(4294967295U) == "");
  CHECK(vcpus(4294967296U) == bounds);
  CHECK(vcpus(UINT64_MAX) == bounds);
  CHECK(vcpus(-1) == bounds);
  CHECK(vcpus(1.0) == bounds);
  CHECK(vcpus("1") == bounds);
  CHECK(params_problem("exec.input", {{"exec", 0}}) == "'exec' must be an integer from 1");
}

TEST_CASE("rpc schema: lists, records and signals are looked into") {
  CHECK(params_problem("vm.exec", {{"ref", "a"}, {"argv", "ls"}}) ==
        "'argv' must be a list of texts");
  CHECK(params_problem("vm.exec", {{"ref", "a"}, {"argv", {"ls", 1}}}) ==
        "'argv.1' must be a text without NUL");
  const record start{{"ref", "a"}, {"argv", {"ls"}}};
  auto with = [&](const char* name, const record& value) {
    auto x = start;
    x[name] = value;
    return params_problem("session.start", x);
  };
  CHECK(with("tags", {{"a", "b"}}) == "");
  CHECK(with("tags", {{"a", 1}}) == "'tags.a' must be a text without NUL");
  CHECK(with("tags", record::array()) == "'tags' must be a record of texts");
  CHECK(with("window", {{"rows", 24}, {"columns", 80}}) == "");
  CHECK(with("window", {{"rows", 24}}) == "the field 'window.columns' is missing");
  CHECK(with("window", {{"rows", 0}, {"columns", 80}}) ==
        "'window.rows' must be an integer from 1 to 65535");
  CHECK(with("window", {{"rows", 24}, {"columns", 80}, {"x", 1}}) ==
        "there is no field 'window.x'");
  CHECK(params_problem("exec.signal", {{"exec", 1}, {"signal", "TERM"}}) == "");
  CHECK(params_problem("exec.signal", {{"exec", 1}, {"signal", 15}}) == "");
  CHECK(params_problem("exec.signal", {{"exec", 1}, {"signal", 0}}) ==
        "'signal' must be a signal's name, like \"TERM\", or its number");
}

TEST_CASE("rpc schema: what json.cpp writes is what the schema says") {
  vm_info vm;
  session_info session;
  expect(vm_shape(), json(vm));
  expect(session_shape(), json(session));
  vm.last_error = vm.address = "x";
  vm.ssh_port = 22;
  vm.pid = 7;
  vm.created_at_ms = vm.running_vcpu_count = 1;
  session.state = session_state::exited;
  session.config.window = {24, 80};
  session.config.tags = {"a=b"};
  session.exit_code = -1;
  expect(vm_shape(), json(vm));
  expect(session_shape(), json(session));
  expect(vm_list_shape(), json(vm_list{{vm, vm}}));
  expect(session_list_shape(), json(session_list{{session}}));
  expect(image_shape(), json(image_info{}));
  expect(image_list_shape(), json(image_list{{image_info{}}}));
  expect(vm_history_shape(), json(vm_history{vm, {vm_transition{}}}));
  expect(daemon_shape(), json(daemon_status{}));
  expect(event_shape(), json(event_happened{}));
  vm_stats stats;
  for (auto count : {0U, 2U}) {
    stats.process_count = count;
    stats.has_network = count != 0;
    expect(vm_stats_shape(), record::parse(stats_json({stats}, true))["stats"][0].dump());
  }
  expect(failure_shape(), failure_record({}).dump());
}

TEST_CASE("rpc schema: every state that a value can have is in it") {
  for (auto state : {vm_state::creating, vm_state::stopped, vm_state::starting, vm_state::running,
                     vm_state::stopping, vm_state::error, vm_state::deleting}) {
    vm_info vm;
    vm.state = state;
    expect(vm_shape(), json(vm));
  }
  for (auto state : {session_state::starting, session_state::running, session_state::stopping,
                     session_state::exited, session_state::failed, session_state::lost}) {
    session_info session;
    session.state = state;
    expect(session_shape(), json(session));
  }
}

TEST_CASE("rpc schema: nothing in the document points to nowhere") {
  const auto document = schema_document();
  std::set<std::string> found;
  collect(document, found);
  CHECK(found.size() > 50);
  for (const auto& x : found) {
    REQUIRE(x.starts_with("#"));
    CHECK_MESSAGE(document.contains(record::json_pointer(x.substr(1))), x);
  }
  CHECK(document["methods"].size() == methods().size());
  CHECK(document["notifications"].size() == tellings().size());
  CHECK(document["anyOf"].size() == methods().size() + tellings().size() + 1);
  const auto& create = document["$defs"]["vm.create.params"];
  CHECK(create["additionalProperties"] == false);
  CHECK(create["properties"]["driver"]["enum"] == record::array({"qemu", "firecracker"}));
  CHECK(document["$defs"]["vm"]["properties"]["address"]["type"] ==
        record::array({"string", "null"}));
}

TEST_CASE("rpc schema: a method that was mistyped has a neighbour") {
  CHECK(find_method("vm.lst") == nullptr);
  CHECK(nearest_method("vm.lst") == "vm.list");
  CHECK(nearest_method("frobnicate").empty());
}

TEST_CASE("rpc values: a request is what was asked for") {
  const auto vm = vm_config_in({{"name", "box"},
                                {"memory_mib", 1024},
                                {"is_ephemeral", true},
                                {"driver", "firecracker"},
                                {"network", "tap"},
                                {"has_nat", false},
                                {"root_disk", "snapshot"}});
  CHECK(vm.name == "box");
  CHECK(vm.memory_mib == 1024);
  CHECK(vm.vcpu_count == 0);
  CHECK(vm.is_ephemeral);
  CHECK(vm.driver == vm_driver::firecracker);
  CHECK(vm.network == network_kind::tap);
  CHECK(!vm.has_nat);
  CHECK(vm.root_disk == root_disk_kind::snapshot);
  CHECK(vm_config_in(record::object()).has_nat);
  CHECK(set_vm_in({{"ref", "box"}, {"nat", "off"}}).nat == nat_change::off);
  CHECK(set_vm_in({{"ref", "box"}}).nat == nat_change::none);

  const auto attach = attach_in(
      {{"ref", "a/b"}, {"role", "exclusive"}, {"origin", "last"}, {"from", 7}, {"follows", false}});
  CHECK(attach.role == attach_role::exclusive);
  CHECK(attach.origin == output_origin::last);
  CHECK(attach.from == 7);
  CHECK(!attach.follows);
  CHECK(attach_in({{"ref", "a/b"}}).role == attach_role::viewer);
  CHECK(attach_in({{"ref", "a/b"}}).follows);

  auto session = session_config_in({{"argv", {"make"}},
                                    {"input", "pty"},
                                    {"window", {{"rows", 24}, {"columns", 80}}},
                                    {"window_policy", "newest"},
                                    {"tags", {{"a", "b"}}}});
  REQUIRE(session);
  CHECK(session->input == session_input_kind::pty);
  CHECK(session->window == window_size{24, 80});
  CHECK(session->policy == window_policy::newest);
  CHECK(session->tags == std::vector<std::string>{"a=b"});
  CHECK(!session_config_in({{"argv", {"make"}}, {"name", "Bad_Name"}}));
  CHECK(!session_config_in({{"argv", record::array()}}));
}

TEST_CASE("rpc values: signals by name and number, bytes by encoding") {
  CHECK(signal_in({{"signal", "TERM"}}, "KILL") == 15);
  CHECK(signal_in({{"signal", "SIGINT"}}, "KILL") == 2);
  CHECK(signal_in({{"signal", "15"}}, "KILL") == 15);
  CHECK(signal_in({{"signal", 15}}, "KILL") == 15);
  CHECK(signal_in(record::object(), "KILL") == 9);
  CHECK(!signal_in({{"signal", "LOUD"}}, "KILL"));
  CHECK(bytes_in({{"data", "aGk="}}, "data") == "aGk=");
  CHECK(bytes_in({{"data", "aGk="}, {"encoding", "base64"}}, "data") == "hi");
  CHECK(!bytes_in({{"data", "a"}, {"encoding", "base64"}}, "data"));
  CHECK(bytes_in(record::object(), "data") == "");
}
