// How the fuzz targets of protocols drive a parser: inputs hold whole conversations, cut into pieces by a separator
// that says the next piece's direction. For streams, the same bytes are given again, cut otherwise, and the rows must
// agree; and once more with a gap.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "connection/conn_record.h"
#include "protocol/files/files.h"
#include "protocol/parser.h"
#include "protocol/plan.h"

namespace whodunit::fuzz {

struct Piece {
  connection::Direction direction;
  base::Bytes data;
};

/// Two bytes that begin a piece; the lowest bit of the third is its direction. A separator rather than lengths, so that
/// what a mutation inserts or takes away leaves the pieces behind it as they were (fuzz/protocol.dict holds it).
constexpr std::uint8_t kSeparator[2] = {0xf1, 0x9d};

/// At most 64 pieces; what stands before the first separator is the originator's.
inline std::vector<Piece> pieces(base::Bytes input) {
  std::vector<Piece> out;
  auto direction = connection::Direction::kOriginator;
  while (!input.empty() && out.size() < 64) {
    const auto at = std::search(input.begin(), input.end(), std::begin(kSeparator), std::end(kSeparator));
    const auto size = static_cast<std::size_t>(at - input.begin());
    if (size != 0) out.push_back({direction, input.first(size)});
    if (input.size() - size < 3) break;
    direction = (input[size + 2] & 1) != 0 ? connection::Direction::kResponder : connection::Direction::kOriginator;
    input = input.subspan(size + 3);
  }
  return out;
}

inline void register_once() {
  static const bool done = [] {
    static std::vector<record::Schema*> all;
    auto add = [](record::Schema* schema) {
      if (std::find(all.begin(), all.end(), schema) == all.end()) all.push_back(schema);
    };
    add(&connection::Conn::schema);
    add(&connection::Weird::schema);
    add(&connection::Tunnel::schema);
    for (const auto* definition : protocol::definitions())
      for (auto* schema : definition->schemas) add(schema);
    record::register_schemas(all);
    return true;
  }();
  (void)done;
}

/// Batches keep their memory between inputs: making them anew took most of the time.
class PooledSink {
 public:
  PooledSink() {
    if (pool().empty()) {
      sink_ = std::make_unique<record::Sink>();
      return;
    }
    sink_ = std::move(pool().back());
    pool().pop_back();
  }
  ~PooledSink() {
    for (const auto& batch : sink_->batches())
      if (batch) batch->clear();
    pool().push_back(std::move(sink_));
  }
  PooledSink(const PooledSink&) = delete;
  PooledSink& operator=(const PooledSink&) = delete;
  record::Sink& operator*() { return *sink_; }
  record::Sink* operator->() { return sink_.get(); }

 private:
  static std::vector<std::unique_ptr<record::Sink>>& pool() {
    static std::vector<std::unique_ptr<record::Sink>> sinks;
    return sinks;
  }
  std::unique_ptr<record::Sink> sink_;
};

/// A run of one parser; gives the number of rows per schema, weirds left out.
class Run {
 public:
  Run(const protocol::Definition& definition, std::uint16_t port, std::uint8_t transport)
      : parser_(definition.make()), recognise_(definition.recognise), name_(definition.name) {
    register_once();
    view_.id = {*base::Address::parse("192.0.2.1"), *base::Address::parse("192.0.2.2"), {40000}, {port}};
    view_.protocol = transport;
    view_.uid = {1};
  }
  template <class F>
  void call(F&& f) {
    if (over_) return;
    ++origin_.number;
    origin_.time = origin_.time + base::milliseconds(1);
    sink_->at(origin_.number);
    protocol::Context context(view_, origin_, *sink_, plan_, memory_, &files_, shared_);
    context.weird_source = name_;
    f(context, *parser_);
    if (context.failed || !context.become.empty()) over_ = true;
  }
  void recognise(const Piece& piece, bool hint) {
    if (recognise_ != nullptr) (void)recognise_(piece.data, piece.direction, hint);
  }
  void stream(connection::Direction direction, base::Bytes data) {
    call([&](auto& context, auto& parser) { parser.stream(context, direction, data); });
  }
  void datagram(connection::Direction direction, base::Bytes data) {
    call([&](auto& context, auto& parser) {
      packet::Packet packet;
      packet.origin = origin_;
      packet.protocol = view_.protocol;
      // ICMP's type and code stand where ports would.
      if (view_.protocol == packet::kIcmp || view_.protocol == packet::kIcmp6) {
        if (data.size() < 2) return;
        packet.source_port = data[0];
        packet.destination_port = data[1];
        data = data.subspan(2);
      }
      packet.payload = data;
      packet.payload_length = static_cast<std::uint32_t>(data.size());
      parser.datagram(context, direction, packet);
    });
  }
  void gap(connection::Direction direction) {
    call([&](auto& context, auto& parser) { parser.gap(context, direction, 100); });
  }
  void close() {
    over_ = false;
    call([&](auto& context, auto& parser) {
      parser.end(context, connection::Direction::kOriginator, connection::End::kFin);
      parser.closed(context, connection::End::kRunOver);
    });
    parser_.reset();
    if (memory_.used() != 0) std::abort();  // all that was counted must be given back
  }
  std::vector<std::size_t> rows() {
    std::vector<std::size_t> counts;
    for (const auto& batch : sink_->batches())
      counts.push_back(batch && &batch->schema() != &connection::Weird::schema ? batch->rows() : 0);
    while (!counts.empty() && counts.back() == 0) counts.pop_back();
    return counts;
  }

