// The table of connections: lookup, TCP's state, in-order bytes, timers, limits, `conn` rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/memory.h"
#include "base/time.h"
#include "connection/connection.h"
#include "connection/settings.h"
#include "connection/shard.h"
#include "record/sink.h"

namespace whodunit::connection {

/// What a table has met, for reports and limits told.
struct TableStatistics {
  std::uint64_t packets = 0;
  std::uint64_t connections = 0;          ///< made so far
  std::uint64_t evicted = 0;              ///< closed because a limit was reached
  std::uint64_t evicted_established = 0;  ///< of these, established ones
  std::uint64_t gap_bytes = 0;            ///< never seen, over all directions
  std::size_t live = 0;
  std::size_t bytes = 0;  ///< held by entries and the index
};

/// One shard of the connection table. Single-threaded; shards share nothing but the accountant. Results depend on the
/// packets and on the times given to `advance` alone.
class Table {
 public:
  /// All references outlive the table. `shard` is 0 … kShards-1.
  Table(const Settings& settings, base::MemoryAccountant& memory, Consumer& consumer, record::Sink& sink,
        unsigned shard);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// Takes a packet whose shard this is, in the order of the capture. Finds or makes its connection, moves its state,
  /// and hands in-order bytes and datagrams to the consumer. `conn` rows of connections that it ends (a new connection
  /// under the same endpoints, a limit) go to the sink at the order the caller set there.
  void packet(const packet::Packet& packet) { this->packet(packet, tag_of(packet)); }
  /// The same for a packet whose tag is known already.
  void packet(const packet::Packet& packet, std::uint32_t tag);

  /// The packet's connection as a hash: the same in all tables of a process, not from one process to the next.
  static std::uint32_t tag_of(const packet::Packet& packet);
  /// For packets to come: first `prefetch` (the line of the index), some packets later `prefetch_entry` (the connection
  /// itself), then `packet`.
  void prefetch(std::uint32_t tag) const;
  void prefetch_entry(std::uint32_t tag) const;

  /// Ends the connections whose time is over at `now`. Called at the end of each batch with its last packet's time
  /// (a time a little before an earlier one does nothing; one long before it means that the clock was set back).
  /// `run_number` is that packet's, for the origins handed to the consumer. Timeouts do not depend on how often it is
  /// called: a packet that comes too late for a connection begins another.
  void advance(base::Time now, std::uint64_t run_number);

  /// The capture ended: ends all connections, in the order of their first packets. The table is empty afterwards.
  void finish(std::uint64_t run_number);

  const TableStatistics& statistics() const;
  /// Size of an entry with its TCP state, bytes.
  static std::size_t entry_size();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace whodunit::connection
