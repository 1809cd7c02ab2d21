// Hosts that other findings speak of: what means little by itself means more beside them.
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/address.h"
#include "base/time.h"
#include "detect/finding.h"

namespace whodunit::detect {

/// Why a host is a suspect, and since when.
struct Suspicion {
  base::Time since;
  std::string detector;
  double confidence = 0;
};

/// Attackers of findings of medium severity and more, and victims of those where a host was entered or is steered.
inline std::map<base::Address, Suspicion> suspects(std::span<const Finding> others) {
  std::map<base::Address, Suspicion> out;
  const auto note = [&out](const Finding& f, const Entity& who) {
    const auto address = who.type == "host" ? base::Address::parse(who.value) : std::nullopt;
    if (!address) return;
    const auto [at, fresh] = out.emplace(*address, Suspicion{f.first, f.detector, f.confidence});
    if (!fresh && f.first < at->second.since) at->second = {f.first, f.detector, f.confidence};
  };
  for (const Finding& f : others) {
    if (f.severity < Severity::kMedium || f.confidence < 0.5) continue;
    note(f, f.attacker);
    if (f.outcome == Outcome::kSucceeded && f.phase >= Phase::kEntry) note(f, f.victim);
  }
  return out;
}

}  // namespace whodunit::detect
