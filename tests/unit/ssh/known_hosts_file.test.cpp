#include "ssh/known_hosts_file.hpp"

#include "tests/support/known_hosts_folder.hpp"
#include "tests/support/known_hosts_texts.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <random>

using banger::ec;
using namespace banger::test;
using fixture = known_hosts_folder;

TEST_CASE_FIXTURE(fixture, "known_hosts_file: a missing file, or folder, is an empty one") {
  CHECK(status_of("box.vm", key_a) == kh::outcome::unknown);
  path = folder / "not" / "there" / "known_hosts";
  CHECK(status_of("box.vm", key_a) == kh::outcome::unknown);
  CHECK(known_hosts_file(path).remove({"box.vm"})->count == 0);
  CHECK(known_hosts_file(path).heal());
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: prepare makes a private folder and file, whatever the umask") {
  path = folder / "state" / "ssh" / "known_hosts";
  const auto before = ::umask(0);
  const auto prepared = known_hosts_file(path).prepare();
  ::umask(before);
  REQUIRE(prepared);
  CHECK(mode_of(path) == 0600);
  CHECK(mode_of(folder / "state") == 0700);
  CHECK(mode_of(folder / "state" / "ssh") == 0700);
  CHECK(text().empty());
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: prepare and heal end a last line that has no line feed") {
  for (const bool heal : {false, true}) {
    write("# note");
    known_hosts_file file(path);
    for (int repeated = 0; repeated < 2; ++repeated) {
      const auto done = heal ? file.heal() : file.prepare();
      CHECK(done.has_value());
    }
    CHECK(text() == "# note\n");
  }
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: a pin is one line a name, also without a final line feed") {
  write("# note");
  known_hosts_file file(path);
  REQUIRE(file.pin({"172.16.0.2", "box.vm"}, key_a));
  const auto expected = "# note\n" + pin_line("172.16.0.2") + pin_line("box.vm");
  CHECK(text() == expected);
  CHECK(status_of("box.vm", key_a) == kh::outcome::trusted);
  CHECK(file.pin({"box.vm", "172.16.0.2"}, key_a));
  CHECK(text() == expected);
  CHECK(file.algorithms("box.vm", 22)->starts_with("ssh-ed25519,"));
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: pin makes the folder and the file where they are missing") {
  path = folder / "ssh" / "known_hosts";
  REQUIRE(known_hosts_file(path).pin({"box.vm"}, key_a));
  CHECK(text() == pin_line("box.vm"));
  CHECK(mode_of(path) == 0600);
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: pin refuses a name that has another key, and writes nothing") {
  for (const auto& other : {pin_line("box.vm", key_b), pin_line("*.vm", rsa_key('r')),
                            pin_line("box.vm", key_b) + pin_line("box.vm")}) {
    write(other);
    const auto pinned = known_hosts_file(path).pin({"172.16.0.2", "box.vm"}, key_a);
    REQUIRE(!pinned);
    CHECK(pinned.error().code == ec::host_key_mismatch);
    CHECK(pinned.error().what.find("box.vm") != std::string::npos);
    CHECK(pinned.error().why.find("(line 1)") != std::string::npos);
    CHECK(text() == other);
  }
  write("@revoked " + pin_line("*"));
  CHECK(known_hosts_file(path).pin({"box.vm"}, key_a).error().code == ec::host_key_revoked);
}

TEST_CASE_FIXTURE(fixture, "known_hosts_file: pin refuses patterns and malformed keys") {
  known_hosts_file file(path);
  CHECK(file.pin({"*.vm"}, key_a).error().code == ec::bad_request);
  CHECK(file.pin({"a\n@revoked"}, key_a).error().code == ec::bad_request);
  CHECK(file.pin({"box.vm"}, {"ssh-rsa", key_a.blob}).error().code == ec::bad_request);
  CHECK(!std::filesystem::exists(path));
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: a pin carries its comment, one that is there its own") {
  write(kh::render_line({"old.vm"}, key_a, "by hand"));
  known_hosts_file file(path);
  REQUIRE(file.pin({"old.vm", "new.vm"}, key_a, "banger: made with the image"));
  CHECK(text() == kh::render_line({"old.vm"}, key_a, "by hand") +
                      kh::render_line({"new.vm"}, key_a, "banger: made with the image"));
  for (const auto comment : {"a\nb.vm", "a\r", "a\tb", "\x7f", "\x01"})
    CHECK(file.pin({"box.vm"}, key_a, comment).error().code == ec::bad_request);
  CHECK(file.pin({"box.vm"}, key_a, {"a\0b", 3}).error().code == ec::bad_request);
  CHECK(status_of("box.vm", key_a) == kh::outcome::unknown);
  CHECK(file.pin({"box.vm"}, key_a,
                 "K\xc3\xbc"
                 "che"));
}

