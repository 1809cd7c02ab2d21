// Which of the 64 shards a packet belongs to.
#pragma once

#include <cstdint>

#include "packet/packet.h"

namespace whodunit::connection {

constexpr unsigned kShards = 64;

/// By the address pair alone, the same for both directions: fragments, both directions and a protocol's side
/// connections between the same hosts stay together. The same in any run. (DHCP alone has a shard of its own, below.)
inline unsigned shard_of(const base::Address& a, const base::Address& b) {
  // Sums and products commute; each address is mixed on its own first so that neighbours spread.
  const auto mix = [](const base::Address& x) {
    std::uint64_t h = (x.high() + 0x9E3779B97F4A7C15ull) * 0xff51afd7ed558ccdull;
    h ^= h >> 32;
    h = (h ^ x.low()) * 0xc4ceb9fe1a85ec53ull;
    return h ^ (h >> 29);
  };
  const std::uint64_t x = mix(a), y = mix(b);
  return static_cast<unsigned>(((x + y) * 0x9FB21C651E98DF25ull ^ (x ^ y)) * 0xD6E8FEB86659FD93ull >> 58);
}

/// UDP between DHCP's ports (RFC 2131 4.1): one exchange goes over several address pairs, as a client without an
/// address is answered by broadcast.
inline bool is_dhcp(std::uint8_t protocol, std::uint16_t port, std::uint16_t other_port) {
  return protocol == packet::kUdp && (port == 67 || port == 68) && (other_port == 67 || other_port == 68);
}
inline unsigned shard_of(const packet::Packet& p) {
  return is_dhcp(p.protocol, p.source_port, p.destination_port) ? 0 : shard_of(p.source, p.destination);
}

}  // namespace whodunit::connection
