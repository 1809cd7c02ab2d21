// Zones where nobody configured them, and the chance that we would have seen a step in each.
#include <fmt/format.h>

#include <algorithm>

#include "incident/incident.h"

namespace whodunit::incident {
namespace {

constexpr std::string_view kLevels[] = {"outside", "outer", "inner", "core"};

bool reaches_in(const asset::Inventory::Edge& e, const detect::Home& home) {
  return home.contains(e.resp) && !home.contains(e.orig) && e.orig.is_global();
}

}  // namespace

std::string_view to_string(ZoneLevel level) { return kLevels[static_cast<std::size_t>(level)]; }

ZoneMap::ZoneMap(std::vector<Zone> configured, const detect::Home& home, const asset::Inventory& inventory)
    : configured_(std::move(configured)), home_(home) {
  for (const auto& [edge, n] : inventory.edges()) {
    if (!home_.contains(edge.resp)) continue;
    if (reaches_in(edge, home_)) outer_.insert(edge.resp);
    // Kerberos, LDAP and the global catalogue: those who answer there hold the organisation's identities.
    const bool identity =
        edge.protocol == 6 && (edge.port == 88 || edge.port == 389 || edge.port == 636 || edge.port == 3268);
    if (identity && home_.contains(edge.orig) && edge.port == 88) core_.insert(edge.resp);
  }
}

const Zone* ZoneMap::zone_of(const base::Address& a) const {
  const Zone* best = nullptr;
  unsigned bits = 0;
  for (const Zone& zone : configured_) {
    for (const base::Network& n : zone.networks) {
      if (!n.contains(a) || (best != nullptr && n.bits128() < bits)) continue;
      best = &zone;
      bits = n.bits128();
    }
  }
  return best;
}

bool ZoneMap::inferred(const base::Address& a) const {
  const Zone* zone = zone_of(a);
  return zone == nullptr || !zone->level_known;
}

ZoneLevel ZoneMap::level_of(const base::Address& a) const {
  if (const Zone* zone = zone_of(a); zone != nullptr && zone->level_known) return zone->level;
  if (!home_.contains(a)) return ZoneLevel::kOutside;
  if (core_.count(a) != 0) return ZoneLevel::kCore;
  if (outer_.count(a) != 0 || a.is_global()) return ZoneLevel::kOuter;
  return ZoneLevel::kInner;
}

std::string ZoneMap::name_of(const base::Address& a) const {
  const Zone* zone = zone_of(a);
  return zone != nullptr && zone->level_known ? zone->name : std::string(to_string(level_of(a)));
}

std::string ZoneMap::organisation_of(const base::Address& a) const {
  const Zone* zone = zone_of(a);
  return zone != nullptr ? zone->organisation : std::string();
}

std::vector<Visibility> visibility(const ZoneMap& zones, const asset::Inventory& inventory) {
  // A step inward is a connection to a host of the zone. We see it where the sensor sees that host's traffic with its
  // neighbours, and can tell what it is where it is neither encrypted nor lost. The three are taken as independent.
  std::vector<Visibility> out;
  const asset::Seen& seen = inventory.seen();
  const double lost =
      seen.connections == 0
          ? 0.0
          : std::min(1.0, static_cast<double>(seen.one_sided) / static_cast<double>(seen.connections) +
                              static_cast<double>(seen.gap_bytes) /
                                  static_cast<double>(std::max<std::uint64_t>(1, seen.bytes + seen.gap_bytes)));
  const double encrypted =
      seen.bytes == 0 ? 0.0 : static_cast<double>(seen.encrypted_bytes) / static_cast<double>(seen.bytes);
  std::set<base::Address> inside_talk;
  for (const auto& [edge, n] : inventory.edges()) {
    if (!zones.home().contains(edge.orig) || !zones.home().contains(edge.resp)) continue;
    inside_talk.insert(edge.orig);
    inside_talk.insert(edge.resp);
  }
  for (const ZoneLevel level : {ZoneLevel::kOuter, ZoneLevel::kInner, ZoneLevel::kCore}) {
    Visibility v;
    v.level = level;
    for (const asset::Host* h : inventory.hosts()) {
      if (zones.level_of(h->address) != level || h->address.is_multicast()) continue;
      if (h->connections_in == 0 && h->connections_out == 0) continue;
      ++v.hosts_known;
      v.hosts_seen += level == ZoneLevel::kOuter || inside_talk.count(h->address) != 0;
    }
    v.encrypted_share = encrypted;
    v.lost_share = lost;
    if (v.hosts_known != 0) {
      // Half of what is encrypted still shows by its endpoints, sizes and times.
      v.probability =
          static_cast<double>(v.hosts_seen) / static_cast<double>(v.hosts_known) * (1 - 0.5 * encrypted) * (1 - lost);
    }
    v.statement = fmt::format(
        "{} of {} {} hosts visible to their neighbours, {:.0f} % of bytes encrypted, {:.0f} % one-sided or lost",
        v.hosts_seen, v.hosts_known, to_string(level), 100 * encrypted, 100 * lost);
    out.push_back(std::move(v));
  }
  return out;
}

}  // namespace whodunit::incident
