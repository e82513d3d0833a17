#include "tests/unit/archive/archive_bytes.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace banger::test;
using strings = std::vector<std::string>;

namespace {

std::string a_tree() {
  archive_maker maker;
  maker.begin().directory("top").file("one", "first").directory("below").file("empty", "");
  maker.up().link("link", "../elsewhere").removed("gone").open_file("holes");
  return maker.data(10, "ab").data(100, "cd").file_end(200).up().end();
}

const strings tree_calls{"begin",
                         "directory top",
                         "file one",
                         "data 0 first@5",
                         "end 5",
                         "directory below",
                         "file empty",
                         "end 0",
                         "up",
                         "link link ../elsewhere",
                         "remove gone",
                         "file holes",
                         "data 10 ab@12",
                         "data 100 cd@102",
                         "end 200",
                         "up"};

archive_state state_of(const std::string& bytes) {
  return read_archive(bytes).state;
}

std::string begun() {
  return archive_maker{}.begin().cut();
}

/// An entry's payload with a name of any bytes.
std::string entry_payload(std::string_view name, std::uint32_t mode = 0644,
                          std::uint32_t nanoseconds = 0, std::uint32_t flags = 0) {
  std::string out(22, '\0');
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  archive_store_u32(at, flags);
  archive_store_u32(at + 4, mode);
  archive_store_u32(at + 16, nanoseconds);
  out[20] = static_cast<char>(name.size() >> 8);
  out[21] = static_cast<char>(name.size());
  return out + std::string{name};
}

} // namespace

TEST_CASE("archive: what is written is read, however the bytes come") {
  const auto bytes = a_tree();
  for (std::size_t step : {1U, 2U, 3U, 5U, 7U, 64U, 1000U, 1U << 20}) {
    auto seen = read_archive(bytes, step);
    CHECK(seen.state == archive_state_ended);
    CHECK(seen.calls == tree_calls);
  }
}

