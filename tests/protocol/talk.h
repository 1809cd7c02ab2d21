// For tests of parsers: a connection to talk on, and the rows that come of it.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "connection/conn_record.h"
#include "protocol/files/file_record.h"
#include "protocol/files/files.h"
#include "protocol/parser.h"
#include "protocol/plan.h"

namespace whodunit::protocol::testing {

using Octets = std::vector<std::uint8_t>;

/// Bytes of hex digits; anything else between them is skipped.
inline Octets hex(std::string_view text) {
  Octets out;
  int high = -1;
  for (const char c : text) {
    const int v = c >= '0' && c <= '9'   ? c - '0'
                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                         : -1;
    if (v < 0) continue;
    if (high < 0) {
      high = v;
    } else {
      out.push_back(static_cast<std::uint8_t>(high << 4 | v));
      high = -1;
    }
  }
  return out;
}
inline Octets octets(std::string_view text) { return {text.begin(), text.end()}; }
inline Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Numbers all records; any number of times.
inline void register_records() {
  static const bool registered = [] {
    static std::vector<record::Schema*> all;
    auto add = [](record::Schema* schema) {
      if (std::find(all.begin(), all.end(), schema) == all.end()) all.push_back(schema);
    };
    add(&connection::Conn::schema);
    add(&connection::Weird::schema);
    add(&connection::Tunnel::schema);
    add(&Files::schema);
    for (const Definition* d : definitions())
      for (record::Schema* schema : d->schemas) add(schema);
    record::register_schemas(all);
    return true;
  }();
  (void)registered;
}

/// What was said, as a seed of the protocol's fuzz target (pieces behind a separator, fuzz/protocol_fuzz.h). Written to
/// the folder named by WHODUNIT_SEEDS, where that is set: fuzz/seeds/make_protocol_seeds.sh.
class Seed {
 public:
  explicit Seed(std::string_view protocol) : protocol_(protocol) {}
  Seed(const Seed&) = delete;
  Seed& operator=(const Seed&) = delete;
  void add(Direction direction, const Octets& data) {
    if (folder() != nullptr)
      said_ = said_ + Octets{0xf1, 0x9d, static_cast<std::uint8_t>(connection::index(direction))} + data;
  }
  ~Seed() {
    if (folder() == nullptr || said_.empty() || said_.size() > 4096) return;
    const std::string path = std::string(folder()) + "/" + std::string(protocol_) + "/";
    std::filesystem::create_directories(path);
    std::ofstream out(path + base::digest_hex(base::DigestKind::kSha1, said_).substr(0, 12), std::ios::binary);
    out.write(reinterpret_cast<const char*>(said_.data()), static_cast<std::streamsize>(said_.size()));
  }

 private:
  static const char* folder() { return std::getenv("WHODUNIT_SEEDS"); }
  std::string_view protocol_;
  Octets said_;
};

/// One connection and a parser on it. Each call is one packet, a millisecond after the last.
class Talk {
 public:
  explicit Talk(const Definition& definition, std::uint16_t resp_port, std::uint8_t transport = packet::kTcp)
      : parser(definition.make()), seed_(definition.name) {
    register_records();
    view.id = {*base::Address::parse("192.0.2.10"), *base::Address::parse("198.51.100.20"), {40000}, {resp_port}};
    view.protocol = transport;
    view.uid = {7};
    view.first = origin.time = base::Time{} + base::seconds(1'000'000'000);
  }

  void client(const Octets& data) { stream(Direction::kOriginator, data); }
  void server(const Octets& data) { stream(Direction::kResponder, data); }
  void stream(Direction direction, const Octets& data) {
    seed_.add(direction, data);
    call([&](Context& context) { parser->stream(context, direction, data); });
  }
  void datagram(Direction direction, const Octets& data) {
    const bool icmp = view.protocol == packet::kIcmp || view.protocol == packet::kIcmp6;
    seed_.add(direction, icmp ? Octets{static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code)} + data : data);
    call([&](Context& context) {
      packet::Packet packet;
      packet.origin = origin;
      packet.protocol = view.protocol;
      packet.payload = data;
      packet.payload_length = static_cast<std::uint32_t>(data.size());
      packet.source_port = type;
      packet.destination_port = code;
      packet.ttl = ttl;
      packet.sequence = fixed;
      parser->datagram(context, direction, packet);
    });
  }
  void gap(Direction direction, std::uint64_t bytes) {
    call([&](Context& context) { parser->gap(context, direction, bytes); });
  }
  void end(Direction direction, End why) {
    call([&](Context& context) { parser->end(context, direction, why); });
  }
  void close() {
    call([&](Context& context) { parser->closed(context, End::kRunOver); });
  }

  template <class R>
  std::vector<R> rows() {
    record::Batch& batch = sink.batch(R::schema);
    std::vector<R> out;
    for (std::size_t i = 0; i < batch.rows(); ++i) out.push_back(R::read(batch, i));
    return out;
  }
  std::vector<std::string> weirds() {
    std::vector<std::string> names;
    for (const auto& row : rows<connection::Weird>()) names.emplace_back(row.name);
    return names;
  }

  connection::View view;
  packet::Origin origin;
  record::Sink sink;
  Plan plan;
  base::MemoryAccountant memory;
  FileSink files{plan, memory};
  Shared shared;
  std::unique_ptr<Parser> parser;
  std::uint16_t type = 0, code = 0;  // ICMP's
  std::uint32_t fixed = 0;           // the four bytes behind its checksum
  std::uint8_t ttl = 64;
  bool recognised = false, failed = false;
  std::string become, within;

 private:
  template <class F>
  void call(F&& f) {
    origin.time = origin.time + base::milliseconds(1);
    ++origin.number;
    ++origin.run_number;
    sink.at(origin.run_number);
    Context context(view, origin, sink, plan, memory, &files, shared);
    f(context);
    recognised |= context.recognised;
    failed |= context.failed;
    if (!context.become.empty()) become = context.become;
    within += base::as_text(context.within);
  }
  Seed seed_;
};

}  // namespace whodunit::protocol::testing
