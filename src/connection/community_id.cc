#include "connection/community_id.h"

#include <cstring>

#include "base/hash.h"
#include "connection/icmp.h"
#include "packet/packet.h"

namespace whodunit::connection {

std::string community_id(std::uint8_t protocol, const base::Address& source, const base::Address& destination,
                         std::uint16_t source_port, std::uint16_t destination_port) {
  const bool icmp = protocol == packet::kIcmp || protocol == packet::kIcmp6;
  const bool ports = icmp || protocol == packet::kTcp || protocol == packet::kUdp || protocol == packet::kSctp;
  bool one_way = false;
  if (icmp) {
    const int counterpart = icmp_counterpart(protocol, static_cast<std::uint8_t>(source_port));
    if (counterpart >= 0)
      destination_port = static_cast<std::uint16_t>(counterpart);
    else
      one_way = true;
  }
  const base::Address* a = &source;
  const base::Address* b = &destination;
  if (!one_way) {
    // Of one family, so that the 16-byte forms compare as the wire's do.
    const int order = std::memcmp(source.bytes().data(), destination.bytes().data(), 16);
    if (order > 0 || (order == 0 && ports && source_port > destination_port)) {
      std::swap(a, b);
      std::swap(source_port, destination_port);
    }
  }
  std::uint8_t data[2 + 16 + 16 + 2 + 4];
  std::size_t n = 0;
  const auto put16 = [&](std::uint16_t v) {
    data[n++] = static_cast<std::uint8_t>(v >> 8);
    data[n++] = static_cast<std::uint8_t>(v);
  };
  put16(0);  // the seed
  for (const base::Address* x : {a, b}) {
    const base::Bytes wire = x->wire();
    std::memcpy(data + n, wire.data(), wire.size());
    n += wire.size();
  }
  data[n++] = protocol;
  data[n++] = 0;
  if (ports) {
    put16(source_port);
    put16(destination_port);
  }
  return "1:" + base::to_base64(base::sha1({data, n}));
}

}  // namespace whodunit::connection
