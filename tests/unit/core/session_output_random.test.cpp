// core::session_output against a guest that is made up: a journal that grows and drops its oldest,
// and attaches that read it as docs/sessions.md says, with delays, breaks, and readers that
// come, go, stall and pay as they like. Every byte that a reader gets is held against the journal.
#include "core/session_output.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace banger;
using namespace banger::core;

namespace {

class dice {
public:
  explicit dice(std::uint64_t seed) : engine_(seed) {} // NOLINT: the same every time
  std::uint64_t below(std::uint64_t count) { return engine_() % count; }
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  template <class Map>
  typename Map::iterator one_of(Map& all) {
    return std::next(all.begin(), static_cast<std::ptrdiff_t>(below(all.size())));
  }

private:
  std::mt19937_64 engine_;
};

/// What the command wrote at an offset; nothing repeats soon.
char byte_at(std::uint64_t offset) {
  return static_cast<char>((offset * 0x9E3779B97F4A7C15) >> 56);
}

std::string bytes_between(std::uint64_t from, std::uint64_t to) {
  std::string all;
  for (auto at = from; at < to; ++at)
    all.push_back(byte_at(at));
  return all;
}

struct entry {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool is_gap = false; ///< the disk was full
  bool is_stderr = false;
};

struct journal {
  std::deque<entry> all; ///< also those that were dropped
  std::size_t first_kept = 0;
  std::uint64_t end = 0;
  std::uint64_t held = 0;
  std::uint64_t cap = 0;
  bool is_ended = false;

  [[nodiscard]] std::uint64_t oldest() const {
    return first_kept < all.size() ? all[first_kept].from : end;
  }
  void add(std::uint64_t size, bool is_gap, bool is_stderr) {
    all.push_back({end, end + size, is_gap, is_stderr});
    end += size;
    held += is_gap ? 0 : size;
    if (held <= cap)
      return;
    while (held > cap / 4 * 3) {
      held -= all[first_kept].is_gap ? 0 : all[first_kept].to - all[first_kept].from;
      ++first_kept;
    }
  }
  [[nodiscard]] std::size_t index_of(std::uint64_t offset) const {
    auto found = std::upper_bound(all.begin(), all.end(), offset,
                                  [](std::uint64_t at, const entry& x) { return at < x.to; });
    return static_cast<std::size_t>(found - all.begin());
  }
  /// Whether none of it can be read any more, or ever could.
  [[nodiscard]] bool is_lost(std::uint64_t from, std::uint64_t to) const {
    if (to <= oldest())
      return true;
    const auto& x = all[index_of(from)];
    return x.is_gap && to <= x.to;
  }
};

struct piece {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool is_gap = false;
  bool is_stderr = false;
  source_id source = 0;
  std::string bytes;
};
using output = session_output<piece>;
using piece_pointer = std::shared_ptr<const piece>;

enum class word : std::uint8_t { here, data, end };

struct frame {
  word what = word::here;
  std::uint64_t start = 0; ///< of here
  piece_pointer data;
};

/// One attach in the guest, and what is on its way to it and from it.
struct attach {
  open_source asked;
  std::deque<std::uint64_t> payments;
  std::deque<frame> answers;
  std::uint64_t credit = 0;
  std::uint64_t unspent = 0; ///< as the daemon has to see it: paid, and not arrived
  std::size_t position = 0;  ///< the next entry
  std::uint64_t delivered = 0;
  bool is_placed = false;
  bool is_complete = false;

