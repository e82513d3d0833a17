// What records look like that go in and out: one description checks them and becomes their JSON
// Schema (2020-12), so that neither says what the other does not. Pure.
#pragma once

#include "cli/json_values.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::cli::rpc {

/// What a field is.
enum class kind : std::uint8_t {
  text,    ///< without NUL: it goes to a command line or names something
  data,    ///< any text
  integer, ///< from `least` to `most`
  number,
  flag,
  texts,  ///< a list of texts
  pairs,  ///< a record of texts
  signal, ///< a name ("TERM") or a number
  record, ///< of shape `of`
  list,   ///< of records of shape `of`
  any,
};

struct shape;

struct field {
  std::string name;
  kind type = kind::text;
  std::string about;
  bool is_required = false;
  bool is_nullable = false;
  std::int64_t least = 0;
  std::int64_t most = INT64_MAX;
  std::vector<std::string> words{}; ///< the only texts that are possible; empty: all
  const shape* of = nullptr;
};

struct shape {
  std::string name; ///< of its definition in the schema; empty: it is written where it is used
  std::vector<field> fields;
};

/// A name as an error shows it: of one that is no name of ours, the beginning.
[[nodiscard]] std::string shown(const std::string& name);

/// Whether `x` has this shape, and nothing else. Errors: bad_request, naming the field.
[[nodiscard]] result<void> check(const shape& what, const record& x, const std::string& path = {});

/// Its schema. Shapes with a name that it is made of are referred to as "#/$defs/NAME".
/// @param is_open  a later version may add fields: so in answers, not in what is asked
[[nodiscard]] record schema_of(const shape& what, bool is_open);

// -- fields, as tables write them

[[nodiscard]] inline field a_text(std::string name, std::string about) {
  return {std::move(name), kind::text, std::move(about)};
}
[[nodiscard]] inline field a_choice(std::string name, std::string about,
                                    std::vector<std::string> words) {
  field x{std::move(name), kind::text, std::move(about)};
  x.words = std::move(words);
  return x;
}
[[nodiscard]] inline field an_integer(std::string name, std::string about, std::int64_t least = 0,
                                      std::int64_t most = INT64_MAX) {
  return {std::move(name), kind::integer, std::move(about), false, false, least, most};
}
[[nodiscard]] inline field a_flag(std::string name, std::string about) {
  return {std::move(name), kind::flag, std::move(about)};
}
[[nodiscard]] inline field a_field(kind type, std::string name, std::string about) {
  return {std::move(name), type, std::move(about)};
}
[[nodiscard]] inline field a_record(std::string name, std::string about, const shape& of) {
  field x{std::move(name), kind::record, std::move(about)};
  x.of = &of;
  return x;
}
[[nodiscard]] inline field a_list(std::string name, std::string about, const shape& of) {
  field x{std::move(name), kind::list, std::move(about)};
  x.of = &of;
  return x;
}
[[nodiscard]] inline field required(field x) {
  x.is_required = true;
  return x;
}
[[nodiscard]] inline field nullable(field x) {
  x.is_nullable = true;
  return x;
}

/// A shape that an answer has: every field of it is always there.
[[nodiscard]] shape answer_shape(std::string name, std::vector<field> fields);

} // namespace banger::cli::rpc
