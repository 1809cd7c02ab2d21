// Packets of all transports between a few ends, as wild as the input says. Beside not crashing: the bytes of a TCP
// direction come in order and each once, what is taken from the accountant is given back, and every connection that
// begins gets its row.
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "connection/conn_record.h"
#include "connection/table.h"

using namespace whodunit;
using namespace whodunit::connection;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

class Checker : public Consumer {
 public:
  explicit Checker(bool strict) : strict_(strict) {}

  void stream(const View& c, std::uint64_t& slot, Direction d, base::Bytes data, const packet::Origin&) override {
    live(c, slot);
    require(!data.empty());
    State& state = states_[c.uid.value];
    std::uint8_t* next = &state.next[index(d)];
    for (const std::uint8_t byte : data) {
      // A byte's value is the low end of its sequence number.
      if (strict_ && state.begun[index(d)]) require(byte == *next || restarted_.count(sender(c, d)) != 0);
      state.begun[index(d)] = true;
      *next = static_cast<std::uint8_t>(byte + 1);
      restarted_.erase(sender(c, d));
    }
  }
  /// The end that sends to another sends a SYN: its stream may begin anew.
  void syn(const packet::Packet& p) { restarted_.insert({p.source, p.source_port, p.destination, p.destination_port}); }
  void gap(const View& c, std::uint64_t& slot, Direction d, std::uint64_t bytes, const packet::Origin&) override {
    live(c, slot);
    require(bytes != 0);
    State& state = states_[c.uid.value];
    state.next[index(d)] = static_cast<std::uint8_t>(state.next[index(d)] + bytes);
  }
  void datagram(const View& c, std::uint64_t& slot, Direction, const packet::Packet&) override { live(c, slot); }
  void end(const View& c, std::uint64_t& slot, Direction d, End, const packet::Origin&) override {
    live(c, slot);
    State& state = states_[c.uid.value];
    require(!state.ended[index(d)]);
    state.ended[index(d)] = true;
  }
  std::string_view closed(const View& c, std::uint64_t& slot, End, const packet::Origin&) override {
    live(c, slot);
    if (c.protocol == packet::kTcp) require(states_[c.uid.value].ended[0] && states_[c.uid.value].ended[1]);
    states_.erase(c.uid.value);
    ++closed_count;
    return {};
  }
  void weird(const View*, std::string_view name, std::string_view, const packet::Origin&) override {
    require(!name.empty());
  }

  std::uint64_t closed_count = 0;

 private:
  struct State {
    std::uint8_t next[2] = {0, 0};
    bool begun[2] = {false, false};
    bool ended[2] = {false, false};
  };
  using Sender = std::tuple<base::Address, std::uint16_t, base::Address, std::uint16_t>;
  static Sender sender(const View& c, Direction d) {
    return d == Direction::kOriginator ? Sender{c.id.orig_h, c.id.orig_p.value, c.id.resp_h, c.id.resp_p.value}
                                       : Sender{c.id.resp_h, c.id.resp_p.value, c.id.orig_h, c.id.orig_p.value};
  }
  // The slot belongs to one connection from its beginning to its end.
  void live(const View& c, std::uint64_t& slot) {
    require(slot == 0 || slot == c.uid.value);
    slot = c.uid.value;
  }

  bool strict_;
  std::map<std::uint64_t, State> states_;
  std::set<Sender> restarted_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool registered = [] {
    static record::Schema* const list[] = {&Conn::schema};
    record::register_schemas(list);
    return true;
  }();
  (void)registered;

  base::Cursor in({data, size});
  const std::uint8_t mode = in.u8();
  const bool strict = (mode & 1) == 0;  // sequence numbers consistent with one stream per direction
  Settings settings;
  if ((mode & 2) != 0) settings.connections_per_shard = 3;
  if ((mode & 4) != 0) {
    settings.reassembly_bytes = 64;
    settings.reassembly_segments = 3;
  }
  if ((mode & 8) != 0) settings.ignore_checksums = false;
  if ((mode & 16) != 0) settings.unacknowledged_above_hole = 100;
  // 44,100: one slab of connections, its index, and little else.
  base::MemoryAccountant memory((mode & 32) == 0 ? 0 : (mode & 64) != 0 ? 44'100 : 100'000, 100);
  Checker checker(strict);
  record::Sink sink;
  {
    Table table(settings, memory, checker, sink, 0);
    base::Time now = base::from_civil(2024, 1, 1);
    std::uint8_t bytes[256];
    std::uint64_t number = 0;
    while (!in.at_end() && in.ok()) {
      const std::uint8_t what = in.u8();
      packet::Packet p;
      // Mostly small steps; sometimes a jump, also backwards.
      const std::uint8_t step = in.u8();
      now = now + (step < 200 ? base::milliseconds(step) : base::seconds((step - 230) * 7));
      p.origin = {now, ++number, number, 0};
      const bool forward = (what & 1) != 0;
      const std::uint8_t pair = what >> 1 & 3;
      p.source = base::Address::v4(forward ? 0x0a000001u + pair : 0x0a000002u);
      p.destination = base::Address::v4(forward ? 0x0a000002u : 0x0a000001u + pair);
      const std::uint16_t client = pair == 3 ? 53 : 40000, server = pair == 2 ? 9999 : 80;
      p.source_port = forward ? client : server;
      p.destination_port = forward ? server : client;
      p.checksum_bad = (what & 0xf8) == 0x88;
      if ((what & 0x18) == 0x18) p.tunnel = {what};
      switch (what >> 5) {
        case 0:
          p.protocol = packet::kUdp;
          break;
        case 1:
          p.protocol = packet::kIcmp;
          p.source_port = step & 15;
          p.destination_port = step >> 4;
          break;
        case 2:
          p.protocol = in.u8();
          if (p.protocol == packet::kTcp) p.protocol = packet::kUdp;
          break;
        default: {
          p.protocol = packet::kTcp;
          p.tcp_flags = in.u8();
          const std::uint32_t initial = forward ? 0xffffff80u : 0x7fffff00u;
          const std::uint32_t peer = forward ? 0x7fffff00u : 0xffffff80u;
          p.sequence = strict ? initial + in.be16() % 2048 : in.be32();
          p.acknowledgement = strict ? peer + in.be16() % 2048 : in.be32();
          if (strict && (p.tcp_flags & packet::kSyn) != 0) p.sequence = initial;
          p.window = in.u8();
          break;
        }
      }
      const std::uint8_t length = in.u8();
      // A SYN's data begins one past its number.
      const std::uint32_t first = p.sequence + ((p.tcp_flags & packet::kSyn) != 0 ? 1 : 0);
      for (unsigned i = 0; i < length; ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
      p.payload = {bytes, length};
      p.payload_length = length;
      if ((what & 0xf8) == 0x68) p.payload = p.payload.first(length / 2);  // cut by the capture
      p.ip_length = 40u + length;
      if (p.protocol == packet::kTcp && (p.tcp_flags & packet::kSyn) != 0) checker.syn(p);
      table.prefetch(connection::Table::tag_of(p));
      table.prefetch_entry(connection::Table::tag_of(p));
      table.packet(p);
      if ((step & 7) == 7) table.advance(now, number);
      require(table.statistics().live <= settings.connections_per_shard || (mode & 2) == 0);
    }
    table.finish(number);
    require(table.statistics().live == 0);
    require(table.statistics().connections == checker.closed_count);
    require(sink.batch(Conn::schema).rows() == checker.closed_count);
    require(memory.used(base::MemoryUse::kReassembly) == 0);
  }
  require(memory.used() == 0);
  return 0;
}
