// The schema document: of every line that banger rpc reads or writes.
#include "cli/rpc_methods.hpp"
#include "cli/rpc_records.hpp"
#include "protocol/version.hpp"

#include <string>
#include <utility>

namespace banger::cli::rpc {

namespace {

void define(record& definitions, const shape& what) {
  for (const auto& x : what.fields)
    if (x.of != nullptr)
      define(definitions, *x.of);
  if (!what.name.empty() && !definitions.contains(what.name))
    definitions[what.name] = schema_of(what, true);
}

record reference(const std::string& name) {
  return {{"$ref", "#/$defs/" + name}};
}

record constant(const std::string& text) {
  return {{"const", text}};
}

record id_schema() {
  return {{"type", record::array({"string", "number"})}};
}

record request_schema(const method& x) {
  record made{{"type", "object"},
              {"properties",
               {{"jsonrpc", constant("2.0")},
                {"id", id_schema()},
                {"method", constant(x.name)},
                {"params", reference(x.name + ".params")}}},
              {"required", record::array({"jsonrpc", "method"})},
              {"additionalProperties", false}};
  for (const auto& y : x.params.fields)
    if (y.is_required && made["required"].size() == 2)
      made["required"].push_back("params");
  return made;
}

record notification_schema(const telling& x) {
  return {
      {"type", "object"},
      {"properties",
       {{"jsonrpc", constant("2.0")}, {"method", constant(x.name)}, {"params", reference(x.name)}}},
      {"required", record::array({"jsonrpc", "method", "params"})}};
}

record answer_schema() {
  const record error{{"type", "object"},
                     {"properties",
                      {{"code", {{"type", "integer"}}},
                       {"message", {{"type", "string"}}},
                       {"data", reference("failure")}}},
                     {"required", record::array({"code", "message"})}};
  return {{"type", "object"},
          {"properties",
           {{"jsonrpc", constant("2.0")},
            {"id", {{"type", record::array({"string", "number", "null"})}}},
            {"result", {{"type", "object"}}},
            {"error", error}}},
          {"required", record::array({"jsonrpc", "id"})},
          {"oneOf", record::array({{{"required", record::array({"result"})}},
                                   {{"required", record::array({"error"})}}})}};
}

/// The stream's answer is another one.
record result_schema(const method& x) {
  if (x.name != "vm.exec")
    return x.result->name.empty() ? schema_of(*x.result, true) : reference(x.result->name);
  const record running{{"type", "object"},
                       {"properties", {{"exec", {{"type", "integer"}, {"minimum", 1}}}}},
                       {"required", record::array({"exec"})}};
  return {{"anyOf", record::array({reference(x.result->name), running})}};
}

} // namespace

record schema_document() {
  record index = record::object(), told = record::object(), definitions = record::object();
  auto lines = record::array();
  for (const auto& x : methods()) {
    define(definitions, *x.result);
    define(definitions, x.params);
    definitions[x.name + ".params"] = schema_of(x.params, false);
    definitions[x.name + ".result"] = result_schema(x);
    index[x.name] = {{"description", x.about},
                     {"params", reference(x.name + ".params")},
                     {"result", reference(x.name + ".result")}};
    lines.push_back(request_schema(x));
  }
  for (const auto& x : tellings()) {
    define(definitions, x.params);
    definitions[x.name] = schema_of(x.params, true);
    told[x.name] = {{"description", x.about}, {"params", reference(x.name)}};
    lines.push_back(notification_schema(x));
  }
  define(definitions, failure_shape());
  lines.push_back(answer_schema());
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"title", "banger rpc"},
          {"description", "One line of banger rpc " + std::string{program_version} +
                              ", either way. A request is answered by a line with its id: see "
                              "methods; other lines that come are notifications."},
          {"anyOf", std::move(lines)},
          {"methods", std::move(index)},
          {"notifications", std::move(told)},
          {"$defs", std::move(definitions)}};
}

} // namespace banger::cli::rpc
