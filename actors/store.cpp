#include "actors/store.hpp"

#include "protocol/caf_error.hpp"
#include "storage/vm_records.hpp"

namespace banger::actors {

namespace {

caf::result<done> to_reply(const result<void>& x) {
  if (!x)
    return to_error(x.error());
  return done{};
}

} // namespace

store_actor::behavior_type store(store_actor::stateful_pointer<store_state> self,
                                 std::unique_ptr<storage::database> database) {
  self->state.database = std::move(database);
  return {
      [self](const save_vm& x) {
        return to_reply(storage::save_vm_record(*self->state.database, x.record));
      },
      [self](const load_vm& x) -> caf::result<vm_record> {
        auto record = storage::load_vm_record(*self->state.database, x.id);
        if (!record)
          return to_error(record.error());
        return *record;
      },
      [self](const forget_vm& x) {
        return to_reply(storage::remove_vm_record(*self->state.database, x.id));
      },
  };
}

} // namespace banger::actors
