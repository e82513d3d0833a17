#include "cli/rpc_input.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace banger;
using banger::cli::rpc::input_queue;

namespace {

/// Writes down who was told what.
input_queue::done note(std::vector<std::string>& told, std::string name) {
  return [&told, name](const result<void>& how) { told.push_back(name + (how ? "" : "!")); };
}

} // namespace

TEST_CASE("rpc input: who added is told once all of it is taken") {
  input_queue x;
  std::vector<std::string> told;
  CHECK(x.add("one", false, note(told, "a")));
  CHECK(x.add("two", false, note(told, "b")));
  CHECK(x.take(2) == "on");
  x.settle();
  CHECK(told.empty());
  CHECK(x.take(2) == "et");
  x.settle();
  CHECK(told == std::vector<std::string>{"a"});
  CHECK(x.take(100) == "wo");
  CHECK(x.is_empty());
  x.settle();
  CHECK(told == std::vector<std::string>{"a", "b"});
}

TEST_CASE("rpc input: nothing comes behind the end") {
  input_queue x;
  std::vector<std::string> told;
  CHECK(x.add("", true, note(told, "end")));
  CHECK(!x.add("more", false, note(told, "more")));
  CHECK(x.is_ended());
  x.after(note(told, "after"));
  x.settle();
  CHECK(told == std::vector<std::string>{"end", "after"});
}

TEST_CASE("rpc input: what waits has a bound") {
  input_queue x;
  std::vector<std::string> told;
  CHECK(x.add(std::string(input_queue::most, 'x'), false, note(told, "all")));
  CHECK(!x.add("y", false, note(told, "more")));
  CHECK(x.take(1) == "x");
  CHECK(x.add("y", false, note(told, "more")));
}

TEST_CASE("rpc input: those who wait when it is over are told so") {
  input_queue x;
  std::vector<std::string> told;
  CHECK(x.add("one", false, note(told, "a")));
  x.after(note(told, "b"));
  x.fail_all({ec::wrong_state, "it is over", {}, {}});
  CHECK(told == std::vector<std::string>{"a!", "b!"});
  CHECK(!x.add("more", false, note(told, "c")));
}
