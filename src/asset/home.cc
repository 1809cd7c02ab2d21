// Which network is being defended, when nobody said.
//
// 1. Private addresses (RFC 1918, RFC 4193, RFC 6598, link-local where nothing else is there) are the defended side: a
//    sensor that sees them stands inside. They are named by the blocks in use: /24 of 192.168/16, /16 elsewhere, /48 of
//    ULA; more than four blocks of one range become the range.
// 2. Public networks (/24, /48) whose hosts open connections to those private addresses, and are answered, are of the
//    same organisation where the sensor also sees others call them: it stands beside them. Reaching a private address
//    alone shows nothing: behind a translating device every visitor from outside seems to.
// 3. Where no private address was seen, the network that takes part in at least half of the connections between public
//    addresses, with more distinct networks as peers than any other, is taken: the sensor stands before it. Where two
//    are even, the one that is called, not the one that calls. Networks are counted, not hosts: one scanner from
//    outside meets every host of the network that it tries.
// 4. Otherwise nothing is said to be defended.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

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
  std::size_t joined = 0;
  if (private_hosts != 0) {
    std::map<base::Network, std::set<base::Network>> called_by, calls;
    std::set<base::Network> reach_in;
    for (const auto& [edge, n] : edges_) {
      if (!edge.orig.is_global()) continue;
      const base::Network from = public_block(edge.orig);
      if (edge.protocol == 6 && edge.resp.is_private()) reach_in.insert(from);
      if (!edge.resp.is_global() || public_block(edge.resp) == from) continue;
      called_by[public_block(edge.resp)].insert(from);
      calls[from].insert(public_block(edge.resp));
    }
    for (auto at = reach_in.begin(); at != reach_in.end();) {
      // Whom it called itself may be calling back.
      const std::set<base::Network>& callers = called_by[*at];
      const bool seen_beside =
          std::any_of(callers.begin(), callers.end(), [&](const base::Network& c) { return calls[*at].count(c) == 0; });
      at = seen_beside ? std::next(at) : reach_in.erase(at);
    }
    // Many networks that do so are no DMZ: the sensor sees the inner side of a translating or tunnelling device.
    if (reach_in.size() <= 2) {
      home.networks.insert(home.networks.end(), reach_in.begin(), reach_in.end());
      joined = reach_in.size();
    }
  } else {
    struct Side {
      std::uint64_t connections = 0, called = 0;
      std::set<base::Network> peers;
    };
    std::map<base::Network, Side> sides;
    std::uint64_t total = 0;
    for (const auto& [edge, n] : edges_) {
      if (!edge.orig.is_global() || !edge.resp.is_global()) continue;
      total += n;
      const base::Network a = public_block(edge.orig), b = public_block(edge.resp);
      sides[b].connections += n;
      sides[b].called += n;
      sides[b].peers.insert(a);
      if (a == b) continue;
      sides[a].connections += n;
      sides[a].peers.insert(b);
    }
    const base::Network* best = nullptr;
    bool even = false;
    const auto rank = [](const Side& s) { return std::tuple(s.peers.size(), s.connections, s.called); };
    for (const auto& [network, side] : sides) {
      if (2 * side.connections < total || total < 3 || side.peers.size() < 2) continue;
      if (best == nullptr || rank(side) > rank(sides.at(*best))) {
        best = &network;
        even = false;
      } else if (rank(side) == rank(sides.at(*best))) {
        even = true;
      }
    }
    if (best != nullptr && !even) {
      home.networks.push_back(*best);
      joined = 1;
    }
  }
  std::sort(home.networks.begin(), home.networks.end());
  if (home.networks.empty())
    home.why = "no private address and no network that stands out";
  else if (private_hosts != 0)
    home.why = fmt::format("{} of {} hosts have private addresses{}", private_hosts, all_hosts,
                           joined != 0 ? "; hosts of the public part open connections to them" : "");
  else
    home.why = "no private addresses; most connections have an end there";
  return home;
}

}  // namespace whodunit::asset
