#include "storage/vm_records.hpp"

#include "storage/rows.hpp"

#include <utility>

namespace banger::storage {

namespace {

constexpr std::string_view select =
    "SELECT id, name, image, image_build, vcpu_count, "
    "memory_mib, disk_mib, is_isolated, is_ephemeral, address,"
    " ssh_port, directory, host_key_public, created_at_ms, "
    "wanted, settled, error, error_stage, error_at_ms, driver, network, has_nat, root_disk, owner, "
    "owner_token FROM vms";

constexpr std::string_view upsert =
    "INSERT INTO vms (id, name, image, image_build, vcpu_count, memory_mib, disk_mib, is_isolated, "
    "is_ephemeral,"
    " address, ssh_port, directory, host_key_public, created_at_ms, wanted, settled, error, "
    "error_stage,"
    " error_at_ms, driver, network, has_nat, root_disk, owner, owner_token) VALUES "
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, image = excluded.image,"
    " image_build = excluded.image_build, vcpu_count = excluded.vcpu_count, memory_mib = "
    "excluded.memory_mib,"
    " disk_mib = excluded.disk_mib, is_isolated = excluded.is_isolated, is_ephemeral = "
    "excluded.is_ephemeral,"
    " address = excluded.address, ssh_port = excluded.ssh_port, directory = excluded.directory,"
    " host_key_public = excluded.host_key_public, created_at_ms = excluded.created_at_ms,"
    " wanted = excluded.wanted, settled = excluded.settled, error = excluded.error,"
    " error_stage = excluded.error_stage, error_at_ms = excluded.error_at_ms,"
    " driver = excluded.driver, network = excluded.network, has_nat = excluded.has_nat,"
    " root_disk = excluded.root_disk, owner = excluded.owner, owner_token = excluded.owner_token";

vm_state state_from(std::int64_t stored) {
  const auto is_known = stored >= 0 && stored <= static_cast<std::int64_t>(vm_state::deleting);
  return is_known ? static_cast<vm_state>(stored) : vm_state::error;
}

/// A number that no enumerator has stays one: check_record tells of it.
std::uint8_t byte_from(std::int64_t stored) {
  return stored >= 0 && stored <= UINT8_MAX ? static_cast<std::uint8_t>(stored) : UINT8_MAX;
}

vm_record from_row(const statement& row) {
  int column = 0;
  auto text = [&] { return row.text(column++); };
  auto number = [&] { return row.integer(column++); };
  vm_record x;
  x.id = text();
  x.name = text();
  x.image = text();
  x.image_build = text();
  x.vcpu_count = static_cast<std::uint32_t>(number());
  x.memory_mib = static_cast<std::uint32_t>(number());
  x.disk_mib = static_cast<std::uint32_t>(number());
  x.is_isolated = number() != 0;
  x.is_ephemeral = number() != 0;
  x.address = text();
  x.ssh_port = static_cast<std::uint16_t>(number());
  x.directory = text();
  x.host_key_public = text();
  x.created_at_ms = number();
  auto wanted = number();
  x.wanted = wanted >= 0 && wanted <= 2 ? static_cast<wanted_state>(wanted) : wanted_state::stopped;
  auto settled = number();
  x.settled =
      settled >= 0 && settled <= 3 ? static_cast<settled_state>(settled) : settled_state::error;
  x.error = text();
  x.error_stage = text();
  x.error_at_ms = number();
  x.driver = number() == 1 ? vm_driver::firecracker : vm_driver::qemu;
  x.network = static_cast<network_kind>(byte_from(number()));
  x.has_nat = number() != 0;
  x.root_disk = static_cast<root_disk_kind>(byte_from(number()));
  x.owner = text();
  x.owner_token = static_cast<std::uint64_t>(number());
  return x;
}

} // namespace

result<std::vector<vm_record>> load_vms(database& db) {
  return read_rows(db.prepare(std::string{select} + " ORDER BY name"), from_row);
}

result<vm_record> load_vm_record(database& db, const std::string& id) {
  if (id.empty())
    return fail(ec::not_found, "no VM without an id");
  auto row = db.prepare(std::string{select} + " WHERE id = ?");
  auto found = row.bind(id).next();
  if (!found)
    return tl::make_unexpected(found.error());
  if (!*found)
    return fail(ec::not_found, "no VM with the id " + id);
  return from_row(row);
}

result<void> save_vm_record(database& db, const vm_record& x) {
  auto row = db.prepare(upsert);
  row.bind(x.id).bind(x.name).bind(x.image).bind(x.image_build);
  row.bind(std::int64_t{x.vcpu_count})
      .bind(std::int64_t{x.memory_mib})
      .bind(std::int64_t{x.disk_mib});
  row.bind(std::int64_t{x.is_isolated}).bind(std::int64_t{x.is_ephemeral}).bind(x.address);
  row.bind(std::int64_t{x.ssh_port})
      .bind(x.directory)
      .bind(x.host_key_public)
      .bind(x.created_at_ms);
  row.bind(static_cast<std::int64_t>(x.wanted)).bind(static_cast<std::int64_t>(x.settled));
  row.bind(x.error).bind(x.error_stage).bind(x.error_at_ms);
  row.bind(static_cast<std::int64_t>(x.driver))
      .bind(static_cast<std::int64_t>(x.network))
      .bind(std::int64_t{x.has_nat})
      .bind(static_cast<std::int64_t>(x.root_disk))
      .bind(x.owner)
      .bind(static_cast<std::int64_t>(x.owner_token));
  return row.run();
}

result<std::vector<vm_transition>> add_transitions(database& db, const std::string& vm_id,
                                                   const std::vector<vm_transition>& transitions) {
  std::vector<vm_transition> added;
  if (transitions.empty())
    return added;
  for (const auto& x : transitions) {
    auto row = db.prepare(
        "INSERT OR IGNORE INTO vm_transitions (vm_id, at_ms, from_state, to_state, operation, "
        "stage, cause) VALUES (?,?,?,?,?,?,?) RETURNING 1");
    row.bind(vm_id).bind(x.at_ms).bind(static_cast<std::int64_t>(x.from));
    row.bind(static_cast<std::int64_t>(x.to)).bind(x.operation).bind(x.stage).bind(x.cause);
    auto is_new = row.next();
    while (is_new && *is_new) { // to its end, or it does not count
      added.push_back(x);
      is_new = row.next();
    }
    if (!is_new)
      return tl::make_unexpected(is_new.error());
  }
  auto old =
      db.prepare("DELETE FROM vm_transitions WHERE vm_id = ?1 AND number <= (SELECT number "
                 "FROM vm_transitions WHERE vm_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)");
  if (auto kept = old.bind(vm_id).bind(std::int64_t{vm_transition_limit}).run(); !kept)
    return tl::make_unexpected(kept.error());
  return added;
}

result<std::vector<vm_transition>> load_vm_transitions(database& db, const std::string& vm_id) {
  auto rows = db.prepare("SELECT at_ms, from_state, to_state, operation, stage, cause FROM "
                         "vm_transitions WHERE vm_id = ? ORDER BY number");
  rows.bind(vm_id);
  return read_rows(std::move(rows), [](const statement& row) {
    return vm_transition{row.integer(0),
                         state_from(row.integer(1)),
                         state_from(row.integer(2)),
                         row.text(3),
                         row.text(4),
                         row.text(5)};
  });
}

result<void> set_vm_aside(database& db, const std::string& id) {
  auto together = transaction::begin(db);
  if (!together)
    return tl::make_unexpected(together.error());
  if (auto made = db.execute("CREATE TABLE IF NOT EXISTS lost_vms AS SELECT * FROM vms WHERE 0");
      !made)
    return made;
  auto copied = db.prepare("INSERT INTO lost_vms SELECT * FROM vms WHERE id = ?").bind(id).run();
  if (copied)
    copied = db.prepare("DELETE FROM vms WHERE id = ?").bind(id).run();
  return copied ? together->commit() : copied;
}

result<void> remove_vm_record(database& db, const std::string& id) {
  return db.prepare("DELETE FROM vms WHERE id = ?").bind(id).run();
}

} // namespace banger::storage
