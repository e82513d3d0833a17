// Every parser that reads what somebody else wrote, fed with anything: the wire, the guest's agent,
// QMP, handles, manifests, recipes, frames. None may crash, hang or read outside its input.
#include "core/agent_frames.hpp"
#include "core/basp.hpp"
#include "core/basp_guard.hpp"
#include "core/bridge_network.hpp"
#include "core/build_report.hpp"
#include "core/bzimage.hpp"
#include "core/forward_rule.hpp"
#include "core/frame_filter.hpp"
#include "core/handles.hpp"
#include "core/helper_protocol.hpp"
#include "core/image_manifest.hpp"
#include "core/line_buffer.hpp"
#include "core/module_order.hpp"
#include "core/qmp.hpp"
#include "core/recipe.hpp"
#include "core/snapshot_disk.hpp"
#include "protocol/wire_types.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

using namespace banger;

namespace {

template <class T>
void read_as(std::string_view text) {
  T value;
  core::wire_reader reader{text};
  reader.get(value);
}

void run(std::string_view text) {
#define BANGER_READ_AS(type) read_as<type>(text);
  BANGER_CLIENT_TYPES(BANGER_READ_AS)
  BANGER_DAEMON_TYPES(BANGER_READ_AS)
#undef BANGER_READ_AS
  (void)core::basp::decode_server_handshake(text);
  (void)core::basp::decode_message(text);
  (void)core::basp::decode_error(text);
  core::basp_limits limits;
  limits.types.emplace("banger::hello");
  core::basp_guard guard{limits};
  for (std::size_t at = 0; at < text.size(); at += core::basp::header_size)
    (void)guard.accept(text.substr(at, core::basp::header_size));
  core::agent::reply_reader replies;
  (void)replies.feed(text);
  (void)replies.feed(text);
  core::line_buffer lines{64};
  (void)lines.feed(text);
  (void)core::parse_build_report(text);
  (void)core::find_kernel_payload(text);
  (void)core::parse_forward_rule(text);
  (void)core::refusal_of(text, core::judge_frame(text, core::way_out::open));
  (void)core::parse_handles(text);
  if (auto request = core::decode_helper_request(text); request && core::encode(*request) != text)
    std::abort(); // two requests must not have one meaning
  if (auto reply = core::decode_helper_reply(text); reply)
    (void)core::encode(*reply);
  (void)core::parse_snapshot_state(text);
  (void)core::tap_index(text);
  (void)core::tap_note_from(text);
  (void)core::bridged_address_index(text);
  (void)core::reachable_name_server(text);
  (void)core::parse_image_manifest(text);
  (void)core::module_load_order(text, {"virtio_blk"});
  (void)core::parse_qmp(text);
  (void)core::parse_recipe(text, "fuzz");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  run({reinterpret_cast<const char*>(data), size});
  return 0;
}

#ifdef BANGER_FUZZ_MAIN

int main() {
  const std::string seeds[] = {
      "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"guest-shutdown\"}}",
      "{\"format\": 1, \"name\": \"debian\", \"root\": {\"file\": \"root.ext4\"}}",
      "suite = \"bookworm\"\npackages = [\"git\"]\nfiles = [{path = \"/a\", content = \"b\"}]\n",
      "kernel/a.ko: kernel/b.ko\n",
      "127.77.0.2:2222=22",
      core::encode(core::helper_request{1, core::helper_op::attach_disk, false, 2, "0123456789ab"}),
      core::encode(core::helper_request{1, core::helper_op::attach_tap, true, 2, {}}),
      core::encode(core::helper_reply{}),
      "24/16384 16",
      "banger uid=1000 nat",
      "search x\nnameserver 192.0.2.1\n",
      std::string("Z\0\0\0\10\0\0\0\1\0\0\0\0", 13),
      std::string("\0\0\0\15@<>+banger::hello\0\0\0\1\0", 24),
      std::string(64, '\0')};
  std::mt19937 random{1}; // the same inputs each time: a failure can be looked at
  constexpr int rounds = 20'000;
  for (int i = 0; i < rounds; ++i) {
    auto text = seeds[random() % std::size(seeds)];
    for (auto changes = random() % 6; changes > 0 && !text.empty(); --changes) {
      auto at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, random() % 8);
      else if (random() % 2 == 0)
        text.insert(at, 1, static_cast<char>(random() % 256));
      else
        text[at] = static_cast<char>(random() % 256);
    }
    run(text);
  }
  return 0;
}

#endif