  /// Does one thing. @returns false where there is none to do
  bool work(const journal& kept) {
    if (!payments.empty()) {
      credit += payments.front();
      payments.pop_front();
    } else if (is_complete || (is_placed && !read(kept))) {
      return false;
    } else if (!is_placed) {
      begin(kept);
    }
    return true;
  }

private:
  void begin(const journal& kept) {
    const auto back = kept.end > asked.from ? kept.end - asked.from : 0;
    delivered = asked.origin == output_origin::now    ? kept.end
                : asked.origin == output_origin::last ? std::max(kept.oldest(), back)
                                                      : std::min(asked.from, kept.end);
    position = std::max(kept.first_kept, kept.index_of(delivered));
    answers.push_back({word::here, delivered, nullptr});
    is_placed = true;
  }
  void send(std::uint64_t to, bool is_gap, bool is_stderr) {
    auto bytes = is_gap ? std::string{} : bytes_between(delivered, to);
    answers.push_back({word::data, 0,
                       std::make_shared<const piece>(piece{delivered, to, is_gap, is_stderr,
                                                           asked.source, std::move(bytes)})});
    delivered = to;
  }
  bool read(const journal& kept) {
    position = std::max(position, kept.first_kept);
    if (delivered < kept.oldest()) {
      send(kept.oldest(), true, false);
      return true;
    }
    if (position == kept.all.size()) {
      is_complete = kept.is_ended || !asked.follows;
      if (is_complete)
        answers.push_back({word::end, 0, nullptr});
      return is_complete;
    }
    const auto& x = kept.all[position];
    const auto to = x.is_gap ? x.to : std::min(x.to, delivered + credit);
    if (to == delivered)
      return false;
    credit -= x.is_gap ? 0 : to - delivered;
    send(to, x.is_gap, x.is_stderr);
    position += to == x.to ? 1 : 0;
    return true;
  }
};

struct reader {
  output_origin origin = output_origin::offset;
  std::uint64_t from = 0;
  bool follows = true;
  std::uint64_t end_at_join = 0;
  std::uint64_t paid = 0;
  std::uint64_t got = 0;
  std::optional<std::uint64_t> cursor; ///< once it was told where it begins
  source_id last_source = 0;           ///< whose piece was the last one; 0: none came yet
  bool is_stalled = false;
  bool is_ended = false;
};

class world {
public:
  explicit world(std::uint64_t seed)
      : random_(seed), ring_(random_.between(40, 800)), most_written_(random_.between(1, ring_)),
        output_(ring_, ring_ / random_.between(2, 8), random_.between(1, ring_ / 8)) {
    journal_.cap = random_.between(ring_ / 2, ring_ * 6);
  }

  void run(int steps) {
    for (int i = 0; i < steps && problem_.empty(); ++i)
      step();
  }

  /// All want all there is, and can take it: in the end they have one source between them.
  void keep_up() {
    connect();
    for (int round = 0; round < 12; ++round) {
      if (!journal_.is_ended)
        write();
      pay_all();
    }
    std::size_t followers = 0;
    for (const auto& [id, x] : readers_)
      followers += x.is_ended ? 0 : 1;
    expect(journal_.is_ended || output_.source_count() == (followers == 0 ? 0 : 1),
           "readers that keep up have one source");
  }

  void finish() {
    journal_.is_ended = true;
    connect();
    for (int round = 0; round < 4; ++round)
      pay_all();
    for (const auto& [id, x] : readers_)
      expect(x.is_ended, "each reader ends when it has all");
    expect(output_.reader_count() == 0 && output_.source_count() == 0, "nothing is left");
    expect(attaches_.empty(), "no attach is left in the guest");
    expect(output_.held_bytes() == 0, "no output is kept for nobody");
  }

  /// What was not as it has to be; empty: all was.
  [[nodiscard]] const std::string& problem() const { return problem_; }

private:
  void expect(bool is_so, const char* what) {
    if (!is_so && problem_.empty())
      problem_ = what;
  }

  // -- what happens
  // ----------------------------------------------------------------------------------------

  void step() {
    const auto what = random_.below(100);
    if (what < 15)
      write();
    else if (what < 40)
      work();
    else if (what < 65)
      receive();
    else if (what < 85)
      pay();
    else if (what < 90)
      join();
    else if (what < 92)
      leave();
    else if (what < 94)
      stall();
    else if (what < 96)
      break_one();
    else if (what < 97)
      disconnect();
    else
      connect();
  }

  void write() {
    if (journal_.is_ended)
      return;
    journal_.add(random_.between(1, most_written_), random_.chance(4), random_.chance(30));
    journal_.is_ended = random_.below(3000) == 0;
  }

  bool work() { return !attaches_.empty() && random_.one_of(attaches_)->second.work(journal_); }

