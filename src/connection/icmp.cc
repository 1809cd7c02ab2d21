#include "connection/icmp.h"

#include <span>

#include "packet/packet.h"

namespace whodunit::connection {
namespace {

struct Pair {
  std::uint8_t request, reply;
};

constexpr Pair kIcmpPairs[] = {
    {8, 0},    // echo (RFC 792)
    {13, 14},  // timestamp (RFC 792)
    {15, 16},  // information (RFC 792)
    {10, 9},   // router solicitation and advertisement (RFC 1256)
    {17, 18},  // address mask (RFC 950)
};

constexpr Pair kIcmp6Pairs[] = {
    {128, 129},  // echo (RFC 4443)
    {133, 134},  // router solicitation and advertisement (RFC 4861)
    {135, 136},  // neighbour solicitation and advertisement (RFC 4861)
    {130, 131},  // multicast listener query and report (RFC 2710)
    {139, 140},  // node information query and response (RFC 4620)
    {144, 145},  // home agent address discovery (RFC 6275)
};

}  // namespace

int icmp_counterpart(std::uint8_t protocol, std::uint8_t type) {
  for (const Pair& pair :
       protocol == packet::kIcmp ? std::span<const Pair>(kIcmpPairs) : std::span<const Pair>(kIcmp6Pairs)) {
    if (type == pair.request) return pair.reply;
    if (type == pair.reply) return pair.request;
  }
  return -1;
}

}  // namespace whodunit::connection