TEST_CASE_FIXTURE(fixture, "known_hosts_file: lines are those of the file, none without a file") {
  known_hosts_file file(path);
  REQUIRE(file.lines());
  CHECK((*file.lines())->empty());
  write("# note\n" + kh::render_line({"box.vm"}, key_a, "note") + "broken\n");
  const auto lines = *file.lines();
  REQUIRE(lines->size() == 2);
  CHECK(lines->at(0).hosts == "box.vm");
  CHECK(lines->at(0).number == 2);
  CHECK(lines->at(0).comment == "note");
  CHECK(!lines->at(1).is_valid);
  REQUIRE(file.remove({"box.vm"}));
  CHECK((*file.lines())->size() == 1);
  CHECK(lines->size() == 2);
  ::chmod(path.c_str(), 0666);
  CHECK(file.lines().error().code == ec::unsafe_path);
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: a removal changes one byte a line, and no other line") {
  write(pin_line("a.vm") + pin_line("box.vm") + "junk\n" + pin_line("172.16.0.2", key_b) +
        pin_line("*.vm"));
  const auto removed = known_hosts_file(path).remove({"box.vm", "172.16.0.2"});
  REQUIRE(removed);
  CHECK(removed->count == 2);
  CHECK(removed->kept_lines == std::vector<std::size_t>{5});
  CHECK(text() == pin_line("a.vm") + "#" + pin_line("ox.vm") + "junk\n#" +
                      pin_line("72.16.0.2", key_b) + pin_line("*.vm"));
}

TEST_CASE_FIXTURE(fixture, "known_hosts_file: a removal from a list keeps the foreign names") {
  write(pin_line("a.vm,box.vm") + "# last");
  CHECK(known_hosts_file(path).remove({"box.vm"})->count == 1);
  CHECK(text() == "#" + pin_line(".vm,box.vm") + "# last\n" + pin_line("a.vm"));
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: a name can be pinned to another key after its removal") {
  known_hosts_file file(path);
  REQUIRE(file.pin({"box.vm"}, key_a));
  REQUIRE(file.remove({"box.vm"}));
  REQUIRE(file.pin({"box.vm"}, key_b));
  CHECK(status_of("box.vm", key_b) == kh::outcome::trusted);
  CHECK(status_of("box.vm", key_a) == kh::outcome::mismatch);
}

TEST_CASE_FIXTURE(
    fixture,
    "known_hosts_file: compaction waits for its threshold, then drops removed lines only") {
  known_hosts_file file(path);
  const auto removed = "#" + pin_line("x");
  write("# mine\n" + removed + pin_line("a.vm") + "cut");
  CHECK(file.compact(removed.size()) == false);
  CHECK(file.compact(removed.size() - 1) == true);
  CHECK(mode_of(path) == 0600);
  CHECK(file.is_draining());
  CHECK(text() == "# mine\n" + pin_line("a.vm"));
  REQUIRE(file.drain(known_hosts_file::clock::now() + known_hosts_file::drain_time));
  CHECK(!file.is_draining());
  CHECK(text() == "# mine\n" + pin_line("a.vm") + "cut\n");
  CHECK(!std::filesystem::exists(path.string() + ".new"));
}