  void receive() {
    if (attaches_.empty())
      return;
    auto from = random_.one_of(attaches_);
    auto& [channel, x] = *from;
    if (x.answers.empty())
      return;
    auto next = std::move(x.answers.front());
    x.answers.pop_front();
    const auto source = x.asked.source;
    if (next.what == word::here) {
      output_.begins(source, next.start);
    } else if (next.what == word::data) {
      if (!next.data->is_gap) {
        x.unspent -= next.data->to - next.data->from;
        arrived_.push_back(next.data);
      }
      expect(output_.arrived(source, std::move(next.data)), "what comes follows what came before");
    } else {
      attaches_.erase(from);
      output_.ended(source);
    }
    apply();
  }

  void pay() {
    if (readers_.empty())
      return;
    auto& [id, x] = *random_.one_of(readers_);
    if (x.is_stalled || x.is_ended || x.paid - x.got > 2 * ring_)
      return;
    pay(id, x, random_.between(1, random_.chance(50) ? 10 : ring_));
  }

  void pay(reader_id id, reader& x, std::uint64_t bytes) {
    x.paid += bytes;
    output_.pay(id, bytes);
    apply();
  }

  void join() {
    if (output_.reader_count() >= 8)
      return;
    const auto id = ++last_reader_;
    auto& x = readers_[id];
    const auto kind = random_.below(10);
    x.origin = kind < 6   ? output_origin::offset
               : kind < 8 ? output_origin::now
                          : output_origin::last;
    if (x.origin != output_origin::now)
      x.from = random_.below(journal_.end + (random_.chance(20) ? 100 : 1));
    x.follows = random_.chance(85);
    x.end_at_join = journal_.end;
    x.paid = random_.chance(30) ? 0 : random_.below(2 * ring_);
    output_.join(id, x.origin, x.from, x.follows, x.paid);
    apply();
  }

  void leave() {
    if (readers_.empty())
      return;
    auto gone = random_.one_of(readers_);
    output_.leave(gone->first);
    readers_.erase(gone);
    apply();
  }

  void stall() {
    if (readers_.empty())
      return;
    auto& x = random_.one_of(readers_)->second;
    x.is_stalled = !x.is_stalled;
  }

  void break_one() {
    if (attaches_.empty())
      return;
    auto gone = random_.one_of(attaches_);
    const auto source = gone->second.asked.source;
    attaches_.erase(gone);
    output_.broke(source);
    apply();
  }

  void disconnect() {
    attaches_.clear();
    output_.disconnect();
    is_connected_ = false;
    apply();
  }

  void connect() {
    is_connected_ = true;
    output_.connect();
    apply();
  }

  /// Until nothing is on its way.
  void settle() {
    for (bool is_busy = true; is_busy && problem_.empty();) {
      is_busy = false;
      for (auto& [channel, x] : attaches_) {
        for (auto count = random_.between(1, 20); count > 0 && x.work(journal_); --count)
          is_busy = true;
        is_busy = is_busy || !x.answers.empty();
      }
      for (auto count = attaches_.size() * 8; count > 0; --count)
        receive();
    }
  }

  void pay_all() {
    settle();
    for (auto& [id, x] : readers_)
      if (!x.is_ended)
        pay(id, x, journal_.end + ring_);
    settle();
  }

  // -- what is done because of it
  // ----------------------------------------------------------------------------------------

  void apply() {
    for (const auto& action : output_.take_actions())
      std::visit([this](const auto& x) { done(x); }, action);
    for (const auto& [source, from] : std::exchange(gaps_, {}))
      check_gap(source, from);
    expect(output_.held_bytes() <= output_.source_count() * (ring_ + most_written_),
           "no more than a ring and a piece is kept for each source");
    expect(output_.source_count() <= output_.reader_count(), "no source is without a reader");
    for (const auto& [channel, x] : attaches_)
      expect(x.unspent <= ring_, "no more than a ring is on its way");
  }

  reader* reader_of(reader_id id) {
    auto found = readers_.find(id);
    expect(found != readers_.end(), "a reader that has left gets nothing");
    if (found == readers_.end())
      return nullptr;
    expect(!found->second.is_ended, "nothing comes behind the end");
    return &found->second;
  }

  void done(const place_reader& action) {
    auto* x = reader_of(action.reader);
    if (x == nullptr)
      return;
    expect(!x->cursor, "a reader is placed once");
    x->cursor = action.offset;
    expect(action.offset <= journal_.end, "nobody begins beyond the end");
    const auto last = x->end_at_join > x->from ? x->end_at_join - x->from : 0;
    if (x->origin == output_origin::last)
      expect(action.offset >= last, "no more than the last bytes");
    else if (x->origin == output_origin::now)
      expect(action.offset + ring_ >= x->end_at_join, "now is not long ago");
    else if (x->from <= x->end_at_join)
      expect(action.offset == x->from, "a reader begins where it wants to");
    else
      expect(action.offset <= x->from, "a reader begins where it wants to, or at the end");
  }

