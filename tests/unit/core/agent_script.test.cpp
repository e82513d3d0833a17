#include "core/agent_script.hpp"

#include <doctest/doctest.h>

using namespace banger;
using banger::core::agent_install_failure;

TEST_CASE("agent script: the digest is one word of it") {
  const auto command = core::agent_install_command("0a1b");
  CHECK(command.starts_with("exec sh -c '"));
  CHECK(command.ends_with(" sh '0a1b'"));
}

TEST_CASE("agent script: what the guest said is the reason") {
  const auto full = agent_install_failure("box", 80, "cat: write error: No space left on device\n");
  CHECK(full.code == ec::no_space);
  CHECK(full.what == "give vm 'box' an agent");
  CHECK(full.why == "cat: write error: No space left on device");
  CHECK(full.hint.find("banger vm ssh box") != std::string::npos);
  const auto read_only = agent_install_failure("box", 80, "first\nsh: Read-only file system\n \n");
  CHECK(read_only.code == ec::failed);
  CHECK(read_only.why == "sh: Read-only file system");
  CHECK(read_only.hint.find("read-only") != std::string::npos);
}

TEST_CASE("agent script: each step that fails is told apart") {
  CHECK(agent_install_failure("box", 81, "x").why.find("not what was sent: x") !=
        std::string::npos);
  CHECK(agent_install_failure("box", 82, "x").why == "it does not start: x");
  const auto strange = agent_install_failure("box", 127, "");
  CHECK(strange.why == "the guest's shell exited with 127");
  CHECK(strange.hint.find("cat") != std::string::npos);
}
