#include "connection/local.h"

#include <algorithm>

namespace whodunit::connection {
namespace {

struct Block4 {
  std::uint32_t first;
  unsigned bits;
};
// IANA IPv4 Special-Purpose Address Registry, the multicast blocks that stay within a site (RFC 5771), and class E.
constexpr Block4 kBlocks4[] = {
    {0x00000000, 8},   // "this network" (RFC 791)
    {0x0a000000, 8},   // private use (RFC 1918)
    {0x64400000, 10},  // shared address space (RFC 6598)
    {0x7f000000, 8},   // loopback (RFC 1122)
    {0xa9fe0000, 16},  // link local (RFC 3927)
    {0xac100000, 12},  // private use (RFC 1918)
    {0xc0000000, 24},  // IETF protocol assignments (RFC 6890)
    {0xc0000200, 24},  // documentation (RFC 5737)
    {0xc0a80000, 16},  // private use (RFC 1918)
    {0xc6120000, 15},  // benchmarking (RFC 2544)
    {0xc6336400, 24},  // documentation (RFC 5737)
    {0xcb007100, 24},  // documentation (RFC 5737)
    {0xe0000000, 24},  // local network control, multicast (RFC 5771)
    {0xef000000, 8},   // administratively scoped multicast (RFC 2365)
    {0xf0000000, 4},   // reserved (RFC 1112), limited broadcast (RFC 919)
};

struct Block6 {
  std::uint64_t high, low;
  unsigned bits;
};
// IANA IPv6 Special-Purpose Address Registry, and site-local addresses (RFC 3879).
constexpr Block6 kBlocks6[] = {
    {0, 0, 128},                  // unspecified (RFC 4291)
    {0, 1, 128},                  // loopback (RFC 4291)
    {0x0064ff9b00010000, 0, 48},  // IPv4-IPv6 translation (RFC 8215)
    {0x0100000000000000, 0, 64},  // discard only (RFC 6666)
    {0x2001000000000000, 0, 23},  // IETF protocol assignments (RFC 2928)
    {0x20010db800000000, 0, 32},  // documentation (RFC 3849)
    {0xfc00000000000000, 0, 7},   // unique local (RFC 4193)
    {0xfe80000000000000, 0, 10},  // link local (RFC 4291)
    {0xfec0000000000000, 0, 10},  // site local (RFC 3879)
};

bool special4(std::uint32_t value) {
  return std::any_of(std::begin(kBlocks4), std::end(kBlocks4),
                     [&](const Block4& b) { return (value ^ b.first) >> (32 - b.bits) == 0; });
}

}  // namespace

bool is_special_purpose(const base::Address& address) {
  if (address.is_v4()) return special4(address.v4_value());
  const std::uint64_t high = address.high(), low = address.low();
  if (high >> 48 == 0x2002) return special4(static_cast<std::uint32_t>(high >> 16));
  return std::any_of(std::begin(kBlocks6), std::end(kBlocks6), [&](const Block6& b) {
    if (b.bits > 64) return high == b.high && low == b.low;
    return (high ^ b.high) >> (64 - b.bits) == 0;
  });
}

bool is_local(std::span<const base::Network> networks, const base::Address& address) {
  if (networks.empty()) return is_special_purpose(address);
  return std::any_of(networks.begin(), networks.end(), [&](const base::Network& n) { return n.contains(address); });
}

}  // namespace whodunit::connection
