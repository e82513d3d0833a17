#include "core/workspace_plan.hpp"

#include <doctest/doctest.h>

using namespace banger::core;
using strings = std::vector<std::string>;

TEST_CASE("files that are as the index says are made in the guest, others are sent") {
  workspace_listing listing;
  listing.index = {{'H', "100644", "o1", 0, "same"},     {'H', "100755", "o2", 0, "changed"},
                   {'H', "100644", "o3", 0, "gone"},     {'S', "100644", "o4", 0, "outside"},
                   {'h', "100644", "o5", 0, "assumed"},  {'H', "160000", "o6", 0, "sub"},
                   {'M', "100644", "o7", 1, "unmerged"}, {'M', "100644", "o8", 2, "unmerged"},
                   {'M', "100644", "o9", 3, "deleted"},  {'H', "100644", "o1", 0, "twice"},
                   {'H', "100644", "oa", 0, "filtered"}, {'H', "100644", "ob", 0, "filtered too"}};
  listing.changes = {{'M', "changed"}, {'D', "gone"},    {'U', "unmerged"},    {'M', "unmerged"},
                     {'D', "deleted"}, {'U', "deleted"}, {'M', "filtered too"}};
  listing.untracked = {"new", "nested/"};
  listing.filtered = {"filtered", "filtered too"};
  auto plan = plan_workspace(listing);
  CHECK(plan.made == strings{"same", "twice"});
  CHECK(plan.sent == strings{"assumed", "changed", "filtered", "filtered too", "new", "unmerged"});
  CHECK(plan.assumed == strings{"filtered"});
  CHECK(plan.objects == strings{"o1", "o2", "o3", "o4", "o5", "o7", "o8", "o9", "oa", "ob"});
  CHECK(plan.submodules == strings{"sub"});
  CHECK(plan.nested == strings{"nested/"});
}

TEST_CASE("history ends at commits of which a parent stays behind") {
  CHECK(shallow_boundary({}, {}).empty());
  CHECK(shallow_boundary({"c b", "b a", "a"}, {}).empty());
  CHECK(shallow_boundary({"c b", "b a"}, {}) == strings{"b"});
  CHECK(shallow_boundary({"m b x", "b a", "a"}, {}) ==
        strings{"m"});                                          // of a merge one side is missing
  CHECK(shallow_boundary({"c b", "b"}, {"b"}) == strings{"b"}); // cut off already
}

TEST_CASE("a workspace is called like its folder") {
  CHECK(workspace_name("/srv/my repo") == "my repo");
  CHECK(workspace_name("/srv/repo//") == "repo");
  CHECK(workspace_name("repo") == "repo");
  CHECK(workspace_name("/").empty());
  CHECK(workspace_name("").empty());
  CHECK(workspace_name("/srv/..").empty());
}
