// Questions of the domain name system, of any bytes: none may crash, hang or read outside of its
// input, and no answer may be longer than it was allowed, or be answered itself.
#include "core/dns_message.hpp"

#include "fuzz/changed.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

using namespace banger::core;

namespace {

void require(bool is_true) {
  if (!is_true)
    std::abort();
}

void run(std::string_view bytes) {
  const auto question = dns::parse_query(bytes);
  if (!question)
    return;
  const auto limit = dns::udp_limit(*question);
  require(limit >= dns::least_udp_size && limit <= dns::most_udp_size);
  const auto vm = dns::wanted_vm(*question);
  require(!vm || vm->size() <= 63);
  for (const auto& found :
       {dns::lookup{false, "127.77.0.2"}, dns::lookup{false, {}}, dns::lookup{true, {}}})
    for (auto most : {limit, dns::most_tcp_size}) {
      const auto answer = dns::answer(*question, found, most);
      require(answer.size() >= 12 && answer.size() <= most);
      require(answer.size() <= bytes.size() + 100); // nobody gains by having it sent elsewhere
      require(answer.substr(0, 2) == bytes.substr(0, 2));
      require(!dns::parse_query(answer));
      require(dns::with_tcp_prefix(answer).size() == answer.size() + dns::tcp_prefix_size);
    }
  (void)dns::ipv4_bytes(bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  run({reinterpret_cast<const char*>(data), size});
  return 0;
}

#ifdef BANGER_FUZZ_MAIN

int main() {
  using namespace std::string_literals;
  const auto question = "id\1\0\0\1\0\0\0\0\0\0\3box\2vm\0\0\1\0\1"s;
  const auto edns = "id\1\0\0\1\0\0\0\0\0\1\3box\2vm\0\0\x1c\0\1\0\0\x29\4\xd0\0\0\0\0\0\0"s;
  const auto cookie =
      "id\1\0\0\1\0\0\0\0\0\1\2vm\0\0\6\0\1\0\0\x29\4\xd0\0\0\0\0\0\x0c\0\x0a\0\x08"s + "12345678";
  const std::string seeds[] = {question, edns, cookie, "id\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1"s,
                               "id\1\0\0\1\0\0\0\0\0\0"s + std::string(63, '?')};
  std::mt19937 random{1};
  constexpr int rounds = 200'000;
  const auto telling = [](std::mt19937& x) { return "\0\1\3\xc0\x0c\x29\x3f\xff"[x() % 8]; };
  for (int i = 0; i < rounds; ++i)
    run(banger::fuzz::changed(seeds[random() % std::size(seeds)], random, 2, telling));
  return 0;
}

#endif
