// The connection table with one million connections live at once: bytes per connection, the process's memory with a
// 256-byte parser on every second one, and nanoseconds per packet, also under a flood of one-packet connections.
// Checks its own results: exits with 1 where a bar is not met.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "connection/conn_record.h"
#include "connection/table.h"

using namespace whodunit;
using namespace whodunit::connection;

namespace {

constexpr std::size_t kConnections = 1'000'000;
constexpr std::size_t kBatch = 64;  // packets looked up together

/// A parser of 256 bytes on every second connection, as an idle protocol has.
class Parsers : public Consumer {
 public:
  struct Parser {
    std::uint8_t state[256];
  };
  void stream(const View&, std::uint64_t& slot, Direction, base::Bytes data, const packet::Origin&) override {
    bytes += data.size();
    if (slot == 0) slot = ++seen % 2 == 0 ? 1 : reinterpret_cast<std::uintptr_t>(new Parser{});
  }
  void gap(const View&, std::uint64_t&, Direction, std::uint64_t n, const packet::Origin&) override { gaps += n; }
  void datagram(const View&, std::uint64_t&, Direction, const packet::Packet&) override {}
  void end(const View&, std::uint64_t&, Direction, End, const packet::Origin&) override {}
  std::string_view closed(const View&, std::uint64_t& slot, End why, const packet::Origin&) override {
    if (slot > 1) delete reinterpret_cast<Parser*>(static_cast<std::uintptr_t>(slot));
    if (why == End::kEvicted) ++evicted;
    return {};
  }
  void weird(const View*, std::string_view, std::string_view, const packet::Origin&) override { ++weirds; }

  std::uint64_t bytes = 0, gaps = 0, seen = 0, evicted = 0, weirds = 0;
};

std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * 4096;
}

struct Run {
  explicit Run(const Settings& settings) {
    for (unsigned shard = 0; shard < kShards; ++shard)
      tables.push_back(std::make_unique<Table>(settings, memory, parsers, sink, shard));
  }
  // As the engine does: lookups of a batch ahead of its packets.
  void batch(std::vector<packet::Packet>& packets) {
    tags.clear();
    for (const packet::Packet& p : packets) {
      tags.push_back(Table::tag_of(p));
      tables[shard_of(p)]->prefetch(tags.back());
    }
    for (std::size_t i = 0; i < packets.size(); ++i) tables[shard_of(packets[i])]->prefetch_entry(tags[i]);
    for (std::size_t i = 0; i < packets.size(); ++i) tables[shard_of(packets[i])]->packet(packets[i], tags[i]);
    count += packets.size();
    packets.clear();
  }
  void advance(base::Time now) {
    for (const auto& table : tables) table->advance(now, count);
  }
  std::size_t live() const {
    std::size_t n = 0;
    for (const auto& table : tables) n += table->statistics().live;
    return n;
  }
  std::size_t table_bytes() const {
    std::size_t n = 0;
    for (const auto& table : tables) n += table->statistics().bytes;
    return n;
  }

  base::MemoryAccountant memory{std::size_t{640} << 20, std::size_t{64} << 20};
  Parsers parsers;
  record::Sink sink{std::vector<bool>(1, false)};  // rows are not kept: they leave as they come
  std::vector<std::unique_ptr<Table>> tables;
  std::vector<std::uint32_t> tags;  // of a batch's packets
  std::uint64_t count = 0;
};

packet::Packet segment(std::uint64_t i, bool forward, std::uint8_t flags, std::uint32_t sequence,
                       std::uint32_t acknowledgement, base::Bytes payload, base::Time time, std::uint64_t number) {
  packet::Packet p;
  p.origin = {time, number, number, 0};
  p.protocol = packet::kTcp;
  const base::Address client = base::Address::v4(0x0a000000u + static_cast<std::uint32_t>(i % 60000));
  const base::Address server = base::Address::v4(0xc0a80000u + static_cast<std::uint32_t>(i * 7 % 251));
  const auto port = static_cast<std::uint16_t>(1024 + i / 60000 * 13);
  p.source = forward ? client : server;
  p.destination = forward ? server : client;
  p.source_port = forward ? port : 443;
  p.destination_port = forward ? 443 : port;
  p.tcp_flags = flags;
  p.sequence = sequence;
  p.acknowledgement = acknowledgement;
  p.window = 1000;
  p.payload = payload;
  p.payload_length = static_cast<std::uint32_t>(payload.size());
  p.ip_length = 40 + p.payload_length;
  return p;
}

/// CPU time of this process, seconds: other programs do not count.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}
double seconds_since(double start) { return cpu_seconds() - start; }

bool failed = false;
void bar(bool holds, const char* what) {
  std::printf("  %-60s %s\n", what, holds ? "holds" : "FAILS");
  if (!holds) failed = true;
}

}  // namespace