TEST_CASE_FIXTURE(
    fixture, "known_hosts_file: lines that go into replaced files are rescued, two at once too") {
  write("#" + pin_line("x"));
  known_hosts_file file(path);
  const int first = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  REQUIRE(file.compact(0) == true);
  REQUIRE(file.pin({"gone.vm"}, key_a));
  const int second = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  REQUIRE(file.remove({"gone.vm"}));
  REQUIRE(file.compact(0) == true);
  const auto late = pin_line("late.vm");
  const auto later = pin_line("later.vm");
  CHECK(::write(first, late.data(), late.size()) > 0);
  CHECK(::write(second, later.data(), later.size() - 5) > 0);
  CHECK(file.check("late.vm", 22, key_a)->status == kh::outcome::trusted);
  CHECK(file.check("later.vm", 22, key_a)->status == kh::outcome::unknown);
  CHECK(::write(second, later.data() + later.size() - 5, 5) > 0);
  CHECK(file.check("later.vm", 22, key_a)->status == kh::outcome::trusted);
  CHECK(text() == late + later);
  ::close(first);
  ::close(second);
}

namespace {

/// Replaces the file in two steps, as ssh-keygen -R does: the new one is made first, then the old
/// one read, and at last the name given to the new one.
struct replacer {
  explicit replacer(const fixture& where) : path(where.path), temporary(path.string() + ".abc") {
    ::usleep(20'000); // what was there before is older by more than the clock's tick
    std::ofstream(temporary).close();
    ::chmod(temporary.c_str(), 0600);
    text = where.text();
  }
  void finish(const std::string& without) {
    text.erase(text.find(without), without.size());
    std::ofstream(temporary) << text;
    std::filesystem::rename(temporary, path);
  }

  std::filesystem::path path;
  std::filesystem::path temporary;
  std::string text;
};

} // namespace

TEST_CASE_FIXTURE(fixture, "known_hosts_file: lines that a replacer has not read are put back") {
  write(pin_line("a.vm") + pin_line("b.vm"));
  known_hosts_file file(path);
  REQUIRE(file.prepare());
  const int late = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  replacer other(*this);
  REQUIRE(file.pin({"ours.vm"}, key_a));
  append_like_ssh(path, pin_line("theirs.vm"));
  other.finish(pin_line("b.vm"));
  CHECK(file.check("ours.vm", 22, key_a)->status == kh::outcome::trusted);
  CHECK(text() == pin_line("a.vm") + pin_line("ours.vm") + pin_line("theirs.vm"));
  CHECK(file.is_draining());
  const auto later = pin_line("later.vm");
  CHECK(::write(late, later.data(), later.size()) > 0);
  ::close(late);
  REQUIRE(file.heal());
  CHECK(text().ends_with(pin_line("theirs.vm") + later));
}

TEST_CASE_FIXTURE(fixture, "known_hosts_file: what a replacer leaves out on purpose stays out") {
  write(pin_line("a.vm") + pin_line("b.vm"));
  known_hosts_file file(path);
  REQUIRE(file.pin({"last.vm"}, key_a));
  {
    replacer other(*this);
    other.finish(pin_line("last.vm"));
  }
  REQUIRE(file.heal());
  CHECK(text() == pin_line("a.vm") + pin_line("b.vm"));
  // Also where something is late, if we have seen it before, or if a later line was copied.
  append_like_ssh(path, pin_line("seen.vm"));
  REQUIRE(file.heal());
  replacer other(*this);
  append_like_ssh(path, pin_line("late.vm"));
  other.finish(pin_line("seen.vm"));
  REQUIRE(file.heal());
  CHECK(text() == pin_line("a.vm") + pin_line("b.vm") + pin_line("late.vm"));
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: a removed line that a replacer brings back goes again") {
  write(pin_line("a.vm") + pin_line("b.vm") + pin_line("box.vm"));
  known_hosts_file file(path);
  REQUIRE(file.prepare());
  replacer other(*this);
  REQUIRE(file.remove({"box.vm"})->count == 1);
  other.finish(pin_line("b.vm"));
  CHECK(file.check("box.vm", 22, key_a)->status == kh::outcome::unknown);
  CHECK(text() == pin_line("a.vm") + "#" + pin_line("ox.vm"));
  append_like_ssh(path, pin_line("box.vm")); // a new pin of somebody, not the old one
  REQUIRE(file.heal());
  CHECK(file.check("box.vm", 22, key_a)->status == kh::outcome::trusted);
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: a compaction gives way to a replacer that comes between") {
  write(pin_line("a.vm") + "#" + pin_line("x"));
  known_hosts_file file(path);
  REQUIRE(file.prepare());
  for (int round = 0; round < 50; ++round) {
    const auto name = "n" + std::to_string(round);
    const auto child = in_child([this, &name] {
      const auto copy = path.string() + ".copy";
      append_like_ssh(copy, ""); // made before the old one is read
      const auto before = text();
      append_like_ssh(copy, before + pin_line(name));
      ::chmod(copy.c_str(), 0600);
      return ::rename(copy.c_str(), path.c_str());
    });
    REQUIRE(file.pin({"box.vm"}, key_a));
    REQUIRE(file.remove({"box.vm"}));
    REQUIRE(file.compact(0));
    REQUIRE(exit_status_of(child) == 0);
    REQUIRE(file.check(name, 22, key_a)->status == kh::outcome::trusted);
    REQUIRE(file.check("a.vm", 22, key_a)->status == kh::outcome::trusted);
    REQUIRE(file.check("box.vm", 22, key_a)->status == kh::outcome::unknown);
  }
  CHECK(!std::filesystem::exists(path.string() + ".new"));
}

TEST_CASE_FIXTURE(fixture, "known_hosts_file: one process compacts at a time") {
  write("#" + pin_line("x"));
  auto lock = banger::ssh::owned_file::open(path.string() + ".lock",
                                            banger::ssh::owned_file::mode::append_create);
  REQUIRE(lock);
  REQUIRE(lock->try_lock() == true);
  CHECK(known_hosts_file(path).compact(0) == false);
}

TEST_CASE_FIXTURE(fixture, "known_hosts_file: a file or folder that others can write is refused") {
  write(pin_line("box.vm"));
  for (const mode_t mode : {0620u, 0602u, 0666u}) {
    ::chmod(path.c_str(), mode);
    check_refused("chmod 600 " + path.string());
  }
  ::chmod(path.c_str(), 0644);
  CHECK(status_of("box.vm", key_a) == kh::outcome::trusted);
  ::chmod(folder.c_str(), 0770);
  const auto checked = known_hosts_file(path).check("box.vm", 22, key_a);
  REQUIRE(!checked);
  CHECK(checked.error().code == ec::unsafe_path);
  CHECK(checked.error().hint == "chmod 700 " + folder.string());
  CHECK(text() == pin_line("box.vm"));
}

TEST_CASE_FIXTURE(
    fixture, "known_hosts_file: symbolic links are refused, dangling ones too, and not followed") {
  const auto target = folder / "target";
  std::filesystem::create_symlink(target, path);
  check_refused("rm " + path.string());
  CHECK(!std::filesystem::exists(target));
  std::ofstream(target) << pin_line("box.vm");
  check_refused("rm " + path.string());
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: a folder or a FIFO in its place is refused without waiting") {
  std::filesystem::create_directory(path);
  check_refused("mv " + path.string());
  std::filesystem::remove(path);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  check_refused("move it away");
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: a file we cannot read, or of another user, is refused") {
  write(pin_line("box.vm"));
  if (::geteuid() == 0) { // may read anything, but can make the file somebody else's
    REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
    check_refused("chown");
  } else {
    ::chmod(path.c_str(), 0);
    check_refused("chmod 600 " + path.string());
  }
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: an absurdly large file is an error, not an empty one") {
  write("");
  REQUIRE(::truncate(path.c_str(), banger::ssh::owned_file::largest_size + 1) == 0);
  CHECK(known_hosts_file(path).check("box.vm", 22, key_a).error().code == ec::storage_failed);
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: beside writers like ssh nothing is lost, removed or broken") {
  constexpr int writers = 3;
  constexpr int lines_each = 300;
  known_hosts_file file(path);
  REQUIRE(file.prepare());
  std::vector<pid_t> children;
  for (int child = 0; child < writers; ++child)
    children.push_back(in_child([this, child] {
      for (int i = 0; i < lines_each; ++i) {
        append_like_ssh(path, pin_line("w" + std::to_string(child) + "-" + std::to_string(i)));
        ::usleep(500);
      }
      return 0;
    }));
  int pinned = 0;
  for (; pinned < 150; ++pinned) {
    REQUIRE(file.pin({"p" + std::to_string(pinned)}, key_b));
    if (pinned >= 2)
      REQUIRE(file.remove({"p" + std::to_string(pinned - 2)})->count == 1);
    if (pinned % 10 == 9)
      REQUIRE(file.compact(0) == true);
  }
  for (const auto child : children)
    CHECK(exit_status_of(child) == 0);
  REQUIRE(file.drain(known_hosts_file::clock::now() + known_hosts_file::drain_time));
  std::size_t foreign = 0;
  std::size_t own = 0;
  for (const auto& each : kh::parse(text())) {
    CHECK(each.is_valid);
    foreign += each.key == key_a ? 1u : 0u;
    own += each.key == key_b ? 1u : 0u;
  }
  CHECK(foreign == std::size_t{writers} * lines_each);
  CHECK(own == 2);
}

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: of several that pin different keys one succeeds at most") {
  constexpr std::array<char, 3> seeds = {'a', 'b', 'c'};
  for (int round = 0; round < 20; ++round) {
    const auto name = "race" + std::to_string(round);
    std::array<int, 2> start{};
    REQUIRE(::pipe2(start.data(), O_CLOEXEC) == 0);
    std::vector<pid_t> children;
    for (const char seed : seeds)
      children.push_back(in_child([this, &name, &start, seed] {
        char none = 0;
        ::close(start[1]);
        [[maybe_unused]] const auto end = ::read(start[0], &none, 1); // all start when we close it
        const auto done = known_hosts_file(path).pin({name}, ed25519_key(seed));
        if (done)
          return 0;
        return done.error().code == ec::host_key_mismatch ? 1 : 2;
      }));
    ::close(start[1]);
    int succeeded = 0;
    std::array<int, seeds.size()> statuses{};
    for (std::size_t i = 0; i < seeds.size(); ++i)
      statuses[i] = exit_status_of(children[i]);
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      CHECK(statuses[i] <= 1);
      succeeded += statuses[i] == 0 ? 1 : 0;
      CHECK((status_of(name, ed25519_key(seeds[i])) == kh::outcome::trusted) == (statuses[i] == 0));
    }
    ::close(start[0]);
    CHECK(succeeded <= 1);
  }
}