 private:
  std::unique_ptr<protocol::Parser> parser_;
  protocol::Match (*recognise_)(base::Bytes, connection::Direction, bool);
  std::string_view name_;
  connection::View view_;
  packet::Origin origin_;
  PooledSink sink_;
  protocol::Plan plan_;
  base::MemoryAccountant memory_;
  protocol::FileSink files_{plan_, memory_};
  protocol::Shared shared_;
  bool over_ = false;
};

inline void datagrams(const protocol::Definition& definition, base::Bytes input, std::uint16_t port,
                      std::uint8_t transport = packet::kUdp) {
  Run run(definition, port, transport);
  for (const Piece& piece : pieces(input)) {
    run.recognise(piece, true);
    run.recognise(piece, false);
    run.datagram(piece.direction, piece.data);
  }
  run.close();
}

/// Which of the costly runs an input gets. All, unless WHODUNIT_FUZZ_SAMPLE is set (a campaign sets it): then
/// the input's bytes decide, so that the same input always gets the same.
struct Choice {
  bool single = true;  ///< byte by byte; otherwise each piece is cut in three
  bool holed = true;
  bool aside = true;  ///< what a target does with an input beside giving it to the parser
  std::uint64_t bits = 0;
};
inline Choice choose(base::Bytes input) {
  static const bool sample = std::getenv("WHODUNIT_FUZZ_SAMPLE") != nullptr;
  Choice choice{.bits = base::fast_hash(input)};
  if (sample) {
    choice.single = (choice.bits & 7) == 0;
    choice.holed = (choice.bits >> 3 & 3) == 0;
    choice.aside = (choice.bits >> 60 & 3) == 0;
  }
  return choice;
}

/// `pure`: rows do not depend on how the bytes are cut into segments, which is then checked.
inline void stream(const protocol::Definition& definition, base::Bytes input, std::uint16_t port, bool pure = true) {
  const std::vector<Piece> all = pieces(input);
  const Choice choice = choose(input);
  Run whole(definition, port, packet::kTcp);
  for (const Piece& piece : all) {
    whole.recognise(piece, true);
    whole.recognise(piece, false);
    whole.stream(piece.direction, piece.data);
  }
  whole.close();
  const std::vector<std::size_t> rows = whole.rows();
  {
    Run cut(definition, port, packet::kTcp);
    std::uint64_t bits = choice.bits >> 5;
    for (const Piece& piece : all) {
      const std::size_t first = bits % 37 % (piece.data.size() + 1);
      const std::size_t second = first + bits / 37 % (piece.data.size() - first + 1);
      if (first != 0) cut.stream(piece.direction, piece.data.first(first));
      if (second != first) cut.stream(piece.direction, piece.data.subspan(first, second - first));
      if (second != piece.data.size()) cut.stream(piece.direction, piece.data.subspan(second));
      bits = bits * 0x9e3779b97f4a7c15u >> 7;
    }
    cut.close();
    if (pure && rows != cut.rows()) std::abort();
  }
  if (choice.single) {
    Run single(definition, port, packet::kTcp);
    for (const Piece& piece : all) {
      // The first bytes of a piece one by one: headers are cut everywhere. Then by 7, which no field's size divides.
      for (std::size_t i = 0; i < piece.data.size();) {
        const std::size_t step = std::min<std::size_t>(i < 64 ? 1 : 7, piece.data.size() - i);
        single.stream(piece.direction, piece.data.subspan(i, step));
        i += step;
      }
    }
    single.close();
    if (pure && rows != single.rows()) std::abort();
  }
  if (choice.holed) {
    Run holed(definition, port, packet::kTcp);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i == all.size() / 2) holed.gap(all[i].direction);
      holed.stream(all[i].direction, all[i].data);
    }
    holed.close();
  }
}

}  // namespace whodunit::fuzz
