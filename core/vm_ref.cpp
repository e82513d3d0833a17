#include "core/vm_ref.hpp"

#include "core/suggest.hpp"

namespace banger::core {

namespace {

constexpr std::size_t shortest_prefix = 4;

} // namespace

result<std::string> resolve_ref(const std::vector<named_id>& all, std::string_view ref) {
  for (const auto& vm : all)
    if (vm.name == ref || vm.id == ref)
      return vm.id;
  std::vector<const named_id*> found;
  if (ref.size() >= shortest_prefix)
    for (const auto& vm : all)
      if (vm.id.starts_with(ref))
        found.push_back(&vm);
  if (found.size() == 1)
    return found.front()->id;
  auto quoted = "'" + std::string{ref} + "'";
  if (found.empty()) {
    std::vector<std::string> known;
    for (const auto& vm : all)
      known.push_back(vm.name);
    auto meant = nearest(ref, known);
    return fail(ec::not_found, "no VM " + quoted, "neither a name nor an id",
                meant.empty() ? "banger vm list" : "did you mean '" + meant + "'?");
  }
  std::string names;
  for (const auto* vm : found)
    names += (names.empty() ? "" : ", ") + vm->id + " (" + vm->name + ")";
  return fail(ec::bad_request, "the id " + quoted + " is not unique", "it could be " + names,
              "give more digits, or the name");
}

} // namespace banger::core