namespace {

/// The numbers of the lines that the real ssh-keygen finds for `name`.
std::vector<std::size_t> found_by_ssh_keygen(const std::filesystem::path& path,
                                             const std::string& name) {
  const auto command = "ssh-keygen -F '" + name + "' -f '" + path.string() + "' 2>/dev/null";
  std::FILE* output = ::popen(command.c_str(), "r");
  REQUIRE(output != nullptr);
  std::vector<std::size_t> out;
  std::array<char, 8192> line{};
  while (std::fgets(line.data(), static_cast<int>(line.size()), output) != nullptr) {
    const std::string text(line.data());
    const auto at = text.find(" found: line ");
    if (text.starts_with("# Host ") && at != std::string::npos)
      out.push_back(std::stoul(text.substr(at + 13)));
  }
  const int status = ::pclose(output);
  REQUIRE_MESSAGE(WEXITSTATUS(status) <= 1, "ssh-keygen is not installed, or failed");
  return out;
}

} // namespace

TEST_CASE_FIXTURE(fixture,
                  "known_hosts_file: in random files the same lines match as for ssh-keygen -F") {
  std::mt19937 random(20); // NOLINT: the same files every time
  std::size_t total = 0;
  for (int round = 0; round < 50; ++round) {
    write(random_file(random));
    const auto& name = sample_names[static_cast<std::size_t>(round) % sample_names.size()];
    const auto lines = kh::parse(text());
    std::vector<std::size_t> ours;
    for (const auto* each : kh::matching_lines(lines, name))
      ours.push_back(each->number);
    total += ours.size();
    CHECK_MESSAGE(ours == found_by_ssh_keygen(path, name), name, "\n", text());
  }
  CHECK(total > 150);
}
