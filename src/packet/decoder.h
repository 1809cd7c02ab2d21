// From a raw packet to the IP datagrams in it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/memory.h"
#include "base/time.h"
#include "capture/capture.h"
#include "packet/events.h"
#include "packet/packet.h"

namespace whodunit::packet {

struct Settings {
  /// Tunnels within tunnels that are followed; deeper ones are told as a weird and stay as they are.
  unsigned tunnel_depth = 4;
  /// Verify the checksums of IPv4, TCP, UDP, ICMP where all bytes are there. Bad ones are flagged, and the packet
  /// is given all the same: hosts that let their network card compute them capture bad ones of their own.
  bool verify_checksums = true;
  /// How long a datagram's fragments are waited for (RFC 8200 4.5: 60 s), and how much they may hold at once.
  base::Duration fragment_timeout = base::seconds(60);
  std::size_t fragment_bytes = 32u << 20;
  std::size_t fragmented_datagrams = 16384;
  /// Idle time after which a tunnel is over: over UDP like the UDP connection that it is, others as Zeek does.
  base::Duration udp_tunnel_timeout = base::seconds(60);
  base::Duration ip_tunnel_timeout = base::seconds(86400);
  std::size_t tunnels = 65536;
};

/// What became of a raw packet.
enum class Outcome : std::uint8_t {
  kDatagram,         ///< at least one datagram was given
  kFragment,         ///< a fragment, kept until its datagram is complete (or given up)
  kNotIp,            ///< understood, and not IP: ARP, spanning tree, 802.11 management, an encrypted frame, …
  kUnknownLinkType,  ///< count it as unread
  kTruncated,        ///< the capture kept too little to tell
  kMalformed,        ///< against the standards in a way that leaves nothing to give; told as a weird
};

/// Decodes packets in their order. One decoder sees all packets of a run (it knows fragments and tunnels). On plain
/// packets (Ethernet, IP, TCP or UDP) it allocates nothing.
class Decoder {
 public:
  Decoder(const Settings& settings, base::MemoryAccountant& memory);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  /// Frees the datagrams that were put together of fragments since the last call: their bytes live until then. Call it
  /// before each batch of packets, once the last batch's datagrams are no longer looked at.
  void begin_batch();

  /// Decodes one raw packet. Appends to `out` the IP datagrams in it: the outer first where a tunnel over UDP carries
  /// another, the innermost last. Tunnels that are no connection of their own (GRE, IP in IP) give the inner one only.
  /// `run_number` counts from 0 over the run.
  Outcome decode(const capture::RawPacket& raw, std::uint64_t run_number, std::vector<Packet>& out, Events& events);

  /// The run is over: ends what is still open (tunnels over UDP). `last` is the run's last packet.
  void finish(const Origin& last, Events& events);

  struct Counts {
    std::uint64_t fragments = 0;            ///< seen
    std::uint64_t reassembled = 0;          ///< datagrams put together
    std::uint64_t fragments_timed_out = 0;  ///< datagrams given up: fragments missing
    std::uint64_t fragments_refused = 0;    ///< datagrams given up at a limit, and fragments that found no room
    std::uint64_t bad_checksums = 0;
    std::uint64_t encrypted_frames = 0;  ///< 802.11 data that cannot be looked into
    std::uint64_t weirds = 0;            ///< anomalies, told or not (each is told once per addresses in ten minutes)
    std::uint64_t truncated = 0;         ///< datagrams of which the capture kept only a part
  };
  const Counts& counts() const;

 private:
  friend class Layers;
  struct State;

  Settings settings_;
  mutable Counts counts_;
  std::unique_ptr<State> state_;
};

}  // namespace whodunit::packet
