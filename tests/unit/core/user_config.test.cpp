#include "core/user_config.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;

namespace {

std::string problem(const std::string& text) {
  auto read = parse_user_config(text, "/home/ada");
  REQUIRE_FALSE(read);
  CHECK(read.error().code == ec::bad_request);
  return read.error().why;
}

} // namespace

TEST_CASE("files of the configuration have a place on both sides") {
  auto read = parse_user_config(
      "[[file_sync]]\nhost = \"~/.gitconfig\"\n"
      "[[file_sync]]\nhost = \"/home/ada/keys/\"\nguest = \"/root/.ssh\"\nmode = 0o600\n"
      "[[file_sync]]\nhost = \"~/a\"\nguest = \"~/b c\"\n",
      "/home/ada");
  REQUIRE(read);
  CHECK(read->files == std::vector<file_sync>{{"/home/ada/.gitconfig", "/root/.gitconfig", 0},
                                              {"/home/ada/keys", "/root/.ssh", 0600},
                                              {"/home/ada/a", "/root/b c", 0}});
  CHECK(parse_user_config("", "/home/ada")->files.empty());
}

TEST_CASE("names of VMs are served where the configuration says so") {
  CHECK_FALSE(parse_user_config("", "/home/ada")->dns);
  CHECK(parse_user_config("[dns]\n", "/home/ada")->dns == dns_endpoint{});
  CHECK(parse_user_config("[dns]\nlisten = \"127.0.0.1:53\"\n", "/home/ada")->dns ==
        dns_endpoint{"127.0.0.1", 53});
  CHECK(problem("dns = 1").find("must be a table") != std::string::npos);
  CHECK(problem("[dns]\nport = 53\n").find("'port'") != std::string::npos);
  CHECK(problem("[dns]\nlisten = 53\n").find("'listen'") != std::string::npos);
  CHECK(problem("[dns]\nlisten = \"0.0.0.0:53\"\n").find("not a loopback address") !=
        std::string::npos);
}

TEST_CASE("other machines are served where the configuration says so") {
  auto listen = [](const std::string& text) {
    return parse_user_config("[daemon]\n" + text, "/home/ada")->listen;
  };
  CHECK_FALSE(parse_user_config("", "/home/ada")->listen);
  CHECK_FALSE(listen(""));
  CHECK_FALSE(listen("certs = \"/c\"\n"));
  CHECK(listen("listen = \"0.0.0.0:7443\"\n") == tls_relay_plan{{"0.0.0.0", 7443}, ""});
  CHECK(listen("listen = \"[::1]:1\"\ncerts = \"~/c\"\n") ==
        tls_relay_plan{{"::1", 1}, "/home/ada/c"});
  CHECK(problem("daemon = 1").find("must be a table") != std::string::npos);
  CHECK(problem("[daemon]\nport = 1\n").find("'port'") != std::string::npos);
  CHECK(problem("[daemon]\nlisten = \"7443\"\n").find("no port") != std::string::npos);
  CHECK(problem("[daemon]\ncerts = \"c\"\n").find("not an absolute path") != std::string::npos);
}

TEST_CASE("what a configuration must not say is named") {
  auto entry = [](const std::string& text) { return problem("[[file_sync]]\n" + text + "\n"); };
  CHECK(entry("host = \"~/../bob/x\"").find("'..'") != std::string::npos);
  CHECK(entry("host = \"~/x\"\nguest = \"~/a/..\"").find("'..'") != std::string::npos);
  CHECK(entry("host = \"~bob/x\"").find("another user's home") != std::string::npos);
  CHECK(entry("host = \"/home/adam/x\"").find("is not below /home/ada") != std::string::npos);
  CHECK(entry("host = \"x\"").find("is not below") != std::string::npos);
  CHECK(entry("host = \"~/\"").find("is not below") != std::string::npos);
  CHECK(entry("host = \"~/x\"\nguest = \"/etc/passwd\"").find("is not below /root") !=
        std::string::npos);
  CHECK(entry("guest = \"~/x\"").find("host is missing") != std::string::npos);
  CHECK(entry("host = \"~/x\"\nmode = 600").find("octal") != std::string::npos);
  CHECK(entry("host = \"~/x\"\nmode = 0o4755").find("octal") != std::string::npos);
  CHECK(entry("host = 1").find("'host'") != std::string::npos);
  CHECK(entry("host = \"~/x\"\nowner = \"me\"").find("'owner'") != std::string::npos);
  CHECK(problem("file_sink = 1").find("did you mean 'file_sync'?") != std::string::npos);
  CHECK(problem("file_sync = 1").find("list of tables") != std::string::npos);
  CHECK(problem("file_sync = [1]").find("list of tables") != std::string::npos);
  CHECK(problem("a = \n").find("line 1") != std::string::npos);
}
