// Which network is being defended, when nobody said.
//
// 1. Private addresses (RFC 1918, RFC 4193, RFC 6598, link-local where nothing else is there) are the defended side: a
//    sensor that sees them stands inside. They are named by the blocks in use: /24 of 192.168/16, /16 elsewhere, /48 of
//    ULA; more than four blocks of one range become the range.
// 2. Public networks (/24, /48) join where one of them is an end of at least half of those connections that no private
//    address takes part in, and of at least as many distinct peers as any other network: the sensor stands before it.
// 3. Otherwise nothing is said to be defended.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "asset/inventory.h"

namespace whodunit::asset {
namespace {

base::Network block(const base::Address& a) {
  if (!a.is_v4()) return {a, 48};
  return {a, a.v4_value() >> 16 == 0xc0a8 ? 96u + 24u : 96u + 16u};
}
base::Network range(const base::Address& a) {
  if (!a.is_v4()) return {a, 7};
  const std::uint32_t v = a.v4_value();
  if (v >> 24 == 10) return {a, 96 + 8};
  if (v >> 20 == 0xac1) return {a, 96 + 12};
  if (v >> 16 == 0xc0a8) return {a, 96 + 16};
  return {a, 96 + 10};
}
base::Network public_block(const base::Address& a) { return {a, a.is_v4() ? 96u + 24u : 48u}; }

}  // namespace

detect::Home Inventory::infer_home() const {
  detect::Home home;
  home.inferred = true;
  std::map<base::Network, std::set<base::Network>> blocks;
  std::size_t private_hosts = 0, all_hosts = 0;
  for (const Host* h : hosts()) {
    ++all_hosts;
    // An address that only was aimed at shows nothing about who stands where.
    if (!h->address.is_private() || (h->connections_out == 0 && h->connections_in == 0)) continue;
    ++private_hosts;
    blocks[range(h->address)].insert(block(h->address));
  }
  for (const auto& [range, used] : blocks) {
    if (used.size() > 4)
      home.networks.push_back(range);
    else
      home.networks.insert(home.networks.end(), used.begin(), used.end());
  }
  // Public networks: count connections and peers where no private address takes part.
  std::map<base::Network, std::uint64_t> share;
  std::map<base::Network, std::set<base::Address>> peers;
  std::uint64_t total = 0;
  for (const auto& [edge, n] : edges_) {
    if (!edge.orig.is_global() || !edge.resp.is_global()) continue;
    total += n;
    const base::Network a = public_block(edge.orig), b = public_block(edge.resp);
    share[b] += n;
    peers[b].insert(edge.orig);
    if (a == b) continue;
    share[a] += n;
    peers[a].insert(edge.resp);
  }
  std::size_t joined = 0;
  if (total >= 3) {
    std::size_t most = 0;
    for (const auto& [network, p] : peers) most = std::max(most, p.size());
    for (const auto& [network, n] : share) {
      if (2 * n < total || peers[network].size() < most || peers[network].size() < 2) continue;
      home.networks.push_back(network);
      ++joined;
    }
    if (joined > 2) {  // no one of them stands out
      home.networks.resize(home.networks.size() - joined);
      joined = 0;
    }
  }
  std::sort(home.networks.begin(), home.networks.end());
  if (home.networks.empty())
    home.why = "no private address and no network that stands out";
  else if (private_hosts != 0)
    home.why = fmt::format("{} of {} hosts have private addresses{}", private_hosts, all_hosts,
                           joined != 0 ? "; the public part takes part in most other connections" : "");
  else
    home.why = "no private addresses; most connections have an end there";
  return home;
}

}  // namespace whodunit::asset