TEST_CASE("archive: data larger than a record, and than the buffer, comes whole") {
  std::string content(3 * ARCHIVE_DATA_MAX + 17, '\0');
  std::mt19937 random{7};
  for (auto& byte : content)
    byte = static_cast<char>('a' + random() % 26);
  archive_maker maker;
  auto seen = read_archive(maker.begin().file("big", content).end(), 10'007);
  CHECK(seen.state == archive_state_ended);
  std::string got;
  for (const auto& call : seen.calls)
    if (call.starts_with("data "))
      got += call.substr(call.find(' ', 5) + 1, call.rfind('@') - call.find(' ', 5) - 1);
  CHECK(got == content);
}

TEST_CASE("archive: cut anywhere, it is not at its end") {
  const auto bytes = a_tree();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(state_of(bytes.substr(0, size)) == archive_state_reading);
  CHECK(state_of(bytes + "x") == archive_state_bad);
  CHECK(read_archive(bytes + "x", 1).state == archive_state_bad);
}

TEST_CASE("archive: what is no archive, or of another version, is told apart") {
  CHECK(state_of("hello, this is no archive") == archive_state_bad);
  CHECK(state_of(a_tree().substr(begun().size())) == archive_state_bad);
  CHECK(state_of(begun() + begun()) == archive_state_bad);
  auto newer = begun();
  newer[ARCHIVE_HEADER_SIZE + 11] = 2;
  CHECK(state_of(newer) == archive_state_version);
}

TEST_CASE("archive: a name is one of a directory, or it is refused") {
  const std::string names[] = {
      "", ".", "..", "a/b", "/", "../x", std::string("a\0b", 3), std::string(256, 'x')};
  for (const auto& name : names)
    for (char type : {'d', 'f', 'x'})
      CHECK(state_of(begun() + raw_record(type, entry_payload(name))) == archive_state_bad);
  for (const auto& name :
       {std::string{"..."}, std::string{".a"}, std::string{"\xff\n -"}, std::string(255, 'x')})
    CHECK(state_of(begun() + raw_record('d', entry_payload(name))) == archive_state_reading);
}

TEST_CASE("archive: attributes that cannot be are refused") {
  auto reads = [](char type, const std::string& payload) {
    return state_of(begun() + raw_record(type, payload)) == archive_state_reading;
  };
  CHECK(reads('f', entry_payload("a", 07777)));
  CHECK(!reads('f', entry_payload("a", 010000)));
  CHECK(!reads('f', entry_payload("a", 0644, 1'000'000'000)));
  CHECK(!reads('f', entry_payload("a", 0644, 0, ARCHIVE_FLAG_AS_IT_IS)));
  CHECK(reads('d', entry_payload("a", 0644, 0, ARCHIVE_FLAG_AS_IT_IS)));
  CHECK(!reads('d', entry_payload("a", 0644, 0, 2)));
  CHECK(!reads('f', entry_payload("a") + "x"));
  CHECK(!reads('l', entry_payload("a")));
  CHECK(!reads('l', entry_payload("a") + '\0'));
  CHECK(!reads('l', entry_payload("a") + "xtarget"));
  CHECK(!reads('l', entry_payload("a") + std::string("\0a\0b", 4)));
  CHECK(reads('l', entry_payload("a") + std::string("\0b", 2)));
}

TEST_CASE("archive: an order that makes no sense is refused") {
  auto bad = [](archive_maker& x) { return state_of(x.cut()) == archive_state_bad; };
  auto made = [] {
    auto x = std::make_unique<archive_maker>();
    x->begin();
    return x;
  };
  CHECK(bad(made()->up()));                                           // nothing was entered
  CHECK(bad(made()->data(0, "x")));                                   // of no file
  CHECK(bad(made()->file_end(0)));                                    // as well
  CHECK(bad(made()->open_file("a").directory("b")));                  // within a file
  CHECK(bad(made()->open_file("a").up()));                            // as well
  CHECK(bad(made()->open_file("a").data(5, "xy").data(6, "z")));      // backwards
  CHECK(bad(made()->open_file("a").data(5, "xy").file_end(6)));       // smaller than its data
  CHECK(bad(made()->open_file("a").data(INT64_MAX - 1, "xy")));       // past what a file can be
  CHECK(bad(made()->open_file("a").file_end(UINT64_C(1) << 63)));     // as well
  CHECK(state_of(made()->directory("a").end()) == archive_state_bad); // not left
  CHECK(state_of(made()->open_file("a").end()) == archive_state_bad); // not ended
  CHECK(state_of(begun() + raw_record('?', "")) == archive_state_bad);
  CHECK(state_of(begun() + raw_record('b', "short")) == archive_state_bad);
}

TEST_CASE("archive: the trailer must have the totals of what came") {
  archive_maker maker;
  auto bytes = maker.begin().file("a", "content").end();
  CHECK(state_of(bytes) == archive_state_ended);
  bytes.back() = 6;
  CHECK(state_of(bytes) == archive_state_bad);
}

TEST_CASE("archive: depth and sizes have limits") {
  archive_maker deep;
  deep.begin();
  for (int i = 0; i < ARCHIVE_DEPTH_MAX; ++i)
    deep.directory("d");
  CHECK(state_of(deep.cut()) == archive_state_reading);
  CHECK(state_of(deep.directory("d").cut()) == archive_state_bad);
  auto header_of = [](char type, std::uint32_t size) {
    unsigned char header[ARCHIVE_HEADER_SIZE];
    archive_store_header(header, static_cast<std::uint8_t>(type), size);
    return begun() + std::string(reinterpret_cast<char*>(header), sizeof header);
  };
  CHECK(state_of(header_of('f', ARCHIVE_PAYLOAD_MAX)) == archive_state_reading);
  CHECK(state_of(header_of('f', ARCHIVE_PAYLOAD_MAX + 1)) == archive_state_bad);
  CHECK(state_of(header_of('b', ARCHIVE_DATA_MAX + 9)) == archive_state_bad);
  CHECK(state_of(header_of('b', UINT32_MAX)) == archive_state_bad);
}

TEST_CASE("archive: a failure of who packs ends it, and says where") {
  archive_maker maker;
  maker.begin().directory("a");
  auto why = std::make_unique<archive_failure>();
  why->step = archive_step_read;
  why->error = 13;
  std::string{"a/secret"}.copy(why->path, 100);
  CHECK(archive_put_left_out(maker.get(), why.get()));
  CHECK(archive_put_failed(maker.get(), why.get()));
  archive_handler none{};
  auto reader = std::make_unique<archive_reader>();
  archive_reader_init(reader.get(), &none);
  const auto bytes = maker.cut();
  CHECK(archive_read(reader.get(), bytes.data(), bytes.size()) == archive_state_failed);
  CHECK(reader->left_out == 1);
  CHECK(reader->failure.step == archive_step_read);
  CHECK(reader->failure.error == 13);
  CHECK(std::string{reader->failure.path} == "a/secret");
}

TEST_CASE("archive: a report comes back as it was, and nothing else is taken for one") {
  archive_maker maker;
  auto x = std::make_unique<archive_report>(), y = std::make_unique<archive_report>();
  x->totals = {1, 2, 3, 4, UINT64_C(1) << 60};
  x->failure.step = archive_step_write;
  x->failure.error = 28;
  std::string{"/root/\xff"}.copy(x->failure.path, 100);
  archive_put_report(maker.get(), x.get());
  const auto bytes = maker.cut();
  REQUIRE(archive_read_report(bytes.data(), bytes.size(), y.get()));
  CHECK(y->totals.links == 3);
  CHECK(y->totals.bytes == UINT64_C(1) << 60);
  CHECK(y->failure.error == 28);
  CHECK(std::string{y->failure.path} == "/root/\xff");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(!archive_read_report(bytes.data(), size, y.get()));
  CHECK(!archive_read_report((bytes + "x").data(), bytes.size() + 1, y.get()));
}

TEST_CASE("archive: a sink that fails is told of, and not asked again") {
  int asked = 0;
  auto out = std::make_unique<archive_writer>();
  archive_writer_init(
      out.get(),
      [](void* count, const void*, std::size_t) { return ++*static_cast<int*>(count) < 0; },
      &asked);
  CHECK(archive_put_begin(out.get(), nullptr));
  CHECK(!archive_flush(out.get()));
  unsigned char* room = nullptr;
  CHECK(archive_data_room(out.get(), 10, &room) == 0);
  CHECK(!archive_put_up(out.get()));
  CHECK(!archive_put_end(out.get()));
  CHECK(asked == 1);
}
