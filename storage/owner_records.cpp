#include "storage/owner_records.hpp"

#include "storage/rows.hpp"

namespace banger::storage {

result<std::vector<owner_record>> load_owners(database& db) {
  return read_rows(db.prepare("SELECT owner, token, ttl_ms, boot_id, ends_at_boot_ms FROM "
                              "owner_leases ORDER BY owner"),
                   [](const statement& row) {
                     return owner_record{row.text(0), static_cast<std::uint64_t>(row.integer(1)),
                                         static_cast<std::uint32_t>(row.integer(2)), row.text(3),
                                         row.integer(4)};
                   });
}

result<void> save_owner_record(database& db, const owner_record& x) {
  auto row =
      db.prepare("INSERT INTO owner_leases (owner, token, ttl_ms, boot_id, ends_at_boot_ms) VALUES "
                 "(?,?,?,?,?) ON CONFLICT (owner) DO UPDATE SET token = excluded.token, "
                 "ttl_ms = excluded.ttl_ms, boot_id = excluded.boot_id, ends_at_boot_ms = "
                 "excluded.ends_at_boot_ms WHERE excluded.token >= owner_leases.token");
  row.bind(x.owner).bind(static_cast<std::int64_t>(x.token)).bind(std::int64_t{x.ttl_ms});
  return row.bind(x.boot_id).bind(x.ends_at_boot_ms).run();
}

} // namespace banger::storage
