#include "cli/rpc_schema.hpp"

#include "core/suggest.hpp"

#include <algorithm>
#include <csignal>

namespace banger::cli::rpc {

namespace {

constexpr std::int64_t last_signal = SIGSYS;

tl::unexpected<failure> wrong(const std::string& path, const std::string& why) {
  return fail(ec::bad_request, "'" + path + "' " + why);
}

std::string listed(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words)
    all += (all.empty() ? "" : &word == &words.back() ? " or " : ", ") + word;
  return all;
}

bool is_plain(const record& x) {
  return x.is_string() && x.get_ref<const std::string&>().find('\0') == std::string::npos;
}

bool is_integer_in(const record& x, std::int64_t least, std::int64_t most) {
  if (x.is_number_unsigned())
    return x.get<std::uint64_t>() <= static_cast<std::uint64_t>(most) &&
           (least <= 0 || x.get<std::uint64_t>() >= static_cast<std::uint64_t>(least));
  return x.is_number_integer() && x.get<std::int64_t>() >= least && x.get<std::int64_t>() <= most;
}

result<void> check_text(const field& what, const record& x, const std::string& path) {
  if (!x.is_string())
    return wrong(path, "must be a text");
  if (!is_plain(x))
    return wrong(path, "must not contain NUL");
  if (!what.words.empty() &&
      std::find(what.words.begin(), what.words.end(), x.get<std::string>()) == what.words.end())
    return wrong(path, "must be " + listed(what.words));
  return {};
}

result<void> check_integer(const field& what, const record& x, const std::string& path) {
  if (is_integer_in(x, what.least, what.most))
    return {};
  const auto top = what.most == INT64_MAX ? std::string{} : " to " + std::to_string(what.most);
  return wrong(path, "must be an integer from " + std::to_string(what.least) + top);
}

/// Of a list of texts, or a record of them.
result<void> check_each(const field& what, const record& x, const std::string& path) {
  const auto is_list = what.type == kind::texts;
  if (is_list ? !x.is_array() : !x.is_object())
    return wrong(path, is_list ? "must be a list of texts" : "must be a record of texts");
  for (const auto& item : x.items())
    if (!is_plain(item.value()))
      return wrong(path + "." + shown(item.key()), "must be a text without NUL");
  return {};
}

result<void> check_list(const field& what, const record& x, const std::string& path) {
  if (!x.is_array())
    return wrong(path, "must be a list");
  for (const auto& item : x.items())
    if (auto ok = check(*what.of, item.value(), path + "." + item.key()); !ok)
      return ok;
  return {};
}

result<void> check_field(const field& what, const record& x, const std::string& path) {
  if (x.is_null() && what.is_nullable)
    return {};
  switch (what.type) {
    case kind::text: return check_text(what, x, path);
    case kind::data: return x.is_string() ? result<void>{} : wrong(path, "must be a text");
    case kind::integer: return check_integer(what, x, path);
    case kind::number: return x.is_number() ? result<void>{} : wrong(path, "must be a number");
    case kind::flag: return x.is_boolean() ? result<void>{} : wrong(path, "must be true or false");
    case kind::texts:
    case kind::pairs: return check_each(what, x, path);
    case kind::signal:
      return is_plain(x) || is_integer_in(x, 1, last_signal)
                 ? result<void>{}
                 : wrong(path, "must be a signal's name, like \"TERM\", or its number");
    case kind::record: return check(*what.of, x, path);
    case kind::list: return check_list(what, x, path);
    case kind::any: return {};
  }
  return {};
}

tl::unexpected<failure> unknown_field(const shape& what, const std::string& path,
                                      const std::string& key) {
  std::vector<std::string> names;
  for (const auto& x : what.fields)
    names.push_back(x.name);
  const auto meant = shown(key) == key ? core::nearest(key, names) : std::string{};
  return fail(ec::bad_request, "there is no field '" + path + shown(key) + "'", {},
              meant.empty() ? "" : "did you mean '" + meant + "'?");
}

// -- the schema

record reference(const shape& to, bool is_open) {
  return to.name.empty() ? schema_of(to, is_open) : record{{"$ref", "#/$defs/" + to.name}};
}

record typed(const char* type) {
  return {{"type", type}};
}

record integer_schema(const field& x) {
  auto made = typed("integer");
  made["minimum"] = x.least;
  if (x.most != INT64_MAX)
    made["maximum"] = x.most;
  return made;
}

record text_schema(const field& x) {
  auto made = typed("string");
  if (!x.words.empty())
    made["enum"] = x.words;
  return made;
}

record schema_of(const field& x, bool is_open) {
  switch (x.type) {
    case kind::text: return text_schema(x);
    case kind::data: return typed("string");
    case kind::integer: return integer_schema(x);
    case kind::number: return typed("number");
    case kind::flag: return typed("boolean");
    case kind::texts: return {{"type", "array"}, {"items", typed("string")}};
    case kind::pairs: return {{"type", "object"}, {"additionalProperties", typed("string")}};
    case kind::signal:
      return {{"anyOf",
               record::array({typed("string"),
                              {{"type", "integer"}, {"minimum", 1}, {"maximum", last_signal}}})}};
    case kind::record: return reference(*x.of, is_open);
    case kind::list: return {{"type", "array"}, {"items", reference(*x.of, is_open)}};
    case kind::any: break;
  }
  return record::object();
}

record described(const field& x, bool is_open) {
  auto made = schema_of(x, is_open);
  if (x.is_nullable && made.contains("type") && !made.contains("enum"))
    made["type"] = record::array({made["type"], "null"});
  else if (x.is_nullable)
    made = {{"anyOf", record::array({made, typed("null")})}};
  if (!x.about.empty())
    made["description"] = x.about;
  return made;
}

} // namespace

std::string shown(const std::string& name) {
  constexpr std::size_t longest = 64;
  return name.size() <= longest ? name : name.substr(0, longest) + "...";
}

result<void> check(const shape& what, const record& x, const std::string& path) {
  if (!x.is_object())
    return path.empty() ? fail(ec::bad_request, "a record is expected")
                        : wrong(path, "must be a record");
  const auto prefix = path.empty() ? path : path + ".";
  for (const auto& item : x.items()) {
    const auto known = std::find_if(what.fields.begin(), what.fields.end(),
                                    [&](const field& y) { return y.name == item.key(); });
    if (known == what.fields.end())
      return unknown_field(what, prefix, item.key());
    if (auto ok = check_field(*known, item.value(), prefix + item.key()); !ok)
      return ok;
  }
  for (const auto& y : what.fields)
    if (y.is_required && !x.contains(y.name))
      return fail(ec::bad_request, "the field '" + prefix + y.name + "' is missing");
  return {};
}

record schema_of(const shape& what, bool is_open) {
  auto properties = record::object(), needed = record::array();
  for (const auto& x : what.fields) {
    properties[x.name] = described(x, is_open);
    if (x.is_required)
      needed.push_back(x.name);
  }
  record made{{"type", "object"}, {"properties", std::move(properties)}};
  if (!needed.empty())
    made["required"] = std::move(needed);
  if (!is_open)
    made["additionalProperties"] = false;
  return made;
}

shape answer_shape(std::string name, std::vector<field> fields) {
  for (auto& x : fields)
    x.is_required = true;
  return {std::move(name), std::move(fields)};
}

} // namespace banger::cli::rpc
