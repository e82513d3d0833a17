#include "cli/rpc_message.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace banger;
using namespace banger::cli;
using namespace banger::cli::rpc;

namespace {

refusal refused(std::string_view line, bool is_strict = true) {
  auto x = parse_call(line, is_strict);
  REQUIRE(!x);
  return x.error();
}

} // namespace

TEST_CASE("rpc message: a request, and a notification") {
  auto x = parse_call(R"({"jsonrpc":"2.0","id":"a","method":"vm.list","params":{"b":1}})", true);
  REQUIRE(x);
  CHECK(x->id == "a");
  CHECK(x->wants_answer);
  CHECK(x->method == "vm.list");
  CHECK(x->params == record{{"b", 1}});
  x = parse_call(R"({"jsonrpc":"2.0","method":"vm.list"})", true);
  REQUIRE(x);
  CHECK(!x->wants_answer);
  CHECK(x->params == record::object());
}

TEST_CASE("rpc message: what is no JSON is refused as such") {
  for (std::string line : {"", "{", "hello", "{\"id\":1}}", "{'id':1}", "\"\xff\"",
                           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc3\x28\"}"})
    CHECK(refused(line).code == parse_error);
  const auto deep = std::string(1 << 20, '[');
  CHECK(refused(deep).why == "the line is nested too deep");
  CHECK(parse_call(R"({"jsonrpc":"2.0","method":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"["})",
                   true));
}

TEST_CASE("rpc message: what is no request says what is wrong, to whom it can") {
  CHECK(refused("[]").why == "there are no batches: one message a line");
  CHECK(refused("7").code == invalid_request);
  CHECK(refused(R"({"id":1,"method":"x"})").why == "'jsonrpc' must be \"2.0\"");
  CHECK(refused(R"({"id":1,"method":"x"})").id == 1);
  CHECK(refused(R"({"jsonrpc":"2.0","id":1})").why == "'method' is missing, or no text");
  CHECK(refused(R"({"jsonrpc":"2.0","id":{},"method":"x"})").why == "'id' is a text or a number");
  CHECK(refused(R"({"jsonrpc":"2.0","id":null,"method":"x"})").id == nullptr);
  CHECK(refused(R"({"jsonrpc":"2.0","id":1,"method":"x","parms":{}})").why ==
        "a message has no 'parms'");
  CHECK(parse_call(R"({"jsonrpc":"2.0","id":1,"method":"x","parms":{}})", false));
  const auto by_place = refused(R"({"jsonrpc":"2.0","id":1,"method":"x","params":[1]})");
  CHECK(by_place.code == bad_params);
  CHECK(by_place.id == 1);
}

TEST_CASE("rpc message: a failure of ours has its own code, and all that is known of it") {
  const failure why{ec::not_found, "no VM 'x'", "neither a name nor an id", ""};
  CHECK(failure_message(7, why) == record{{"jsonrpc", "2.0"},
                                          {"id", 7},
                                          {"error",
                                           {{"code", -32000},
                                            {"message", "no VM 'x': neither a name nor an id"},
                                            {"data",
                                             {{"code", "not_found"},
                                              {"doing", "no VM 'x'"},
                                              {"why", "neither a name nor an id"},
                                              {"hint", nullptr},
                                              {"exit_code", 3}}}}}});
}

TEST_CASE("rpc message: UTF-8 is what Unicode says it is") {
  for (const char* good : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf",
                           "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"})
    CHECK_MESSAGE(is_utf8(good), good);
  for (const char* bad :
       {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xe2\x28\xa1", "a\xc3"})
    CHECK_MESSAGE(!is_utf8(bad), bad);
}

TEST_CASE("rpc message: bytes are text where they can be, and base64 where not, or as asked for") {
  CHECK(bytes_record("hi", false) == record{{"data", "hi"}, {"encoding", "utf-8"}});
  CHECK(bytes_record("hi", true) == record{{"data", "aGk="}, {"encoding", "base64"}});
  CHECK(bytes_record("\xff", false) == record{{"data", "/w=="}, {"encoding", "base64"}});
  CHECK(bytes_record(std::string{"a\0b", 3}, false)["encoding"] == "utf-8");
}
