#include "storage/session_records.hpp"

#include "storage/vm_records.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::storage;

namespace {

using records = std::vector<session_record>;

vm_record vm(const std::string& id, const std::string& name, const std::string& address) {
  vm_record x;
  x.id = id;
  x.name = name;
  x.address = address;
  return x;
}

const vm_record box = vm("000000000001", "box", "127.77.0.2");
const vm_record web = vm("000000000002", "web", "127.77.0.3");

/// Every byte but NUL.
std::string every_byte() {
  std::string all;
  for (int i = 1; i < 256; ++i)
    all.push_back(static_cast<char>(i));
  return all;
}

/// Every field that is kept has a value of its own.
session_record sample(const std::string& id, const std::string& name, const vm_record& of = box) {
  session_record x;
  x.vm_id = of.id;
  x.is_settled = true;
  auto& info = x.info;
  info.id = id;
  info.config.name = name;
  info.config.argv = {"sh", "", "-c", every_byte()};
  info.config.env = {"A=" + every_byte(), "B=", "C=it's; DROP TABLE guest_sessions"};
  info.config.cwd = "/\xff\xfe \"a\"";
  info.config.input = session_input_kind::pty;
  info.config.window = {65535, 1};
  info.config.policy = window_policy::newest;
  info.config.tags = {"by=\xc3", "note=\n"};
  info.config.required = {"make", "\x80"};
  info.config.journal_cap = UINT64_MAX;
  info.state = session_state::exited;
  info.created_at_ms = 1'700'000'000'001;
  info.started_at_ms = 1'700'000'000'002;
  info.ended_at_ms = 1'700'000'000'003;
  info.exit_code = -1;
  info.signal = 9;
  info.error = "it broke: \xff '\"";
  info.error_step = "exec";
  info.end_offset = UINT64_MAX - 1;
  return x;
}

struct table {
  table() {
    open();
    REQUIRE(save_vm_record(*db, box));
    REQUIRE(save_vm_record(*db, web));
  }
  void open() {
    auto opened = database::open(path);
    REQUIRE(opened);
    db = std::move(*opened);
  }
  test::temporary_folder directory;
  const std::string path = directory / "x.db";
  std::unique_ptr<database> db;
};

} // namespace

TEST_CASE_FIXTURE(table, "session records: a new table is empty") {
  CHECK(load_session_records(*db, "") == records{});
  CHECK(load_session_records(*db, box.id) == records{});
  CHECK(load_session_records(*db, "no such id") == records{});
}

TEST_CASE_FIXTURE(table, "session records: every field and every byte is kept, across a restart") {
  const auto x = sample("aaaaaaaaaaaa", "make-1");
  REQUIRE(save_session_record(*db, x));
  db.reset();
  open();
  const auto all = load_session_records(*db, box.id);
  REQUIRE(all);
  REQUIRE(all->size() == 1);
  CHECK(all->front().info.config.argv == x.info.config.argv);
  CHECK(all->front().info.config.env == x.info.config.env);
  CHECK(all->front() == x);
}

TEST_CASE_FIXTURE(table, "session records: who watches and the VM's name are no part of them") {
  auto x = sample("aaaaaaaaaaaa", "make-1");
  x.info.vm_name = "box";
  x.info.client_count = 7;
  REQUIRE(save_session_record(*db, x));
  CHECK(load_session_records(*db, box.id) == records{sample("aaaaaaaaaaaa", "make-1")});
}

TEST_CASE_FIXTURE(table, "session records: nothing is a value as well") {
  session_record x;
  x.vm_id = box.id;
  x.info.id = "aaaaaaaaaaaa";
  x.info.config.name = "a";
  REQUIRE(save_session_record(*db, x));
  CHECK(load_session_records(*db, box.id) == records{x});
}

TEST_CASE_FIXTURE(table, "session records: no text and an empty text are not the same") {
  auto x = sample("aaaaaaaaaaaa", "a");
  for (const auto& texts :
       {std::vector<std::string>{}, {""}, {"", ""}, {"", "x"}, {"x", ""}, {"x", "", "y"}}) {
    x.info.id.back() = x.info.id.back() == 'f' ? 'a' : static_cast<char>(x.info.id.back() + 1);
    x.info.config.argv = x.info.config.env = x.info.config.tags = x.info.config.required = texts;
    REQUIRE(save_session_record(*db, x));
    CHECK(load_session_records(*db, box.id) == records{x});
    REQUIRE(remove_session_record(*db, x.info.id));
  }
}

TEST_CASE_FIXTURE(table, "session records: every state, input and policy is kept") {
  auto x = sample("aaaaaaaaaaaa", "a");
  for (auto state : {session_state::starting, session_state::running, session_state::stopping,
                     session_state::exited, session_state::failed, session_state::lost})
    for (bool is_settled : {false, true}) {
      x.info.state = state;
      x.is_settled = is_settled;
      REQUIRE(save_session_record(*db, x));
      CHECK(load_session_records(*db, box.id) == records{x});
    }
  for (auto input : {session_input_kind::pipe, session_input_kind::closed, session_input_kind::pty})
    for (auto policy : {window_policy::smallest, window_policy::newest}) {
      REQUIRE(remove_session_record(*db, x.info.id));
      x.info.config.input = input;
      x.info.config.policy = policy;
      REQUIRE(save_session_record(*db, x));
      CHECK(load_session_records(*db, box.id) == records{x});
    }
}

