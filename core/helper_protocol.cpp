#include "core/helper_protocol.hpp"

#include "core/guest_address.hpp"
#include "core/vm_record_check.hpp"

#include <algorithm>

namespace banger::core {

namespace {

constexpr std::string_view magic = "BGRH";
constexpr std::size_t id_size = 12, name_size = 32, what_size = 48, why_size = 128, hint_size = 68;
constexpr std::uint8_t flag_nat = 1;
constexpr std::uint8_t flag_invalid = 1, flag_bridge = 2, flag_forwarding = 4;

template <class T>
void put(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFF);
}

/// Padded with zeros; the last byte always is one.
void put_text(std::string& out, std::string_view text, std::size_t size) {
  text = text.substr(0, std::min(size - 1, text.find('\0')));
  out += text;
  out.append(size - text.size(), '\0');
}

/// Reads what put() wrote. @pre the message has its full size
class reader {
public:
  explicit reader(std::string_view bytes) : bytes_(bytes) {}

  std::string_view take(std::size_t size) {
    auto taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  template <class T>
  T number() {
    std::uint64_t value = 0;
    auto taken = take(sizeof(T));
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value |= std::uint64_t{static_cast<unsigned char>(taken[i])} << (8 * i);
    return static_cast<T>(value);
  }

  /// A text, and whether nothing but zeros follows it.
  std::string text(std::size_t size) {
    auto taken = take(size);
    auto end = taken.find('\0');
    is_clean_ = is_clean_ && end != taken.npos && taken.find_first_not_of('\0', end) == taken.npos;
    return std::string{taken.substr(0, end)};
  }

  [[nodiscard]] bool is_clean() const { return is_clean_; }

private:
  std::string_view bytes_;
  bool is_clean_ = true;
};

bool is_op(std::uint8_t x) {
  return x >= static_cast<std::uint8_t>(helper_op::hello) &&
         x <= static_cast<std::uint8_t>(helper_op::lend_disk);
}

bool needs_vm_id(helper_op op) {
  return op == helper_op::attach_disk || op == helper_op::disk_status ||
         op == helper_op::release_disk || op == helper_op::lend_disk;
}

void put_head(std::string& out, helper_op op, std::uint8_t flags, std::uint32_t number) {
  out += magic;
  put(out, helper_version);
  put(out, static_cast<std::uint8_t>(op));
  put(out, flags);
  put(out, number);
}

/// What both kinds of message begin with. The version is looked at before the size, for another
/// version may have another one.
result<void> check_head(std::string_view bytes, std::size_t size, ec wrong) {
  constexpr std::size_t head_size = 8;
  if (bytes.size() < head_size || bytes.substr(0, magic.size()) != magic)
    return fail(wrong, "read a message of banger-helper's", "it is not one");
  auto version = reader{bytes.substr(magic.size())}.number<std::uint16_t>();
  if (version != helper_version)
    return fail(ec::version_mismatch, "talk to banger-helper",
                "bangerd and banger-helper are of different versions",
                "install one version of both, and restart banger-helper");
  if (bytes.size() != size)
    return fail(wrong, "read a message of banger-helper's", "its size is wrong");
  return {};
}

} // namespace

std::size_t descriptors_to(helper_op op) {
  return op == helper_op::attach_disk || op == helper_op::lend_disk ? 2 : 0;
}

std::size_t descriptors_from(helper_op op) {
  return op == helper_op::attach_tap || op == helper_op::attach_disk || op == helper_op::lend_disk
             ? 1
             : 0;
}

std::string encode(const helper_request& x) {
  std::string out;
  put_head(out, x.op, x.has_nat ? flag_nat : std::uint8_t{0}, x.number);
  put(out, x.address_index);
  out += x.vm_id;
  out.resize(helper_request_size, '\0');
  return out;
}

result<helper_request> decode_helper_request(std::string_view bytes) {
  if (auto ok = check_head(bytes, helper_request_size, ec::bad_request); !ok)
    return tl::make_unexpected(ok.error());
  auto bad = [](const char* why) {
    return fail(ec::bad_request, "read a request to banger-helper", why);
  };
  reader from{bytes};
  from.take(magic.size() + sizeof helper_version);
  auto op = from.number<std::uint8_t>();
  auto flags = from.number<std::uint8_t>();
  if (!is_op(op) || (flags & ~flag_nat) != 0)
    return bad("there is no such operation");
  helper_request x;
  x.op = static_cast<helper_op>(op);
  x.has_nat = (flags & flag_nat) != 0;
  x.number = from.number<std::uint32_t>();
  x.address_index = from.number<std::uint32_t>();
  x.vm_id = from.take(id_size);
  if (from.number<std::uint32_t>() != 0)
    return bad("its padding is not zero");
  if (x.address_index >= guest_address_count)
    return bad("its address is none of a guest");
  if (needs_vm_id(x.op) ? !is_vm_id(x.vm_id) : x.vm_id != std::string(id_size, '\0'))
    return bad("its VM is none");
  if (!needs_vm_id(x.op))
    x.vm_id.clear();
  return x;
}

std::string encode(const helper_reply& x) {
  std::string out;
  auto flags = (x.disk.is_invalid ? flag_invalid : 0) | (x.counts.has_bridge ? flag_bridge : 0) |
               (x.counts.is_forwarding ? flag_forwarding : 0);
  put_head(out, x.op, static_cast<std::uint8_t>(flags), x.number);
  put(out, static_cast<std::uint32_t>(x.why.code));
  put(out, x.disk.used_sectors);
  put(out, x.disk.total_sectors);
  put(out, x.counts.taps);
  put(out, x.counts.with_nat);
  put(out, x.counts.disks);
  put_text(out, x.name, name_size);
  put_text(out, x.why.what, what_size);
  put_text(out, x.why.why, why_size);
  put_text(out, x.why.hint, hint_size);
  out.resize(helper_reply_size, '\0');
  return out;
}

result<helper_reply> decode_helper_reply(std::string_view bytes) {
  if (auto ok = check_head(bytes, helper_reply_size, ec::failed); !ok)
    return tl::make_unexpected(ok.error());
  reader from{bytes};
  from.take(magic.size() + sizeof helper_version);
  auto op = from.number<std::uint8_t>();
  auto flags = from.number<std::uint8_t>();
  helper_reply x;
  x.op = static_cast<helper_op>(op);
  x.disk.is_invalid = (flags & flag_invalid) != 0;
  x.counts.has_bridge = (flags & flag_bridge) != 0;
  x.counts.is_forwarding = (flags & flag_forwarding) != 0;
  x.number = from.number<std::uint32_t>();
  auto code = from.number<std::uint32_t>();
  x.disk.used_sectors = from.number<std::uint64_t>();
  x.disk.total_sectors = from.number<std::uint64_t>();
  x.counts.taps = from.number<std::uint32_t>();
  x.counts.with_nat = from.number<std::uint32_t>();
  x.counts.disks = from.number<std::uint32_t>();
  x.name = from.text(name_size);
  x.why.what = from.text(what_size);
  x.why.why = from.text(why_size);
  x.why.hint = from.text(hint_size);
  if (!is_op(op) || code > static_cast<std::uint32_t>(ec::image_failed) || !from.is_clean())
    return fail(ec::failed, "read an answer of banger-helper's", "it is not one");
  x.why.code = static_cast<ec>(code);
  return x;
}

} // namespace banger::core
