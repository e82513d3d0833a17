#include "storage/migrations.hpp"

#include "storage/database.hpp"

#include <array>
#include <string>

namespace banger::storage {

namespace {

constexpr std::array steps{
    // 1: what a VM is
    R"(CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
       CREATE TABLE vms (
         id TEXT PRIMARY KEY,
         name TEXT NOT NULL UNIQUE,
         image TEXT NOT NULL,
         image_build TEXT NOT NULL,
         vcpu_count INTEGER NOT NULL,
         memory_mib INTEGER NOT NULL,
         disk_mib INTEGER NOT NULL,
         is_isolated INTEGER NOT NULL,
         is_ephemeral INTEGER NOT NULL,
         address TEXT NOT NULL UNIQUE,
         ssh_port INTEGER NOT NULL,
         directory TEXT NOT NULL,
         host_key_public TEXT NOT NULL,
         created_at_ms INTEGER NOT NULL,
         wanted INTEGER NOT NULL,
         settled INTEGER NOT NULL,
         error TEXT NOT NULL,
         error_stage TEXT NOT NULL,
         error_at_ms INTEGER NOT NULL
       ) STRICT;)",
    // 2: what became of it, the newest few of each
    R"(CREATE TABLE vm_transitions (
         number INTEGER PRIMARY KEY AUTOINCREMENT,
         vm_id TEXT NOT NULL REFERENCES vms (id) ON DELETE CASCADE,
         at_ms INTEGER NOT NULL,
         from_state INTEGER NOT NULL,
         to_state INTEGER NOT NULL,
         operation TEXT NOT NULL,
         stage TEXT NOT NULL,
         cause TEXT NOT NULL,
         UNIQUE (vm_id, at_ms, from_state, to_state)
       ) STRICT;
       CREATE INDEX vm_transitions_of ON vm_transitions (vm_id, number);)",
    // 3: commands that go on in a guest. Texts of the user's are BLOBs: any bytes.
    R"(CREATE TABLE guest_sessions (
         id TEXT PRIMARY KEY,
         vm_id TEXT NOT NULL REFERENCES vms (id) ON DELETE CASCADE,
         name TEXT NOT NULL,
         argv BLOB NOT NULL,
         env BLOB NOT NULL,
         cwd BLOB NOT NULL,
         input INTEGER NOT NULL,
         rows INTEGER NOT NULL,
         columns INTEGER NOT NULL,
         policy INTEGER NOT NULL,
         tags BLOB NOT NULL,
         required BLOB NOT NULL,
         journal_cap INTEGER NOT NULL,
         state INTEGER NOT NULL,
         created_at_ms INTEGER NOT NULL,
         started_at_ms INTEGER NOT NULL,
         ended_at_ms INTEGER NOT NULL,
         exit_code INTEGER NOT NULL,
         signal INTEGER NOT NULL,
         error TEXT NOT NULL,
         error_step TEXT NOT NULL,
         end_offset INTEGER NOT NULL,
         is_settled INTEGER NOT NULL,
         UNIQUE (vm_id, name)
       ) STRICT;)",
    // 4: what runs it; 0 is QEMU, which ran them all. Rows set aside keep the columns of `vms`.
    R"(CREATE TABLE IF NOT EXISTS lost_vms AS SELECT * FROM vms WHERE 0;
       ALTER TABLE lost_vms ADD COLUMN driver INTEGER;
       ALTER TABLE vms ADD COLUMN driver INTEGER NOT NULL DEFAULT 0;)",
    // 5: taps and snapshots
    R"(ALTER TABLE lost_vms ADD COLUMN network INTEGER;
       ALTER TABLE lost_vms ADD COLUMN has_nat INTEGER;
       ALTER TABLE lost_vms ADD COLUMN root_disk INTEGER;
       ALTER TABLE vms ADD COLUMN network INTEGER NOT NULL DEFAULT 0;
       ALTER TABLE vms ADD COLUMN has_nat INTEGER NOT NULL DEFAULT 1;
       ALTER TABLE vms ADD COLUMN root_disk INTEGER NOT NULL DEFAULT 0;)",
    // 6: what happened, who this host is, and by whose leases VMs live. AUTOINCREMENT: a sequence
    // is never given twice, also where the newest event is gone.
    R"(CREATE TABLE events (
         sequence INTEGER PRIMARY KEY AUTOINCREMENT,
         at_ms INTEGER NOT NULL,
         kind TEXT NOT NULL,
         subject TEXT NOT NULL,
         detail TEXT NOT NULL
       ) STRICT;
       CREATE TABLE host (id TEXT NOT NULL) STRICT;
       INSERT INTO host (id) VALUES (lower(hex(randomblob(6))));
       CREATE TABLE owner_leases (
         owner TEXT PRIMARY KEY,
         token INTEGER NOT NULL,
         ttl_ms INTEGER NOT NULL,
         boot_id TEXT NOT NULL,
         ends_at_boot_ms INTEGER NOT NULL
       ) STRICT;
       ALTER TABLE lost_vms ADD COLUMN owner TEXT;
       ALTER TABLE lost_vms ADD COLUMN owner_token INTEGER;
       ALTER TABLE vms ADD COLUMN owner TEXT NOT NULL DEFAULT '';
       ALTER TABLE vms ADD COLUMN owner_token INTEGER NOT NULL DEFAULT 0;)",
};

result<void> apply(database& db, const std::string& step, const std::string& number) {
  auto together = transaction::begin(db);
  if (!together)
    return tl::make_unexpected(together.error());
  if (auto ok = db.execute(step); !ok)
    return ok;
  if (auto ok = db.execute("INSERT INTO schema_migrations (number) VALUES (" + number + ")"); !ok)
    return ok;
  return together->commit();
}

} // namespace

result<void> apply_migrations(database& db, int from, int to) {
  for (auto i = static_cast<std::size_t>(from); i < static_cast<std::size_t>(to); ++i) {
    auto number = std::to_string(i + 1);
    if (auto ok = apply(db, steps[i], number); !ok)
      return fail(ok.error().code, "bring the database up to schema " + number, ok.error().why);
  }
  return {};
}

int newest_migration() {
  return static_cast<int>(steps.size());
}

} // namespace banger::storage
