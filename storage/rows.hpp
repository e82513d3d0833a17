// Reading what a SELECT found.
#pragma once

#include "protocol/result.hpp"
#include "storage/database.hpp"

#include <vector>

namespace banger::storage {

/// What `read` makes of each row.
template <class F>
auto read_rows(statement rows, F read) -> result<std::vector<decltype(read(rows))>> {
  std::vector<decltype(read(rows))> all;
  for (;;) {
    auto row = rows.next();
    if (!row)
      return tl::make_unexpected(row.error());
    if (!*row)
      return all;
    all.push_back(read(rows));
  }
}

} // namespace banger::storage
