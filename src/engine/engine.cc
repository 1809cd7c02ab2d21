#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "base/memory.h"
#include "connection/conn_record.h"
#include "connection/shard.h"
#include "engine/dispatcher.h"
#include "packet/arp_record.h"
#include "protocol/ticks.h"

namespace whodunit::engine {
namespace {

using connection::kShards;
using record::Batch;
using record::Sink;

// Order within one packet: what the decoder saw, then what the connections of its datagrams gave (a tunnel's, then
// those within it). Timers' and the end's rows come after all packets of their batch, by shard.
constexpr std::uint64_t kConnectionRows = 1ull << 32;  // and for each further datagram of the packet once more
constexpr std::uint64_t kTimerRows = 1ull << 60;
constexpr std::uint64_t kFinishRows = 2ull << 60;
constexpr std::uint64_t minor_of(std::uint64_t phase, unsigned shard) { return phase | std::uint64_t{shard} << 40; }

// Rows gathered before the consumers get them: enough to fill columns, little enough to stay in the cache.
constexpr std::size_t kRoundRows = 8192;

std::string mac(std::uint64_t m) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(17);
  for (int shift = 40; shift >= 0; shift -= 8) {
    if (!out.empty()) out += ':';
    out += kDigits[m >> (shift + 4) & 15];
    out += kDigits[m >> shift & 15];
  }
  return out;
}

/// The decoder's events as rows.
class EventRows : public packet::Events {
 public:
  explicit EventRows(Sink& sink) : sink_(sink) {}
  void begin_batch() { arp_seen_.clear(); }

  void weird(std::string_view name, std::string_view detail, std::string_view source, const packet::Origin& origin,
             const record::Endpoints* ends) override {
    connection::Weird row;
    row.head.ts = origin.time;
    row.head.place = {origin.number, origin.number, origin.capture, origin.capture};
    if (ends != nullptr) row.head.id = *ends;
    row.name = name;
    row.addl = detail;
    row.source = source;
    sink_.emit(row);
  }
  void tunnel(const packet::TunnelEvent& event) override {
    connection::Tunnel row;
    row.head.ts = event.time;
    row.head.uid = event.uid;
    row.head.id = event.id;
    row.head.place = {event.origin.number, event.origin.number, event.origin.capture, event.origin.capture};
    row.tunnel_type = event.type;
    row.action = event.action;
    sink_.emit(row);
  }
  void arp(const packet::Arp& m, const packet::Origin& origin) override {
    // Once a second is enough, of those who ask or tell all the time.
    const auto [last, fresh] = arp_seen_.try_emplace({m.operation, m.sender, m.target, m.sender_mac}, origin.time);
    if (!fresh && origin.time - last->second < base::seconds(1) && last->second <= origin.time) return;
    last->second = origin.time;
    packet::ArpRecord row;
    row.head.ts = origin.time;
    row.head.id = {m.sender, m.target, {}, {}};
    row.head.place = {origin.number, origin.number, origin.capture, origin.capture};
    const std::string sender = mac(m.sender_mac), target = mac(m.target_mac), frame = mac(m.frame_source_mac);
    row.operation = m.operation == 1 ? "request" : m.operation == 2 ? "reply" : "other";
    row.orig_mac = sender;
    row.orig_h = m.sender;
    row.resp_mac = target;
    row.resp_h = m.target;
    if (m.frame_source_mac != m.sender_mac) row.frame_mac = frame;
    sink_.emit(row);
  }

 private:
  Sink& sink_;
  std::map<std::tuple<std::uint16_t, base::Address, base::Address, std::uint64_t>, base::Time> arp_seen_;
};

/// One worker: its shards' tables, its parsers, its rows.
struct Worker {
  Worker(const Settings& settings, base::MemoryAccountant& memory, unsigned index, unsigned workers)
      : sink(settings.wanted), dispatcher(settings.plan, sink, memory) {
    tables.resize(kShards);
    for (unsigned shard = index; shard < kShards; shard += workers)
      tables[shard] = std::make_unique<connection::Table>(settings.connection, memory, dispatcher, sink, shard);
  }

