#include "actors/tree_walk.hpp"

#include <algorithm>
#include <utility>

namespace banger::actors {

namespace {

using self_pointer = tree_walk_actor::stateful_pointer<tree_walk_state>;

void collect(const tree_walk_state& state, std::size_t index, std::uint32_t depth,
             actor_tree& out) {
  const auto& node = state.all[index];
  out.actors.push_back(node.report);
  out.actors.back().depth = depth;
  for (auto child : node.children)
    collect(state, child, depth + 1, out);
}

void answer_when_done(self_pointer self) {
  auto& state = self->state;
  if (state.pending > 0)
    return;
  actor_tree tree;
  for (auto root : state.roots)
    collect(state, root, 0, tree);
  state.reply.deliver(std::move(tree));
  self->quit();
}

std::size_t visit(self_pointer self, const actor_child& who);

void heard(self_pointer self, std::size_t index, const actor_account& x) {
  auto& report = self->state.all[index].report;
  report.state = x.state;
  report.mailbox = x.mailbox;
  report.restarts = std::max(report.restarts, x.restarts);
  if (!x.last_error.empty())
    report.last_error = x.last_error;
  for (const auto& child : x.children) {
    auto number = visit(self, child); // may move the vector
    self->state.all[index].children.push_back(number);
  }
}

std::size_t visit(self_pointer self, const actor_child& who) {
  auto& state = self->state;
  auto index = state.all.size();
  state.all.push_back({{who.name, 0, "given up", 0, who.restarts, who.last_error}, {}});
  if (!who.handle)
    return index;
  ++state.pending;
  self->request(who.handle, state.patience, describe_actor{})
      .then(
          [self, index](const actor_account& x) {
            heard(self, index, x);
            --self->state.pending;
            answer_when_done(self);
          },
          [self, index](const caf::error& why) {
            auto is_gone = why == caf::sec::request_receiver_down;
            self->state.all[index].report.state = is_gone ? "ended" : "no answer";
            --self->state.pending;
            answer_when_done(self);
          });
  return index;
}

} // namespace

tree_walk_actor::behavior_type tree_walk(self_pointer self, std::vector<actor_child> roots,
                                         std::chrono::milliseconds patience) {
  self->state.patience = patience;
  return {
      [self, roots](const get_actor_tree&) {
        auto& state = self->state;
        state.reply = self->make_response_promise<actor_tree>();
        for (const auto& root : roots) {
          auto index = visit(self, root);
          state.roots.push_back(index);
        }
        answer_when_done(self);
        return state.reply;
      },
  };
}

} // namespace banger::actors
