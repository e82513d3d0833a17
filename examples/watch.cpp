// Starts a guest session, watches it, loses it half-way on purpose, and goes on at the byte where
// it left; then tells what events there were of it.
//   c++ -std=c++20 watch.cpp $(pkg-config --cflags --libs banger) -o watch
//   ./watch VM make -j4
#include <banger/client.hpp>

#include <cstdio>
#include <cstdlib>

using namespace banger::client;

namespace {

template <class T>
T need(banger::result<T> x) {
  if (x)
    return std::move(*x);
  std::fprintf(stderr, "watch: %s\n", banger::to_string(x.error()).c_str());
  std::exit(1);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 3)
    return 2;
  auto banger = need(machine_client::connect());
  const auto before = need(banger.status()).host_id;
  auto session = need(banger.start_session(argv[1], {.argv = {argv + 2, argv + argc}}));
  const auto ref = session.vm_name + "/" + session.config.name;
  attach_handlers handlers;
  handlers.on_output = [](std::uint64_t, bool is_stderr, std::string_view bytes) {
    std::fwrite(bytes.data(), 1, bytes.size(), is_stderr ? stderr : stdout);
    return false; // leave after the first piece
  };
  auto first = need(banger.attach(ref, 0, handlers));
  handlers.on_output = [](std::uint64_t, bool is_stderr, std::string_view bytes) {
    std::fwrite(bytes.data(), 1, bytes.size(), is_stderr ? stderr : stdout);
    return true;
  };
  handlers.on_gap = [](std::uint64_t from, std::uint64_t to) {
    std::fprintf(stderr, "watch: bytes %lu to %lu are lost\n", static_cast<unsigned long>(from),
                 static_cast<unsigned long>(to));
  };
  auto rest = need(machine_client::connect()); // as another program would
  auto ended = need(rest.attach(ref, first.next, handlers));
  auto watcher = need(machine_client::connect());
  auto followed = watcher.follow({banger::events_from::last, 100}, [&](const auto& event) {
    if (event.subject == ref)
      std::fprintf(stderr, "%s %s\n", event.kind.c_str(), event.detail.c_str());
    return event.subject != ref || event.detail != banger::to_string(ended.session.state);
  });
  if (!followed || need(watcher.status()).host_id != before)
    return 1;
  need(rest.delete_session(ref));
  return ended.session.exit_code;
}