  /// All packets of the batch whose shard is this worker's, then the timers.
  void work(const std::vector<packet::Packet>& packets, const std::vector<std::uint8_t>& shards, base::Time now,
            std::uint64_t run_number) {
    const std::size_t n = packets.size();
    // Where a packet's connection lies is asked for some packets ahead: first the index's line, then the entry.
    constexpr std::size_t kIndexAhead = 8, kEntryAhead = 4;
    std::array<std::uint32_t, kIndexAhead> tags{};  // of the packets i … i + kIndexAhead - 1, each at its place modulo
    const auto look_ahead = [&](std::size_t i) {
      if (i >= n) return;
      if (const auto& table = tables[shards[i]]) {
        tags[i % kIndexAhead] = connection::Table::tag_of(packets[i]);
        table->prefetch(tags[i % kIndexAhead]);
      }
    };
    for (std::size_t i = 0; i < kIndexAhead; ++i) look_ahead(i);
    std::uint64_t minor = kConnectionRows;
    for (std::size_t i = 0; i < n; ++i) {
      const bool further = i != 0 && packets[i].origin.run_number == packets[i - 1].origin.run_number;
      minor = further ? minor + kConnectionRows : kConnectionRows;
      const std::uint32_t tag = tags[i % kIndexAhead];
      look_ahead(i + kIndexAhead);
      if (const std::size_t next = i + kEntryAhead; next < n)
        if (const auto& table = tables[shards[next]]) table->prefetch_entry(tags[next % kIndexAhead]);
      const auto& table = tables[shards[i]];
      if (!table) continue;
      sink.at(packets[i].origin.run_number, minor);
      table->packet(packets[i], tag);
    }
    for (unsigned shard = 0; shard < kShards; ++shard) {
      if (!tables[shard]) continue;
      sink.at(run_number, minor_of(kTimerRows, shard));
      tables[shard]->advance(now, run_number);
    }
  }

  Sink sink;
  Dispatcher dispatcher;
  std::vector<std::unique_ptr<connection::Table>> tables;  // by shard; null: another worker's
};

/// Rows on their way to the consumers: per sink, per record type.
using Round = std::vector<std::vector<std::unique_ptr<Batch>>>;

/// Merges a round's rows by their order and hands them over, one batch per type.
class Handover {
 public:
  explicit Handover(std::span<Consumer* const> consumers) : consumers_(consumers) {}

  bool give(Round& round, std::uint64_t packets_done) {
    bool ok = true;
    std::size_t types = 0;
    for (const auto& sink : round) types = std::max(types, sink.size());
    for (std::size_t id = 0; id < types && ok; ++id) {
      std::vector<Batch*> parts;
      for (const auto& sink : round)
        if (id < sink.size() && sink[id] && !sink[id]->empty()) parts.push_back(sink[id].get());
      if (parts.empty()) continue;
      if (parts.size() == 1) {
        ok = take(*parts[0]);
        continue;
      }
      Batch merged(parts[0]->schema());
      std::vector<std::size_t> at(parts.size(), 0);
      for (;;) {
        int next = -1;
        for (std::size_t k = 0; k < parts.size(); ++k) {
          if (at[k] == parts[k]->rows()) continue;
          if (next < 0 ||
              parts[k]->order(at[k]) < parts[static_cast<std::size_t>(next)]->order(at[static_cast<std::size_t>(next)]))
            next = static_cast<int>(k);
        }
        if (next < 0) break;
        const auto k = static_cast<std::size_t>(next);
        merged.append_row(*parts[k], at[k]++);
      }
      ok = take(merged);
    }
    for (Consumer* consumer : consumers_) ok = consumer->round(packets_done) && ok;
    return ok;
  }

