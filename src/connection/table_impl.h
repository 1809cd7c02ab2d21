// The table's inside: table.cc finds, times and ends connections, tcp.cc moves TCP's state, reassembly.cc orders bytes.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "connection/entry.h"
#include "connection/table.h"
#include "connection/weirds.h"

namespace whodunit::connection {

using Handle = std::uint32_t;
constexpr Handle kNone = 0xffffffff;

/// Letters of `history` that are written once per end (Zeek), or that repeat under a condition.
enum HistoryLetter : std::uint32_t {
  kLetterSyn = 1,
  kLetterFin = 2,
  kLetterRst = 4,
  kLetterFinRst = 8,
  kLetterData = 16,
  kLetterAck = 32,
  kLetterMultiFlag = 64,
};

class Table::Impl {
 public:
  Impl(const Settings& settings, base::MemoryAccountant& memory, Consumer& consumer, record::Sink& sink,
       unsigned shard);
  ~Impl();

  void packet(const packet::Packet& packet, std::uint32_t tag);
  static std::uint32_t tag_of(const packet::Packet& packet) { return tag_of(key_of(packet)); }
  void prefetch(std::uint32_t tag) const;
  void prefetch_entry(std::uint32_t tag) const;
  void advance(base::Time now, std::uint64_t run_number);
  void finish(std::uint64_t run_number);

  TableStatistics statistics;

 private:
  // --- the index and the slabs (table.cc)
  static constexpr std::size_t kChunk = 128;  // entries
  struct Links {
    Handle timer_next, timer_previous;  // within a slot of the wheel; timer_next also chains free entries
    Handle young_next, young_previous;  // unestablished connections, oldest first
  };
  struct Chunk {
    Entry entries[kChunk];
    Links links[kChunk];
  };
  struct Slot {
    std::uint32_t tag;
    Handle handle;
  };
  struct Key {
    base::Address address[2];  // source, destination
    std::uint16_t port[2];
    std::uint8_t protocol;
    bool one_way;
  };
  static Key key_of(const packet::Packet& packet);
  static std::uint32_t tag_of(const Key& key);
  Entry& entry(Handle handle) { return chunks_[handle / kChunk]->entries[handle % kChunk]; }
  const Entry& entry(Handle handle) const { return chunks_[handle / kChunk]->entries[handle % kChunk]; }
  Links& links(Handle handle) { return chunks_[handle / kChunk]->links[handle % kChunk]; }
  static bool matches(const Entry& e, const Key& key);
  Handle find(const Key& key, std::uint32_t tag) const;
  void index_insert(std::uint32_t tag, Handle handle);
  void index_erase(Handle handle);
  bool grow_index();
  Handle allocate();
  void release(Handle handle);
  bool evict_one();
  Handle create(const packet::Packet& packet, const Key& key, std::uint32_t tag, std::uint64_t tie);

  // --- timers: a wheel of one-second slots; an entry is in the slot of its deadline as it was known when it was put
  // there
  static constexpr std::size_t kWheel = 512;
  static constexpr std::int64_t kTick = 1'000'000'000;
  base::Time deadline(const Entry& e) const;
  void timer_insert(Handle handle);
  void timer_remove(Handle handle);
  void young_insert(Handle handle);
  void young_remove(Handle handle);
  void promote(Handle handle);
  void set_clock(base::Time time);
  bool is_over(Entry& e, base::Time now) const;

  // --- ends
  void close(Handle handle, End why);
  void emit(const Entry& e, std::string_view service);
  View view_of(const Entry& e) const;
  packet::Origin last_origin(const Entry& e) const;
  void weird(Entry& e, TableWeird which, const packet::Origin& at);
  void weird(Entry& e, TableWeird which, std::string_view name, const packet::Origin& at, std::string_view detail = {});
  Extra& extra(Entry& e);
  void delete_extra(Entry& e);

  // --- history
  void add_history(Entry& e, char letter);
  bool check_history(Entry& e, Direction d, std::uint32_t mask, char letter);  // true: it was there already
  void scaled_history(Entry& e, Direction d, std::uint64_t count, char letter);

  // --- packets by transport
  void datagram(Entry& e, Direction d, const packet::Packet& packet);
  void tcp(Entry& e, Direction d, const packet::Packet& packet);
  bool bad_checksum(Entry& e, Direction d, const packet::Packet& packet);
  void first_byte(Entry& e, Direction d, std::size_t bytes, base::Time time);
  void flip(Entry& e);

