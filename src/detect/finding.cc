#include "detect/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "base/hash.h"

namespace whodunit::detect {
namespace {

constexpr std::string_view kPhases[] = {"door-rattling", "assault", "entry", "foothold", "spread", "theft", "harm"};
constexpr std::string_view kOutcomes[] = {"attempted", "succeeded", "unknown"};
constexpr std::string_view kSeverities[] = {"informational", "low", "medium", "high", "critical"};

auto rank(const Finding& f) { return std::tie(f.first, f.detector, f.attacker, f.victim, f.statement); }

}  // namespace

std::string_view to_string(Phase phase) { return kPhases[static_cast<std::size_t>(phase)]; }
std::string_view to_string(Outcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }
std::string_view to_string(Severity severity) { return kSeverities[static_cast<std::size_t>(severity)]; }

bool parse_severity(std::string_view text, Severity& out) {
  for (std::size_t i = 0; i < std::size(kSeverities); ++i) {
    if (kSeverities[i] != text) continue;
    out = static_cast<Severity>(i);
    return true;
  }
  return false;
}

void Finding::add(std::string_view record, const record::Head& head) {
  if (evidence_total == 0 || head.ts < first) first = head.ts;
  if (evidence_total == 0 || last < head.ts) last = head.ts;
  ++evidence_total;
  if (evidence.size() < kMaxEvidence) evidence.push_back({std::string(record), head.uid, head.id, head.place, head.ts});
}

std::string_view Finding::fact(std::string_view name) const {
  for (const Fact& f : facts)
    if (f.name == name) return f.value;
  return {};
}

void seal(std::vector<Finding>& findings) {
  std::sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) { return rank(a) < rank(b); });
  std::set<std::string> taken;
  for (Finding& f : findings) {
    const std::string claim = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", f.detector, f.first.ns, f.last.ns, f.attacker.type,
                                          f.attacker.value, f.victim.type, f.victim.value, f.statement);
    const std::string hex = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(claim));
    // Short for people; longer where two would be the same.
    for (std::size_t n = 6; n <= hex.size(); ++n) {
      f.id = "F-" + hex.substr(0, n);
      if (taken.insert(f.id).second) break;
    }
  }
}

}  // namespace whodunit::detect