TEST_CASE_FIXTURE(table, "session records: what becomes of a session replaces what was of it") {
  auto x = sample("aaaaaaaaaaaa", "a");
  x.info.state = session_state::starting;
  x.info.started_at_ms = x.info.ended_at_ms = 0;
  x.info.exit_code = x.info.signal = 0;
  x.info.error = x.info.error_step = "";
  x.info.end_offset = 0;
  x.is_settled = false;
  REQUIRE(save_session_record(*db, x));
  CHECK(load_session_records(*db, box.id) == records{x});
  const auto later = sample("aaaaaaaaaaaa", "a");
  REQUIRE(save_session_record(*db, later));
  CHECK(load_session_records(*db, box.id) == records{later});
}

TEST_CASE_FIXTURE(table, "session records: those of one VM, or of all, the oldest first") {
  auto one = sample("cccccccccccc", "one"), two = sample("bbbbbbbbbbbb", "two"),
       three = sample("aaaaaaaaaaaa", "three"), other = sample("dddddddddddd", "one", web);
  one.info.created_at_ms = 1;
  two.info.created_at_ms = three.info.created_at_ms = 2;
  other.info.created_at_ms = 0;
  for (const auto& x : {other, two, three, one})
    REQUIRE(save_session_record(*db, x));
  CHECK(load_session_records(*db, box.id) == records{one, three, two}); // made at once: by id
  CHECK(load_session_records(*db, web.id) == records{other});
  CHECK(load_session_records(*db, "") == records{one, three, two, other});
}

TEST_CASE_FIXTURE(table, "session records: a name is unique in its VM, and free again afterwards") {
  const auto x = sample("aaaaaaaaaaaa", "make-1");
  const auto same = sample("bbbbbbbbbbbb", "make-1");
  const auto elsewhere = sample("cccccccccccc", "make-1", web);
  REQUIRE(save_session_record(*db, x));
  CHECK(save_session_record(*db, same).error().code == ec::already_exists);
  CHECK(save_session_record(*db, elsewhere));
  CHECK(load_session_records(*db, box.id) == records{x});
  REQUIRE(remove_session_record(*db, x.info.id));
  CHECK(save_session_record(*db, same));
  CHECK(load_session_records(*db, "") == records{same, elsewhere});
}

TEST_CASE_FIXTURE(table, "session records: a removed one is gone; none there is fine") {
  const auto x = sample("aaaaaaaaaaaa", "a"), y = sample("bbbbbbbbbbbb", "b");
  REQUIRE(save_session_record(*db, x));
  REQUIRE(save_session_record(*db, y));
  CHECK(remove_session_record(*db, x.info.id));
  CHECK(remove_session_record(*db, x.info.id));
  CHECK(remove_session_record(*db, ""));
  CHECK(load_session_records(*db, "") == records{y});
}

TEST_CASE_FIXTURE(table, "session records: a VM takes its sessions with it, and nobody else's") {
  const auto x = sample("aaaaaaaaaaaa", "a"), y = sample("bbbbbbbbbbbb", "b"),
             other = sample("cccccccccccc", "a", web);
  for (const auto& each : {x, y, other})
    REQUIRE(save_session_record(*db, each));
  REQUIRE(save_vm_record(*db, box)); // replaced, not removed and made anew
  CHECK(load_session_records(*db, box.id) == records{x, y});
  REQUIRE(remove_vm_record(*db, box.id));
  CHECK(load_session_records(*db, "") == records{other});
}

TEST_CASE_FIXTURE(table, "session records: there is no session without a VM") {
  auto x = sample("aaaaaaaaaaaa", "a");
  for (const char* id : {"no such id", ""}) {
    x.vm_id = id;
    CHECK(save_session_record(*db, x).error().code == ec::storage_failed);
  }
  CHECK(load_session_records(*db, "") == records{});
  REQUIRE(remove_vm_record(*db, box.id));
  CHECK(save_session_record(*db, sample("aaaaaaaaaaaa", "a")).error().code == ec::storage_failed);
}

TEST_CASE_FIXTURE(table, "session records: a value from nowhere is none that does harm") {
  for (const char* bad : {"77", "-1", "256", "9223372036854775807", "-9223372036854775808"}) {
    auto x = sample("aaaaaaaaaaaa", "a");
    x.info.state = session_state::running;
    REQUIRE(save_session_record(*db, x));
    REQUIRE(db->execute("UPDATE guest_sessions SET state = " + std::string{bad} +
                        ", input = " + bad + ", policy = " + bad));
    const auto all = load_session_records(*db, "");
    REQUIRE(all);
    REQUIRE(all->size() == 1);
    const auto& found = all->front().info;
    CHECK(found.state == session_state::lost); // not one that runs
    CHECK(to_string(found.config.input) == "pty");
    CHECK(to_string(found.config.policy) == "newest");
    REQUIRE(remove_session_record(*db, x.info.id));
  }
}

TEST_CASE_FIXTURE(table, "session records: texts that have lost their last NUL are texts still") {
  REQUIRE(save_session_record(*db, sample("aaaaaaaaaaaa", "a")));
  REQUIRE(db->execute("UPDATE guest_sessions SET argv = x'61006263', env = x'', tags = x'00'"));
  const auto all = load_session_records(*db, "");
  REQUIRE(all);
  const auto& config = all->front().info.config;
  CHECK(config.argv == std::vector<std::string>{"a", "bc"});
  CHECK(config.env.empty());
  CHECK(config.tags == std::vector<std::string>{""});
}
