// Whose machines: kind and country of the intruder's addresses, from several sources with their disagreement. It says
// who rents or owns them, not who used them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "attribution/levels.h"

namespace whodunit::attribution {
namespace {

constexpr double kNothingSaid = 1e-9;
constexpr double kSourceRight = 0.8;  // a source's claim of a kind is right this often; judgement, declared
constexpr double kCannotTellPrior = 0.35;

struct Kind {
  const char* key;
  const char* name;
  double prior;  // among addresses that attack; judgement, declared
};
constexpr Kind kKinds[] = {
    {"hosting", "rented hosting", 0.33},
    {"residential", "a household's line", 0.12},
    {"compromised", "a compromised third party", 0.20},
    {"abuse-tolerant", "abuse-tolerant hosting", 0.08},
    {"vpn", "a VPN's exit", 0.10},
    {"tor", "a Tor exit", 0.05},
    {"cloud-front", "a cloud front (CDN)", 0.08},
    {"proxy", "an open proxy", 0.04},
};

const char* role_name(AddressRole role) {
  switch (role) {
    case AddressRole::kScanner:
      return "scanned";
    case AddressRole::kEntry:
      return "came in";
    case AddressRole::kController:
      return "controlled";
    case AddressRole::kDropSite:
      return "took what left";
    case AddressRole::kRelay:
      return "relayed";
    default:
      return "took part";
  }
}

double role_weight(AddressRole role) {
  switch (role) {
    case AddressRole::kController:
    case AddressRole::kDropSite:
      return 3;
    case AddressRole::kEntry:
      return 2;
    case AddressRole::kScanner:
      return 0.5;
    default:
      return 1;
  }
}

std::string canonical_kind(const std::string& claim) {
  if (claim == "bulletproof") return "abuse-tolerant";
  if (claim == "cdn" || claim == "cloud") return "cloud-front";
  if (claim == "university" || claim == "business")
    return "compromised";  // an honest owner's machine: he is a victim, too
  for (const Kind& k : kKinds) {
    if (claim == k.key) return claim;
  }
  return {};
}

}  // namespace

Assessment infrastructure_level(const CaseFacts& facts, const Settings& settings) {
  Assessment out;
  out.subject = facts.subject;
  out.level = Level::kInfrastructure;
  // One entry an address, claims put together; the order of the facts changes nothing.
  std::map<std::string, AddressFacts> addresses;
  for (const AddressFacts& a : facts.addresses) {
    if (a.role == AddressRole::kVictim) continue;
    auto [it, fresh] = addresses.emplace(a.address, a);
    if (fresh) continue;
    AddressFacts& into = it->second;
    into.countries.insert(into.countries.end(), a.countries.begin(), a.countries.end());
    into.kinds.insert(into.kinds.end(), a.kinds.begin(), a.kinds.end());
    into.role = std::max(into.role, a.role);
    into.others_victims_traffic |= a.others_victims_traffic;
    into.open_proxy |= a.open_proxy;
    into.relayed_timing |= a.relayed_timing;
    into.role_changed |= a.role_changed;
    into.support.findings.insert(into.support.findings.end(), a.support.findings.begin(), a.support.findings.end());
    into.support.records.insert(into.support.records.end(), a.support.records.begin(), a.support.records.end());
    if (into.asn == 0) into.asn = a.asn, into.network = a.network;
  }
  std::map<std::string, double> mass;
  double weights = 0, relays = 0;
  std::map<std::string, double> country_mass;
  std::size_t disagreements = 0, with_country = 0;
  for (const auto& [text, a] : addresses) {
    std::set<std::pair<std::string, std::string>> kind_claims, country_claims;  // (source, value): a source speaks once
    for (const Claim& c : a.kinds) {
      const std::string kind = canonical_kind(c.value);
      if (!kind.empty()) kind_claims.emplace(c.source, kind);
    }
    for (const Claim& c : a.countries) country_claims.emplace(c.source, c.value);
    std::map<std::string, double> p;
    double total = 0;
    for (const Kind& k : kKinds) {
      double x = std::log(k.prior * (1 - kCannotTellPrior));
      for (const auto& [source, kind] : kind_claims)
        x += std::log(kind == k.key ? kSourceRight : (1 - kSourceRight) / (std::size(kKinds) - 1));
      const bool relay_kind = std::string_view(k.key) != "hosting" && std::string_view(k.key) != "abuse-tolerant";
      if (a.others_victims_traffic) x += std::log(relay_kind ? 2.0 : 0.7);
      if (a.open_proxy)
        x += std::log(std::string_view(k.key) == "proxy" ? 8.0 : std::string_view(k.key) == "compromised" ? 2.0 : 0.5);
      if (a.relayed_timing) x += std::log(relay_kind ? 2.0 : 0.5);
      if (a.role_changed) x += std::log(std::string_view(k.key) == "compromised" ? 4.0 : 0.7);
      p[k.key] = std::exp(x);
      total += p[k.key];
    }
    double cannot = kCannotTellPrior;
    cannot *= std::pow(0.15, static_cast<double>(kind_claims.size()));  // a claim at random would be any of the kinds
    const bool signs = a.others_victims_traffic || a.open_proxy || a.relayed_timing || a.role_changed;
    if (kind_claims.empty() && !signs) {
      cannot = 1;
      for (auto& [key, x] : p) x = 0;
    }
    total = cannot;
    for (const auto& [key, x] : p) total += x;
    const double weight = role_weight(a.role);
    weights += weight;
    for (const auto& [key, x] : p) mass[key] += weight * x / total;
    mass["cannot-tell"] += weight * cannot / total;
    if (signs) relays += weight;

    std::map<std::string, std::size_t> votes;
    for (const auto& [source, country] : country_claims) ++votes[country];
    std::string best;
    for (const auto& [country, n] : votes) {
      country_mass[country] += weight * static_cast<double>(n) / static_cast<double>(country_claims.size());
      if (best.empty() || n > votes[best]) best = country;
    }
    with_country += !votes.empty();
    disagreements += votes.size() > 1;
    std::string kinds;
    for (const auto& [source, kind] : kind_claims)
      kinds += fmt::format("{}{} ({})", kinds.empty() ? "" : ", ", kind, source);
    std::string statement = fmt::format("{} {}", text, role_name(a.role));
    if (!kinds.empty()) statement += ": " + kinds;
    if (!best.empty()) statement += fmt::format("; {} by {} of {} sources", best, votes[best], country_claims.size());
    if (a.asn != 0) statement += fmt::format("; AS{}{}", a.asn, a.network.empty() ? "" : " " + a.network);
    if (a.others_victims_traffic) statement += "; unrelated victims' traffic passes it";
    if (a.open_proxy) statement += "; it is an open proxy";
    if (a.relayed_timing) statement += "; its timing is that of a relay";
    if (a.role_changed) statement += "; it changed its role";
    Item item;
    item.evidence = make_evidence("address", Channel::kGeography, text, statement + ".", a.support);
    item.evidence.level = Level::kInfrastructure;
    item.evidence.grade = {'C', 3};
    item.evidence.forgeability = 0.3;
    item.evidence.source =
        fmt::format("a source's claim taken to be right in {:.0f} %; docs/attribution.md", 100 * kSourceRight);
    for (const Kind& k : kKinds) {
      for (const auto& [source, kind] : kind_claims) {
        if (kind == k.key)
          item.evidence.likelihoods.push_back({k.key, std::log(kSourceRight / 0.125), std::log(kSourceRight / 0.125)});
      }
    }
    out.evidence.push_back(item.evidence);
  }
  for (const ManualFact& f : facts.manual) {
    if (f.level != Level::kInfrastructure) continue;
    Item item;
    item.evidence = make_evidence("manual", Channel::kManual, f.statement, f.statement, f.support);
    item.evidence.level = Level::kInfrastructure;
    item.evidence.manual = true;
    item.evidence.grade = f.grade;
    item.evidence.source = fmt::format("added by {} on {}: {}", f.who, f.when, f.why);
    out.evidence.push_back(item.evidence);
  }
  std::sort(out.evidence.begin(), out.evidence.end(), [](const Evidence& a, const Evidence& b) { return a.id < b.id; });
  out.evidence.erase(std::unique(out.evidence.begin(), out.evidence.end(),
                                 [](const Evidence& a, const Evidence& b) { return a.id == b.id; }),
                     out.evidence.end());
  if (weights == 0) {
    mass["cannot-tell"] = 1;
    weights = 1;
  }
  for (const auto& [key, x] : mass) {
    Hypothesis h;
    h.key = key;
    h.name = key == "cannot-tell" ? "cannot tell" : key;
    h.prior = key == "cannot-tell" ? kCannotTellPrior : 0;
    for (const Kind& k : kKinds) {
      if (key == k.key) {
        h.name = k.name;
        h.prior = k.prior * (1 - kCannotTellPrior);
      }
    }
    h.probability = h.low = h.high = x / weights;
    // A kind of which no source said anything is not "almost no chance": it is left out, and "cannot tell" stands.
    if (h.probability < kNothingSaid && key != "cannot-tell") continue;
    if (h.probability < 1 - kNothingSaid) {
      // A share of so many machines: Wilson's score interval, 80 %.
      const auto n = static_cast<double>(addresses.size());
      const double z = 1.2816, p = h.probability, wide = 1 + z * z / n;
      const double middle = (p + z * z / (2 * n)) / wide;
      const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / wide;
      h.low = std::min(p, std::max(0.0, middle - half));
      h.high = std::max(p, std::min(1.0, middle + half));
    }
    out.hypotheses.push_back(std::move(h));
  }
  std::string countries;
  std::vector<std::pair<double, std::string>> by_mass;
  double country_total = 0;
  for (const auto& [country, x] : country_mass) {
    by_mass.emplace_back(-x, country);
    country_total += x;
  }
  std::sort(by_mass.begin(), by_mass.end());
  for (std::size_t i = 0; i < by_mass.size() && i < 4; ++i) {
    countries +=
        fmt::format("{}{} ({:.0f} %)", i == 0 ? "" : ", ", by_mass[i].second, -100 * by_mass[i].first / country_total);
  }
  if (addresses.empty()) {
    out.paragraph = "No machine outside the defended network was seen on the intruder's side.";
  } else {
    out.paragraph = fmt::format("{} machine{} of the intruder's side {} seen{}.", addresses.size(),
                                addresses.size() == 1 ? "" : "s", addresses.size() == 1 ? "was" : "were",
                                countries.empty() ? "" : ", said to stand in " + countries);
    if (disagreements > 0)
      out.paragraph += fmt::format(" Sources disagree about the country of {} of them.", disagreements);
    if (relays > 0) out.paragraph += " Some show the marks of relays: who sat before them was not there.";
    out.paragraph += " It came through these machines; that does not say who sent it.";
  }
  out.confidence = with_country == 0 ? "low" : disagreements * 3 > with_country ? "low" : "moderate";
  out.confidence_reasons.push_back(with_country == 0   ? "no source of places was at hand"
                                   : disagreements > 0 ? "sources of places disagree"
                                                       : "sources of places agree, and draw on one another");
  out.assumptions.push_back(
      "A source's claim about a machine is independent of the next one's; in truth they copy from each other.");
  out.would_change.push_back(
      "The owner's own records: who rented the machine, from where it was managed, and whether it was broken into.");
  out.caveats.push_back("A country of a machine is the country of its owner or of its registration, not of its user.");
  finish(out, settings);
  return out;
}

}  // namespace whodunit::attribution
