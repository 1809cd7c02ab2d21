// A connection in the table. Its size is a budget: 320 bytes with TCP's state for both ends.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "connection/connection.h"

namespace whodunit::connection {

/// Zeek's states of an endpoint.
enum class TcpState : std::uint8_t {
  kInactive,  ///< nothing seen from it
  kSynSent,
  kSynAckSent,  ///< as originator: its SYN was not seen
  kPartial,     ///< data, but no SYN
  kEstablished,
  kClosed,  ///< it sent a FIN
  kReset,   ///< it sent a RST
};

/// One end of a TCP connection. Sequence numbers "relative" count from its SYN, which is 0.
struct TcpEndpoint {
  std::uint32_t start;         ///< sequence number of the SYN, or where it would have been
  std::uint32_t last;          ///< one past the highest sequence number seen
  std::uint32_t acknowledged;  ///< highest acknowledgement of it by the peer
  std::uint16_t last_wraps;    ///< how often `last` went around
  std::uint16_t acknowledged_wraps;
  std::uint64_t next;             ///< relative: the next byte to hand over
  std::uint64_t fin;              ///< relative: one past the FIN
  std::uint32_t window_edge;      ///< one past what it last allowed the peer to send (RFC 9293 3.8.6)
  std::uint32_t last_fin_letter;  ///< low half of a relative number: a letter repeats in `history` only for another
  std::uint16_t last_syn_letter;  ///< likewise, folded: these are few
  std::uint16_t last_rst_letter;
  std::uint32_t retransmits;  ///< segments that do not advance `last`; those in Extra::reordered among them
  std::uint32_t zero_windows;
  std::uint16_t gaps;
  std::uint16_t bad_checksums;
  std::uint16_t fins;
  std::uint16_t resets;
  TcpState state;
  TcpState previous;
  bool closed : 1;           ///< its closing was handled
  bool all_delivered : 1;    ///< it ended, and nothing is to come any more
  bool ended : 1;            ///< the consumer was told of its end
  bool edge_known : 1;       ///< `window_edge` says something
  std::uint8_t scale : 4;    ///< of its window (RFC 7323 2.2)
  std::uint8_t first_flags;  ///< TCP flags of its first packet, and kFirstFlagsKnown
};
constexpr std::uint8_t kFirstFlagsKnown = 0x40;
static_assert(sizeof(TcpEndpoint) == 64 && std::is_trivial_v<TcpEndpoint>);

/// One end where datagrams travel.
struct DatagramEndpoint {
  std::uint64_t bytes;
  std::uint16_t bad_checksums;
  bool active;              ///< it sent something
  packet::Carrier carrier;  ///< of what it sent; kNone for no tunnel
  std::uint8_t spare[52];
};
static_assert(sizeof(DatagramEndpoint) == 64);

union Endpoint {
  TcpEndpoint tcp;
  DatagramEndpoint datagram;
};

/// An out-of-order segment that waits for what comes before it.
struct Segment {
  std::uint64_t from = 0;  ///< relative
  std::uint64_t to = 0;
  std::unique_ptr<std::uint8_t[]> data;
  base::Bytes bytes() const { return {data.get(), static_cast<std::size_t>(to - from)}; }
};

/// What few connections have. Made on demand.
struct Extra {
  std::array<std::vector<Segment>, 2> segments;  ///< sorted, without overlaps
  std::array<std::size_t, 2> segment_bytes{};
  std::vector<record::Uid> tunnels;             ///< innermost tunnels met, in order
  record::Uid last_tunnel;                      ///< of the last packet; none where it came without
  std::string history;                          ///< what does not fit into the entry
  std::uint64_t missed = 0;                     ///< bytes in gaps
  std::uint64_t tie = 0;                        ///< connections before it with the same ends and first time
  std::array<std::uint32_t, 2> reordered{};     ///< segments that came late, with bytes not seen before
  std::array<std::uint64_t, 2> packets_high{};  ///< packets beyond 2^32
  std::optional<std::uint32_t> syn;             ///< number of a SYN that came while both ends were established
  std::uint8_t tunnel_changes = 0;              ///< how often a packet came through another than the last
  bool counted = false;                         ///< by the accountant (not where that refused)
};

enum EntryFlag : std::uint16_t {
  kOneWay = 1,         ///< an ICMP type without a counterpart
  kMidstream = 2,      ///< TCP: its beginning was not seen
  kSawOriginator = 4,  ///< TCP: a valid packet of that end was processed
  kSawResponder = 8,
  kCloseDeferred = 16,  ///< closing waits for data to come
  kClosing = 32,        ///< `deadline` is the end of the close delay
  kFirstIsSyn = 64,     ///< the first packet was the originator's SYN
  kSynAckSeen = 128,
  kWaitsForFirstByte = 256,  ///< first_byte_ns is the time of the originator's first byte
  kFirstByteKnown = 512,     ///< first_byte_ns is the time to the responder's first byte
  kEstablished = 1024,       ///< not to be evicted before others
  kHandshakeKnown = 2048,
};

struct Entry {
  base::Address address[2];
  std::uint16_t port[2];
  std::uint8_t protocol;
  std::uint8_t history_length;  ///< of `history`; the rest is in Extra
  std::uint16_t flags;
  std::uint64_t uid;
  std::uint64_t slot;  ///< the consumer's
  Extra* extra;
  std::int64_t first_ns;
  std::int64_t last_ns;
  std::int64_t deadline_ns;  ///< an attempt's or a closing's; 0 for none
  std::int64_t handshake_ns;
  std::int64_t first_byte_ns;
  std::uint64_t ip_bytes[2];
  std::uint32_t packets[2];
  std::uint32_t capture_first;
  std::uint32_t capture_last;
  std::uint32_t number_first_low;
  std::uint32_t number_last_low;
  std::uint16_t number_first_high;
  std::uint16_t number_last_high;
  std::uint16_t mac_high[2];
  std::uint32_t mac_low[2];
  std::uint16_t vlan;
  std::uint16_t inner_vlan;
  std::uint32_t weirds;   ///< which of the table's weirds were told
  std::uint32_t letters;  ///< which letters `history` has: low half originator, high half responder
  std::uint16_t timer_slot;
  std::uint16_t inactivity;  ///< seconds
  char history[16];
  Endpoint end[2];

  std::uint64_t number_first() const { return number_first_low | static_cast<std::uint64_t>(number_first_high) << 32; }
  std::uint64_t number_last() const { return number_last_low | static_cast<std::uint64_t>(number_last_high) << 32; }
};
static_assert(sizeof(Entry) <= 320, "an entry with TCP's state fits 320 bytes");

}  // namespace whodunit::connection
