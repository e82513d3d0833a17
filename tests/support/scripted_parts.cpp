#include "tests/support/scripted_parts.hpp"

#include "actors/leases.hpp"

namespace banger::test {

scripted_world::scripted_world() {
  leases = keep(system.spawn(actors::leases, std::size_t{1}, std::uint32_t{0},
                             [](const std::string&) { return true; }));
  context->store = keep(system.spawn(scripted_store, &plan));
  context->leases = leases;
  context->images = keep(system.spawn(scripted_images));
  context->known_hosts = keep(system.spawn(scripted_known_hosts, &plan));
  context->make_files = [this] { return keep(system.spawn(scripted_files, &plan)); };
  context->make_machine = [this](const vm_actor&) {
    return keep(system.spawn(scripted_machine, &plan));
  };
  context->make_firecracker = [this](const vm_actor&) {
    plan.log.emplace_back("firecracker");
    return keep(system.spawn(scripted_machine, &plan));
  };
  context->adopt_machine = [this](const vm_actor&, const std::string&) {
    return keep(system.spawn(scripted_machine, &plan));
  };
  context->make_link = [this](const vm_record&, const vm_actor&) {
    return keep(system.spawn(scripted_link, &plan));
  };
}

} // namespace banger::test
