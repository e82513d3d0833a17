// What crosses the socket, type by type, as text: a record for each protocol version. Fields are
// positional, so a change of the current one means a new version, and of an older version's fields
// none may move: a peer of that version can at least read what it says.
#include "core/wire_codec.hpp"
#include "golden_file.hpp"
#include "protocol/version.hpp"
#include "protocol/wire_types.hpp"

#include <doctest/doctest.h>

#include <map>
#include <sstream>
#include <type_traits>

using namespace banger;

namespace {

/// An inspector that writes down what it is shown.
class shape_writer {
public:
  using result_type = void;

  template <class... Ts>
  void operator()(const Ts&... xs) {
    (add(xs), ...);
  }

  std::string text;

private:
  template <class T>
  void add(const T& x) {
    text += (text.empty() || text.ends_with('{') || text.ends_with('[') ? "" : " ");
    put(x);
  }

  template <std::integral T>
  void put(const T&) {
    if constexpr (std::is_same_v<T, bool>)
      text += "bool";
    else
      text += (std::is_signed_v<T> ? "i" : "u") + std::to_string(sizeof(T) * 8);
  }

  template <class T>
  requires std::is_enum_v<T>
  void put(const T&) { text += "enum" + std::to_string(sizeof(T) * 8); }

  void put(const std::string&) { text += "bytes"; }

  template <class T>
  void put(const std::vector<T>&) {
    text += "[";
    put(T{});
    text += "]";
  }

  template <core::inspectable_struct T>
  void put(const T& x) {
    text += "{";
    inspect(*this, const_cast<T&>(x)); // inspect takes T& for readers' sake; nothing is changed
    text += "}";
  }
};

template <class T>
std::string line_of() {
  shape_writer shape;
  T x{};
  inspect(shape, x);
  return std::string{wire_name<T>} + ": " + shape.text + "\n";
}

std::string current() {
  std::string all;
#define BANGER_LINE(type) all += line_of<type>();
  BANGER_CLIENT_TYPES(BANGER_LINE)
  BANGER_DAEMON_TYPES(BANGER_LINE)
#undef BANGER_LINE
  return all;
}

std::map<std::string, std::string> by_name(const std::string& text) {
  std::map<std::string, std::string> all;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);)
    all[line.substr(0, line.find(": "))] = line.substr(line.find(": ") + 2);
  return all;
}

} // namespace

TEST_CASE("protocol: what crosses the socket is what is recorded for this version") {
  test::check_golden("protocol/" + std::to_string(protocol_version) + ".txt", current());
}

TEST_CASE("protocol: later versions only append") {
  constexpr std::uint32_t first_recorded = 6;
  const auto now = by_name(current());
  for (auto version = first_recorded; version < protocol_version; ++version) {
    CAPTURE(version);
    for (const auto& [name, fields] :
         by_name(test::read_golden("protocol/" + std::to_string(version) + ".txt"))) {
      CAPTURE(name);
      REQUIRE(now.contains(name));
      CHECK(now.at(name).starts_with(fields));
    }
  }
}
