#include "cli/rpc_methods.hpp"
#include "tests/golden/golden_file.hpp"

#include <doctest/doctest.h>

TEST_CASE("rpc schema: what programs rely on is what was agreed on") {
  banger::test::check_golden("rpc.schema.json", banger::cli::rpc::schema_document().dump(2) + "\n");
}