  void done(const deliver_piece<piece>& action) {
    auto* x = reader_of(action.reader);
    if (x == nullptr)
      return;
    const auto& what = *action.piece;
    expect(x->cursor == action.from, "pieces follow each other");
    expect(what.from <= action.from && action.from < action.to && action.to <= what.to,
           "what is given is in the piece");
    if (!problem_.empty())
      return;
    if (what.is_gap) {
      expect(action.to == what.to, "a gap is told to its end");
      expect(journal_.is_lost(action.from, action.to), "only what is lost is told as lost");
      if (action.from > what.from && x->last_source != what.source)
        gaps_.emplace_back(x->last_source, action.from);
    } else {
      check_output(*x, action);
    }
    x->cursor = action.to;
    x->last_source = what.source;
  }

  void check_output(reader& x, const deliver_piece<piece>& action) {
    x.got += action.to - action.from;
    expect(x.got <= x.paid, "a reader gets no more than it has credit for");
    const auto& what = *action.piece;
    expect(what.bytes.substr(action.from - what.from, action.to - action.from) ==
               bytes_between(action.from, action.to),
           "a reader gets what the command wrote");
    const auto& written = journal_.all[journal_.index_of(action.from)];
    expect(!written.is_gap && action.to <= written.to && written.is_stderr == what.is_stderr,
           "each piece is of the stream that it was written to");
  }

  /// A reader came into a gap from elsewhere. Where it came from, or for a new one anywhere, the
  /// bytes must not be in a ring.
  void check_gap(source_id source, std::uint64_t from) {
    std::erase_if(arrived_, [](const auto& x) { return x.expired(); });
    for (const auto& each : arrived_)
      if (auto x = each.lock(); x && x->from <= from && from < x->to)
        expect(source != 0 && x->source != source, "what is still here is not told as lost");
  }

  void done(const end_reader& action) {
    auto* x = reader_of(action.reader);
    if (x == nullptr)
      return;
    expect(x->cursor == action.offset, "a reader ends where it is");
    expect(x->follows ? journal_.is_ended && action.offset == journal_.end
                      : action.offset >= x->end_at_join,
           "a reader ends when it has all there is");
    x->is_ended = true;
  }

  void done(const open_source& action) {
    expect(is_connected_, "nothing is opened while there is no way");
    for (const auto& [channel, x] : attaches_)
      expect(x.asked.source != action.source, "a source is opened once");
    auto& made = attaches_[++last_channel_];
    made.asked = action;
    made.credit = made.unspent = action.credit;
  }

  attach* attach_of(source_id source) {
    for (auto& [channel, x] : attaches_)
      if (x.asked.source == source)
        return &x;
    return nullptr; // it has ended meanwhile
  }

  void done(const pay_source& action) {
    if (auto* x = attach_of(action.source); x != nullptr) {
      x->payments.push_back(action.bytes);
      x->unspent += action.bytes;
    }
  }

  void done(const close_source& action) {
    std::erase_if(attaches_, [&](const auto& x) { return x.second.asked.source == action.source; });
  }

  dice random_;
  const std::uint64_t ring_;
  const std::uint64_t most_written_;
  output output_;
  journal journal_;
  bool is_connected_ = false;
  std::uint64_t last_channel_ = 0;
  reader_id last_reader_ = 0;
  std::map<std::uint64_t, attach> attaches_; ///< by channel
  std::map<reader_id, reader> readers_;
  std::vector<std::weak_ptr<const piece>> arrived_;
  std::vector<std::pair<source_id, std::uint64_t>> gaps_; ///< that are to be looked at
  std::string problem_;
};

} // namespace

TEST_CASE("session output: every reader gets every byte, whatever happens") {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    INFO("seed ", seed);
    world x{seed};
    x.run(1500);
    if (seed % 2 == 0)
      x.keep_up();
    x.finish();
    REQUIRE(x.problem() == "");
  }
}
