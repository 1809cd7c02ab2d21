// How the fuzz targets of protocols drive a parser: a first byte of flags per piece says its direction and length, so
// that inputs hold whole conversations. For streams, the same bytes are given again one by one, and the rows must
// agree.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "connection/conn_record.h"
#include "protocol/files/files.h"
#include "protocol/parser.h"
#include "protocol/plan.h"

namespace whodunit::fuzz {

struct Piece {
  connection::Direction direction;
  base::Bytes data;
};

/// Each piece: a byte whose top bit is the direction and whose other bits are its length times two.
inline std::vector<Piece> pieces(base::Bytes input) {
  std::vector<Piece> out;
  while (!input.empty() && out.size() < 64) {
    const auto direction = input[0] & 0x80 ? connection::Direction::kResponder : connection::Direction::kOriginator;
    const std::size_t size = std::min<std::size_t>(std::size_t{input[0] & 0x7fu} * 8 + 1, input.size() - 1);
    out.push_back({direction, input.subspan(1, size)});
    input = input.subspan(1 + size);
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
    for (const auto* definition : protocol::definitions())
      for (auto* schema : definition->schemas) add(schema);
    record::register_schemas(all);
    return true;
  }();
  (void)done;
}

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
    sink_.at(origin_.number);
    protocol::Context context(view_, origin_, sink_, plan_, memory_, &files_);
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
    for (const auto& batch : sink_.batches())
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
  record::Sink sink_;
  protocol::Plan plan_;
  base::MemoryAccountant memory_;
  protocol::FileSink files_{plan_, memory_};
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

/// `pure`: rows do not depend on how the bytes are cut into segments, which is then checked.
inline void stream(const protocol::Definition& definition, base::Bytes input, std::uint16_t port, bool pure = true) {
  const std::vector<Piece> all = pieces(input);
  Run whole(definition, port, packet::kTcp);
  for (const Piece& piece : all) {
    whole.recognise(piece, true);
    whole.recognise(piece, false);
    whole.stream(piece.direction, piece.data);
  }
  whole.close();
  Run single(definition, port, packet::kTcp);
  for (const Piece& piece : all)
    for (std::size_t i = 0; i < piece.data.size(); ++i) single.stream(piece.direction, piece.data.subspan(i, 1));
  single.close();
  if (pure && whole.rows() != single.rows()) std::abort();
  Run holed(definition, port, packet::kTcp);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == all.size() / 2) holed.gap(all[i].direction);
    holed.stream(all[i].direction, all[i].data);
  }
  holed.close();
}

}  // namespace whodunit::fuzz
