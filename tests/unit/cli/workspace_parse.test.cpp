#include "tests/unit/cli/typed_line.hpp"

using namespace banger;
using namespace banger::cli;
using namespace banger::test;
using strings = std::vector<std::string>;

TEST_CASE("cli: a run takes a repository along") {
  auto x = read({"vm", "run", "--rm", "./repo", "--", "make", "test"});
  CHECK(x.what == verb::vm_run);
  CHECK(x.workspace.path == "./repo");
  CHECK(x.command == strings{"make", "test"});
  CHECK_FALSE(x.workspace.is_full_copy);
  x = read({"run", "--mode", "full-copy", "--guest-path", "/srv/x", "repo"});
  CHECK(x.workspace.is_full_copy);
  CHECK(x.workspace.guest_path == "/srv/x");
  x = read(
      {"run", ".", "--include-untracked", "--depth", "7", "--branch", "b", "--from", "main~2"});
  CHECK(x.workspace.has_untracked);
  CHECK(x.workspace.depth == 7);
  CHECK(x.workspace.branch == "b");
  CHECK(x.workspace.from == "main~2");
  CHECK(read({"vm", "run"}).workspace.path.empty());
  refused({"run", "--branch", "b"});
  refused({"run", ".", "--from", "x"});
  refused({"run", ".", "--mode", "half"});
  refused({"run", ".", "--depth", "0"});
  refused({"run", ".", "--branch", "-b"});
  refused({"run", ".", "--mode", "full-copy", "--depth", "3"});
  refused({"run", "a", "b"});
}

TEST_CASE("cli: workspace commands are understood") {
  CHECK(read({"workspace", "prepare", "box"}).workspace.path == ".");
  auto x = read({"workspace", "prepare", "box", "../repo"});
  CHECK(x.what == verb::workspace_prepare);
  CHECK(x.refs == strings{"box"});
  CHECK(x.workspace.path == "../repo");
  x = read({"workspace", "export", "box", "--output", "p.patch", "--base-commit", "abc"});
  CHECK(x.what == verb::workspace_export);
  CHECK(x.workspace.file == "p.patch");
  CHECK(x.workspace.base == "abc");
  CHECK_FALSE(x.is_json);
  CHECK(read({"workspace", "export", "box", "-o", "json"}).workspace.file == "json");
  CHECK(read({"workspace", "status", "box", "-o", "json"}).is_json);
  CHECK(read({"workspace", "list", "box"}).what == verb::workspace_list);
  x = read({"workspace", "sync", "box", "--to", "host", "-y"});
  CHECK(x.workspace.to_host);
  CHECK(x.workspace.is_agreed);
  x = read({"workspace", "sync", "box", "--to", "guest", "--force", "--dry-run"});
  CHECK_FALSE(x.workspace.to_host);
  CHECK(x.workspace.is_forced);
  CHECK(x.workspace.is_preview);
  refused({"workspace", "sync", "box"});
  refused({"workspace", "sync", "box", "--to", "moon"});
  refused({"workspace", "sync", "box", "--to", "host", "--force"});
  refused({"workspace", "export", "box", "--base-commit", "a", "--since-prepare"});
  refused({"workspace", "prepare"});
  refused({"workspace", "prepare", "box", "--", "x"});
}