 private:
  bool take(const Batch& batch) {
    bool ok = true;
    for (Consumer* consumer : consumers_) ok = consumer->take(batch) && ok;
    return ok;
  }
  std::span<Consumer* const> consumers_;
};

/// The consumers on a thread of their own, so that the store's work runs beside the parsers'.
class Writer {
 public:
  explicit Writer(Handover& handover) : handover_(handover), thread_([this] { run(); }) {}
  ~Writer() { stop(); }
  /// Waits where two rounds are under way already.
  bool give(Round round, std::uint64_t packets_done) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return queue_.size() < 2; });
    queue_.emplace_back(std::move(round), packets_done);
    changed_.notify_all();
    return ok_;
  }
  bool stop() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    return ok_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return done_ || !queue_.empty(); });
      if (queue_.empty()) return;
      auto [round, packets_done] = std::move(queue_.front());
      lock.unlock();
      const bool ok = handover_.give(round, packets_done);
      lock.lock();
      queue_.pop_front();
      ok_ = ok_ && ok;
      changed_.notify_all();
    }
  }
  Handover& handover_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<Round, std::uint64_t>> queue_;
  bool done_ = false;
  bool ok_ = true;
  std::thread thread_;
};

/// The workers, one of them the calling thread.
class Team {
 public:
  Team(const Settings& settings, base::MemoryAccountant& memory, unsigned n) : gate_(static_cast<std::ptrdiff_t>(n)) {
    for (unsigned i = 0; i < n; ++i) workers_.push_back(std::make_unique<Worker>(settings, memory, i, n));
    for (unsigned i = 1; i < n; ++i) threads_.emplace_back([this, i] { follow(i); });
  }
  ~Team() {
    if (threads_.empty()) return;
    packets_ = nullptr;
    gate_.arrive_and_wait();
    for (std::thread& t : threads_) t.join();
  }
  void work(const std::vector<packet::Packet>& packets, const std::vector<std::uint8_t>& shards, base::Time now,
            std::uint64_t run_number) {
    if (threads_.empty()) {
      workers_[0]->work(packets, shards, now, run_number);
      return;
    }
    packets_ = &packets;
    shards_ = &shards;
    now_ = now;
    run_number_ = run_number;
    gate_.arrive_and_wait();
    workers_[0]->work(packets, shards, now, run_number);
    gate_.arrive_and_wait();
  }
  std::vector<std::unique_ptr<Worker>>& workers() { return workers_; }