int main() {
  static record::Schema* const list[] = {&Conn::schema};
  record::register_schemas(list);
  const std::size_t before = resident_bytes();
  Settings settings;
  Run run(settings);
  const std::string payload(512, 'x');
  const base::Bytes bytes = base::as_bytes(payload);
  base::Time now = base::from_civil(2024, 1, 1);
  std::uint64_t number = 0;
  std::vector<packet::Packet> packets;
  const auto give = [&](const packet::Packet& p) {
    packets.push_back(p);
    if (packets.size() == kBatch) run.batch(packets);
  };
  // A stride through all connections, so that no two packets in a row share memory.
  const auto scattered = [](std::uint64_t i) { return i * 610'639 % kConnections; };

  const auto begin = cpu_seconds();
  for (std::uint64_t k = 0; k < kConnections; ++k) {
    const std::uint64_t i = scattered(k);
    give(segment(i, true, packet::kSyn, 1000, 0, {}, now, ++number));
    give(segment(i, false, packet::kSyn | packet::kAck, 9000, 1001, {}, now, ++number));
    give(segment(i, true, packet::kAck, 1001, 9001, bytes, now, ++number));
    if (k % 4096 == 0) {
      now = now + base::milliseconds(10);
      run.advance(now);
    }
  }
  run.batch(packets);
  const double made = seconds_since(begin);
  const std::size_t resident = resident_bytes() - before;
  std::printf("%zu connections live, %zu bytes an entry\n", run.live(), Table::entry_size());
  std::printf("  tables: %.1f MiB, %.1f bytes a connection with index and links\n",
              static_cast<double>(run.table_bytes()) / 1048576, static_cast<double>(run.table_bytes()) / kConnections);
  std::printf("  process, with 256-byte parsers on half: %.1f MiB\n", static_cast<double>(resident) / 1048576);
  std::printf("  %.0f ns a packet while they are made (3 packets each)\n", made * 1e9 / static_cast<double>(number));
  bar(run.live() == kConnections, "1 M connections live");
  bar(Table::entry_size() <= 320, "an entry is at most 320 bytes");
  bar(resident <= std::size_t{800} << 20, "process memory at most 800 MiB");

  // Data on all of them, with one segment in 128 out of order and one in 512 lost (and acknowledged).
  const auto steady = cpu_seconds();
  const std::uint64_t first = number;
  std::uint64_t lost = 0;
  for (std::uint64_t round = 0; round < 2; ++round) {
    for (std::uint64_t k = 0; k < kConnections; ++k) {
      const std::uint64_t i = scattered(k);
      const auto at = static_cast<std::uint32_t>(round * 1024);
      if (k % 256 == 1) {
        give(segment(i, false, packet::kAck, 9513 + at, 1513, bytes, now, ++number));
        give(segment(i, true, packet::kAck, 1513, 10025 + at, {}, now, ++number));
        ++lost;
      } else if (k % 64 == 0) {
        give(segment(i, false, packet::kAck, 9513 + at, 1513, bytes, now, ++number));
        give(segment(i, false, packet::kAck, 9001 + at, 1513, bytes, now, ++number));
      } else {
        give(segment(i, false, packet::kAck, 9001 + at, 1513, bytes, now, ++number));
        give(segment(i, false, packet::kAck, 9513 + at, 1513, bytes, now, ++number));
      }
      if (k % 4096 == 0) {
        now = now + base::milliseconds(10);
        run.advance(now);
      }
    }
  }
  run.batch(packets);
  std::printf("data on scattered connections, with reordering and loss: %.0f ns a packet\n",
              seconds_since(steady) * 1e9 / static_cast<double>(number - first));
  bar(run.parsers.bytes == (kConnections * 5 - lost) * 512, "every byte that was sent is handed over once");
  bar(run.parsers.gaps == lost * 512 && run.parsers.weirds == 0, "every byte that was lost is told, and no weird");
  bar(run.memory.used(base::MemoryUse::kReassembly) == 0, "no segment is kept");

  // A flood of one-packet connections, more than the tables hold, must not push out the established ones.
  const auto flood = cpu_seconds();
  constexpr std::uint64_t kFlood = 10'000'000;
  for (std::uint64_t k = 0; k < kFlood; ++k) {
    packet::Packet p = segment(k, true, packet::kSyn, 1000, 0, {}, now, ++number);
    p.source = base::Address::v4(0x50000000u + static_cast<std::uint32_t>(k * 2654435761u >> 4));
    p.source_port = static_cast<std::uint16_t>(k);
    give(p);
    if (k % 4096 == 0) {
      now = now + base::milliseconds(1);
      run.advance(now);
    }
  }
  run.batch(packets);
  std::uint64_t evicted = 0, evicted_established = 0;
  for (const auto& table : run.tables) {
    evicted += table->statistics().evicted;
    evicted_established += table->statistics().evicted_established;
  }
  std::printf("flood of %llu one-packet connections: %.0f ns a packet, %llu evicted, process %.1f MiB\n",
              static_cast<unsigned long long>(kFlood), seconds_since(flood) * 1e9 / static_cast<double>(kFlood),
              static_cast<unsigned long long>(evicted), static_cast<double>(resident_bytes()) / 1048576);
  bar(evicted_established == 0, "no established connection is pushed out");

  const auto end = cpu_seconds();
  const std::size_t live = run.live();
  for (const auto& table : run.tables) table->finish(run.count);
  std::printf("%zu connections ended in %.0f ns each (rows not kept)\n", live,
              seconds_since(end) * 1e9 / static_cast<double>(live));
  bar(run.live() == 0, "all ended");
  return failed ? 1 : 0;
}
