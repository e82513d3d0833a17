// A sandbox for one command: makes a VM, runs the command in it, and deletes it.
//   c++ -std=c++20 sandbox.cpp $(pkg-config --cflags --libs banger) -o sandbox
//   ./sandbox uname -a
#include <banger/client.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  auto fail = [](const banger::failure& why) {
    std::fprintf(stderr, "sandbox: %s\n", banger::to_string(why).c_str());
    return 1;
  };
  auto banger = banger::client::machine_client::connect();
  if (!banger)
    return fail(banger.error());
  auto vm = banger->create({.is_ephemeral = true}); // goes with us, whatever happens
  auto started = vm ? banger->start(vm->id) : vm;
  if (!started)
    return fail(started.error());
  auto ended = banger->run(vm->id, {argv + 1, argv + argc}, {}, [](bool is_stderr, auto bytes) {
    std::fwrite(bytes.data(), 1, bytes.size(), is_stderr ? stderr : stdout);
  });
  if (auto gone = banger->remove(vm->id); !gone)
    return fail(gone.error());
  return ended ? ended->exit_code : fail(ended.error());
}
