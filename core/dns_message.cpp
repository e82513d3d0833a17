#include "core/dns_message.hpp"

#include "core/lower_case.hpp"

#include <algorithm>
#include <charconv>

namespace banger::core::dns {

namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t most_label = 63, most_name = 255; // RFC 1035, 2.3.4
constexpr std::uint16_t flag_response = 0x8000, flag_authoritative = 0x0400,
                        flag_truncated = 0x0200, flag_recursion_desired = 0x0100,
                        flag_checking_disabled = 0x0010;
constexpr unsigned opcode_shift = 11, opcode_mask = 15;
constexpr std::uint16_t class_in = 1, class_any = 255;
constexpr std::uint16_t type_ixfr = 251, type_axfr = 252;
constexpr unsigned most_additional = 8; // OPT, and what signs it: more is not meant well
/// Not a second: who is told that a VM is there, or is not, is to ask again the next time.
constexpr std::uint32_t time_to_live = 0;

/// Reads big-endian numbers; what is behind the end makes it `is_short`, and reads as 0.
class reader {
public:
  explicit reader(std::string_view bytes) : bytes_(bytes) {}

  std::uint32_t number(std::size_t size) {
    std::uint32_t x = 0;
    for (std::size_t i = 0; i < size; ++i)
      x = x << 8 | byte();
    return x;
  }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint8_t byte() {
    if (at_ < bytes_.size())
      return static_cast<std::uint8_t>(bytes_[at_++]);
    is_short_ = true;
    return 0;
  }
  std::string_view take(std::size_t size) {
    if (size > bytes_.size() - at_) {
      is_short_ = true;
      return {};
    }
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  [[nodiscard]] bool is_short() const { return is_short_; }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool is_at_end() const { return at_ == bytes_.size(); }
  [[nodiscard]] std::string_view since(std::size_t begin) const {
    return bytes_.substr(begin, at_ - begin);
  }

private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool is_short_ = false;
};

void put(std::string& out, std::uint32_t x, std::size_t size) {
  while (size > 0)
    out += static_cast<char>(x >> 8 * --size & 0xff);
}

void put_u16(std::string& out, std::uint16_t x) {
  put(out, x, 2);
}

/// Labels of a name that is not compressed: the first one of a message has nothing to point to.
/// @returns false where it is no such name
bool read_labels(reader& in, std::vector<std::string>& out) {
  std::size_t size = 1; // of the root
  for (;;) {
    const std::size_t length = in.byte();
    if (length == 0)
      return !in.is_short();
    size += length + 1;
    if (length > most_label || size > most_name)
      return false;
    out.push_back(lower_case(in.take(length)));
    if (in.is_short())
      return false;
  }
}

/// Passes a name that may be compressed: a pointer is its end.
/// @returns false where it is no name
bool skip_name(reader& in) {
  constexpr std::uint8_t pointer = 0xc0;
  for (std::size_t size = 0; size <= most_name;) {
    const auto length = in.byte();
    if (in.is_short())
      return false;
    if (length == 0)
      return true;
    if ((length & pointer) == pointer) {
      (void)in.byte();
      return !in.is_short();
    }
    if (length > most_label)
      return false;
    (void)in.take(length);
    size += length + std::size_t{1};
  }
  return false;
}

/// A record behind the question: only EDNS's OPT is of interest. RFC 6891, 6.1.
bool read_additional(reader& in, query& x) {
  const auto begin = in.at();
  if (!skip_name(in))
    return false;
  const auto is_root = in.at() == begin + 1;
  const auto type = in.u16();
  const auto net_class = in.u16();
  const auto ttl = in.number(4);
  (void)in.take(in.u16());
  if (in.is_short())
    return false;
  if (type != static_cast<std::uint16_t>(record_type::opt))
    return true;
  if (x.has_edns || !is_root)
    return false;
  x.has_edns = true;
  x.udp_size = net_class;
  if ((ttl >> 16 & 0xff) != 0)
    x.problem = rcode::bad_version;
  return true;
}

bool read_body(reader& in, query& x, std::uint16_t additional) {
  const auto begin = in.at();
  if (!read_labels(in, x.labels))
    return false;
  x.type = in.u16();
  x.net_class = in.u16();
  if (in.is_short())
    return false;
  x.question = in.since(begin);
  for (auto left = additional; left > 0; --left)
    if (!read_additional(in, x))
      return false;
  return in.is_at_end();
}

bool is_of_zone(const query& x) {
  return !x.labels.empty() && x.labels.back() == zone;
}

/// Why it is not answered at all; no_error where it is.
rcode refusal(const query& x) {
  if (x.problem != rcode::no_error)
    return x.problem;
  const auto is_transfer = x.type == type_axfr || x.type == type_ixfr;
  const auto is_internet = x.net_class == class_in || x.net_class == class_any;
  return is_of_zone(x) && is_internet && !is_transfer ? rcode::no_error : rcode::refused;
}

bool asks_for(const query& x, record_type type) {
  return x.type == static_cast<std::uint16_t>(type) ||
         x.type == static_cast<std::uint16_t>(record_type::any);
}

/// The records of an answer, and how many there are of each kind.
struct records {
  rcode code = rcode::no_error;
  std::string answers, authority;
  std::uint16_t answer_count = 0, authority_count = 0;
};

constexpr std::uint16_t pointer_to(std::size_t at) {
  return static_cast<std::uint16_t>(0xc000U | at);
}

std::string record_of(std::uint16_t name, record_type type, const std::string& data) {
  std::string out;
  put_u16(out, name);
  put_u16(out, static_cast<std::uint16_t>(type));
  put_u16(out, class_in);
  put(out, time_to_live, 4);
  put_u16(out, static_cast<std::uint16_t>(data.size()));
  return out + data;
}

/// No transfers, so the numbers of the zone's state mean nothing. RFC 2308: the last one is how
/// long a negative answer may be kept.
std::string zone_record(std::uint16_t apex) {
  using namespace std::string_literals;
  constexpr std::uint32_t serial = 1, refresh = 3600, retry = 600, expire = 86'400;
  auto data = "\x09localhost\0"s + "\x06nobody\x07invalid\0"s;
  for (auto number : {serial, refresh, retry, expire, time_to_live})
    put(data, number, 4);
  return record_of(apex, record_type::soa, data);
}

void refer_to_zone(records& out, std::uint16_t apex) {
  out.authority = zone_record(apex);
  out.authority_count = 1;
}

void put_answer(records& out, std::string record) {
  out.answers = std::move(record);
  out.answer_count = 1;
}

records find_records(const query& x, const lookup& found) {
  using namespace std::string_literals;
  records out;
  // The zone's name is the end of the question's: "\2vm\0", before type and class.
  const auto name_size = x.question.size() - 4;
  const auto apex = pointer_to(header_size + name_size - (zone.size() + 2));
  const auto owner = pointer_to(header_size);
  const auto is_apex = x.labels.size() == 1;
  const auto address = wanted_vm(x) ? ipv4_bytes(found.address) : std::nullopt;
  if (is_apex && asks_for(x, record_type::soa))
    put_answer(out, zone_record(apex));
  else if (is_apex && asks_for(x, record_type::ns))
    put_answer(out, record_of(apex, record_type::ns, "\x09localhost\0"s));
  else if (address && asks_for(x, record_type::a))
    put_answer(out, record_of(owner, record_type::a, *address));
  else
    refer_to_zone(out, apex);
  if (!is_apex && !address)
    out.code = found.has_failed && wanted_vm(x) ? rcode::server_failure : rcode::name_error;
  if (out.code == rcode::server_failure)
    out = {out.code, {}, {}, 0, 0};
  return out;
}

std::string edns_record(rcode code) {
  std::string out(1, '\0'); // the root
  put_u16(out, static_cast<std::uint16_t>(record_type::opt));
  put_u16(out, static_cast<std::uint16_t>(most_udp_size));
  put(out, (static_cast<std::uint32_t>(code) >> 4) << 24, 4);
  put_u16(out, 0);
  return out;
}

std::string render(const query& x, const records& what, std::uint16_t flags) {
  const auto code = static_cast<std::uint16_t>(what.code);
  flags = static_cast<std::uint16_t>(flags | flag_response | unsigned{x.opcode} << opcode_shift |
                                     (x.wants_recursion ? flag_recursion_desired : 0U) |
                                     (x.is_unchecked ? flag_checking_disabled : 0U) | (code & 15U));
  std::string out;
  put_u16(out, x.id);
  put_u16(out, flags);
  put_u16(out, x.question.empty() ? 0 : 1);
  put_u16(out, what.answer_count);
  put_u16(out, what.authority_count);
  put_u16(out, x.has_edns ? 1 : 0);
  out += x.question + what.answers + what.authority;
  return x.has_edns ? out + edns_record(what.code) : out;
}

} // namespace

std::optional<query> parse_query(std::string_view bytes) {
  if (bytes.size() < header_size)
    return std::nullopt;
  reader in{bytes};
  query x;
  x.id = in.u16();
  const auto flags = in.u16();
  if ((flags & flag_response) != 0)
    return std::nullopt;
  x.opcode = static_cast<std::uint8_t>(flags >> opcode_shift & opcode_mask);
  x.wants_recursion = (flags & flag_recursion_desired) != 0;
  x.is_unchecked = (flags & flag_checking_disabled) != 0;
  const auto questions = in.u16(), answers = in.u16(), authorities = in.u16(),
             additional = in.u16();
  if (x.opcode != 0) {
    x.problem = rcode::not_implemented;
    return x;
  }
  const auto is_plain =
      questions == 1 && answers == 0 && authorities == 0 && additional <= most_additional;
  if (!is_plain || !read_body(in, x, additional)) {
    x.problem = rcode::format_error;
    x.question.clear();
    x.has_edns = false;
  }
  return x;
}

std::optional<std::string> wanted_vm(const query& x) {
  if (refusal(x) != rcode::no_error || x.labels.size() != 2)
    return std::nullopt;
  return x.labels.front();
}

std::string answer(const query& x, const lookup& found, std::size_t limit) {
  records what;
  what.code = refusal(x);
  std::uint16_t flags = 0;
  if (what.code == rcode::no_error) {
    what = find_records(x, found);
    flags = what.code == rcode::server_failure ? 0 : flag_authoritative;
  }
  auto whole = render(x, what, flags);
  if (whole.size() <= limit)
    return whole;
  return render(x, {what.code, {}, {}, 0, 0}, flags | flag_truncated);
}

std::size_t udp_limit(const query& x) {
  return x.has_edns ? std::clamp<std::size_t>(x.udp_size, least_udp_size, most_udp_size)
                    : least_udp_size;
}

std::string with_tcp_prefix(const std::string& answer) {
  std::string out;
  put_u16(out, static_cast<std::uint16_t>(std::min(answer.size(), most_tcp_size)));
  return out + answer;
}

std::optional<std::string> ipv4_bytes(std::string_view text) {
  std::string out;
  for (int i = 0; i < 4; ++i) {
    const auto end = i < 3 ? text.find('.') : text.size();
    std::uint8_t byte = 0;
    if (end == std::string_view::npos || end == 0)
      return std::nullopt;
    const auto parsed = std::from_chars(text.data(), text.data() + end, byte);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + end)
      return std::nullopt;
    out += static_cast<char>(byte);
    text.remove_prefix(i < 3 ? end + 1 : end);
  }
  return out;
}

} // namespace banger::core::dns