  // --- TCP (tcp.cc)
  bool is_reuse(Entry& e, const packet::Packet& packet);
  void set_state(Entry& e, Direction d, TcpState state);
  void begin_endpoint(Entry& e, Direction d, const packet::Packet& packet, std::uint32_t last);
  void begin_peer(Entry& e, Direction d, const packet::Packet& packet);
  void tunnel_change(Entry& e, const packet::Packet& packet);
  void window(Entry& e, Direction d, const packet::Packet& packet);
  void window_scale(Entry& e, Direction d, const packet::Packet& packet);
  void tcp_history(Entry& e, Direction d, std::uint8_t flags, std::uint64_t relative, std::uint32_t length);
  std::int32_t update_last(Entry& e, Direction d, std::uint32_t last, std::uint8_t flags, std::uint32_t length,
                           bool reordered);
  bool fills_hole(const Entry& e, Direction d, std::uint64_t from, std::uint32_t length) const;
  bool inactive_state(Entry& e, Direction& d, const packet::Packet& packet);
  bool syn_sent_state(Entry& e, Direction d, const packet::Packet& packet);
  bool established_state(Entry& e, Direction d, const packet::Packet& packet);
  bool closed_state(Entry& e, Direction d, const packet::Packet& packet, std::int32_t delta_last);
  void reset_state(Entry& e, const packet::Packet& packet);
  void closed(Entry& e, Direction d);
  bool data_pending(const Entry& e, Direction d) const;
  void check_end(Entry& e, Direction d, const packet::Origin& at);
  void established(Entry& e);
  void turn_around(Entry& e, Direction& d, const packet::Packet& packet);
  void handshake(Entry& e, Direction d, const packet::Packet& packet);

  // --- bytes in order (reassembly.cc)
  void data(Entry& e, Direction d, std::uint64_t from, base::Bytes bytes, const packet::Origin& at);
  void acknowledged(Entry& e, Direction d, std::uint64_t relative, std::uint64_t before, const packet::Origin& at);
  void skip_to(Entry& e, Direction d, std::uint64_t to, bool counts, const packet::Origin& at);
  void deliver(Entry& e, Direction d, base::Bytes bytes, const packet::Origin& at);
  void deliver_stored(Entry& e, Direction d, const packet::Origin& at);
  void gap(Entry& e, Direction d, std::uint64_t bytes, bool counts, const packet::Origin& at);
  void store(Entry& e, Direction d, std::uint64_t from, base::Bytes bytes, const packet::Origin& at);
  void compare_with_sent(Entry& e, Direction d, std::uint64_t from, base::Bytes bytes, bool is_new,
                         const packet::Origin& at);
  void compare(Entry& e, base::Bytes a, base::Bytes b, const packet::Origin& at);
  void drop_segments(Entry& e, Direction d);
  void end_stream(Entry& e, Direction d, End why, const packet::Origin& at);
  bool has_stored(const Entry& e, Direction d) const {
    return e.extra != nullptr && !e.extra->segments[index(d)].empty();
  }

  const Settings settings_;
  base::MemoryAccountant& memory_;
  Consumer& consumer_;
  record::Sink& sink_;
  unsigned shard_;

  std::vector<std::unique_ptr<Chunk>> chunks_;
  Handle free_ = kNone;
  std::vector<Slot> index_;
  std::size_t index_mask_ = 0;

  // Segments handed over of late, by connection, direction and place: whether one comes again with other bytes.
  struct Sent {
    std::uint64_t key;
    std::uint64_t digest;
  };
  static constexpr std::size_t kSent = 512;
  std::vector<Sent> sent_;

  std::array<Handle, kWheel> wheel_;
  std::int64_t wheel_tick_ = 0;  // the last tick whose slot was emptied
  bool wheel_started_ = false;
  base::Time now_{INT64_MIN};  // the latest time met, also by `advance`
  std::uint64_t run_number_ = 0;
  Handle young_first_ = kNone, young_last_ = kNone;
  std::size_t young_ = 0;
  std::size_t sweep_ = 0;  // where the search for an idle established connection goes on
};

}  // namespace whodunit::connection