 private:
  void follow(unsigned i) {
    for (;;) {
      gate_.arrive_and_wait();
      if (packets_ == nullptr) return;
      workers_[i]->work(*packets_, *shards_, now_, run_number_);
      gate_.arrive_and_wait();
    }
  }
  std::vector<std::unique_ptr<Worker>> workers_;
  std::barrier<> gate_;
  const std::vector<packet::Packet>* packets_ = nullptr;
  const std::vector<std::uint8_t>* shards_ = nullptr;
  base::Time now_;
  std::uint64_t run_number_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace

Summary run(capture::Source& source, const Settings& settings, std::span<Consumer* const> consumers,
            const std::function<bool(const Progress&)>& keep_going) {
  base::MemoryAccountant memory(settings.memory_limit, settings.memory_reserve);
  const unsigned n = std::clamp(settings.threads, 1u, kShards);
  Sink events_sink(settings.wanted);
  EventRows events(events_sink);
  packet::Decoder decoder(settings.packet, memory);
  Handover handover(consumers);
  std::unique_ptr<Writer> writer;
  if (n > 1) writer = std::make_unique<Writer>(handover);
  protocol::Ticks ticks;
  Settings with_clock = settings;
  with_clock.plan.ticks = &ticks;
  Team team(with_clock, memory, n);

  Summary summary;
  std::vector<capture::RawPacket> raw;
  std::vector<packet::Packet> packets;
  std::vector<std::uint8_t> shards;
  std::uint64_t run_number = 0;
  packet::Origin last;
  bool first = true;

  const auto rows_held = [&] {
    std::size_t rows = 0;
    for (const auto& batch : events_sink.batches()) rows += batch ? batch->rows() : 0;
    for (const auto& worker : team.workers())
      for (const auto& batch : worker->sink.batches()) rows += batch ? batch->rows() : 0;
    return rows;
  };
  // Gives the rows held to the consumers; false where one of them can take no more.
  const auto hand_over = [&](bool all) {
    if (!all && rows_held() < kRoundRows) return true;
    Round round;
    round.push_back(std::move(events_sink.batches()));
    events_sink.batches().clear();
    for (const auto& worker : team.workers()) {
      round.push_back(std::move(worker->sink.batches()));
      worker->sink.batches().clear();
    }
    if (writer) return writer->give(std::move(round), summary.packets);
    const bool ok = handover.give(round, summary.packets);
    // The memory is used again.
    events_sink.batches() = std::move(round[0]);
    for (std::size_t i = 0; i < team.workers().size(); ++i) team.workers()[i]->sink.batches() = std::move(round[i + 1]);
    for (const auto& batch : events_sink.batches())
      if (batch) batch->clear();
    for (const auto& worker : team.workers())
      for (const auto& batch : worker->sink.batches())
        if (batch) batch->clear();
    return ok;
  };

  for (;;) {
    source.read(raw, settings.batch_packets);
    if (raw.empty()) break;
    decoder.begin_batch();
    events.begin_batch();
    ticks.begin_batch();
    packets.clear();
    for (capture::RawPacket& r : raw) {
      const std::uint32_t capture = r.capture;  // in the source; from here on, in the case
      r.capture += settings.first_capture;
      events_sink.at(run_number);
      switch (decoder.decode(r, run_number, packets, events)) {
        case packet::Outcome::kDatagram:
        case packet::Outcome::kFragment:
          ++summary.decoded;
          break;
        case packet::Outcome::kNotIp:
          ++summary.not_ip;
          break;
        case packet::Outcome::kUnknownLinkType:
          ++summary.unread;
          if (capture < source.captures().size()) {
            capture::CaptureInfo& info = source.captures()[capture];
            ++info.unread;
            if (info.reason.empty()) info.reason = fmt::format("unknown link type {}", r.link_type);
          }
          break;
        case packet::Outcome::kTruncated:
        case packet::Outcome::kMalformed:
          ++summary.unread;
          if (capture < source.captures().size()) {
            capture::CaptureInfo& info = source.captures()[capture];
            ++info.unread;
            if (info.reason.empty()) info.reason = "packets with headers that are cut off or malformed";
          }
          break;
      }
      ticks.packet(r.time, run_number);
      if (first || r.time < summary.first) summary.first = r.time;
      if (first || summary.last < r.time) summary.last = r.time;
      first = false;
      last = {r.time, r.number, run_number, r.capture};
      ++run_number;
    }
    summary.packets += raw.size();
    shards.resize(packets.size());
    for (std::size_t i = 0; i < packets.size(); ++i)
      shards[i] = static_cast<std::uint8_t>(connection::shard_of(packets[i]));
    team.work(packets, shards, last.time, last.run_number);
    if (!hand_over(false)) {
      summary.stopped = true;
      break;
    }
    if (keep_going && !keep_going({summary.packets, source.bytes_read(), source.bytes_total()})) break;
  }

  events_sink.at(last.run_number, kTimerRows);
  decoder.finish(last, events);
  for (unsigned shard = 0; shard < kShards && !summary.stopped; ++shard) {
    Worker& worker = *team.workers()[shard % n];
    worker.sink.at(last.run_number, minor_of(kFinishRows, shard));
    worker.tables[shard]->finish(last.run_number);
    if (!hand_over(false)) summary.stopped = true;
  }
  if (!summary.stopped && !hand_over(true)) summary.stopped = true;
  if (writer && !writer->stop()) summary.stopped = true;
  for (const capture::CaptureInfo& info : source.captures())
    if (info.cut_off) summary.unread += info.unread == 0 ? 1 : 0;
  summary.memory_peak = memory.peak();
  summary.memory_refused = memory.refused();
  for (unsigned shard = 0; shard < kShards; ++shard) {
    const connection::TableStatistics& statistics = team.workers()[shard % n]->tables[shard]->statistics();
    summary.evicted += statistics.evicted;
    summary.gap_bytes += statistics.gap_bytes;
  }
  return summary;
}

}  // namespace whodunit::engine
