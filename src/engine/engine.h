// The run: packets in, records out. The only owner of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/time.h"
#include "capture/capture.h"
#include "connection/table.h"
#include "engine/consumer.h"
#include "packet/decoder.h"
#include "protocol/plan.h"

namespace whodunit::engine {

struct Settings {
  unsigned threads = 1;                       ///< workers; results do not depend on it
  std::size_t batch_packets = 2048;           ///< packets between two rounds of timers
  std::size_t memory_limit = 4096ull << 20;   ///< bytes, over everything that the accountant counts
  std::size_t memory_reserve = 512ull << 20;  ///< bytes kept for established connections
  connection::Settings connection;
  packet::Settings packet;
  protocol::Plan plan;
  std::vector<bool> wanted;         ///< by schema id; empty: all records
  std::uint32_t first_capture = 0;  ///< the ordinal that the source's first capture has in the case
};

/// What a run saw and did not see.
struct Summary {
  std::uint64_t packets = 0;  ///< read from the captures
  std::uint64_t decoded = 0;  ///< gave at least one IP datagram
  std::uint64_t not_ip = 0;   ///< ARP, STP, …: read, and nothing of ours
  std::uint64_t unread = 0;   ///< unknown link type, cut off, malformed headers
  base::Time first, last;
  std::size_t memory_peak = 0;  ///< counted bytes
  std::uint64_t memory_refused = 0;
  std::uint64_t evicted = 0;    ///< connections ended early because a table was full
  std::uint64_t gap_bytes = 0;  ///< of TCP streams, acknowledged or followed by others and never captured
  bool stopped = false;         ///< a consumer could take no more
  std::uint64_t lines = 0;      ///< of logs that came in, and of them those that could not be read
  std::uint64_t lines_unread = 0;
};

struct Progress {
  std::uint64_t packets = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_total = 0;  ///< 0 where unknown
  std::uint64_t lines = 0;        ///< of logs
};

/// Reads the source to its end (or until `keep_going` says no), and hands all records to the consumers.
Summary run(capture::Source& source, const Settings& settings, std::span<Consumer* const> consumers,
            const std::function<bool(const Progress&)>& keep_going);

}  // namespace whodunit::engine
