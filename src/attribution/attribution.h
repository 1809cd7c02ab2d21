// Who did it, and how sure can we be: competing hypotheses on three levels that are never mixed (DESIGN.md, the nouns
// Evidence, Hypothesis, Assessment). Everything here is a pure function of its arguments: the order of the facts, their
// duplicates and the wall clock change nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace whodunit::attribution {

class ActorTable;
struct Weights;

/// Whose machines, whose hands, whose orders.
enum class Level : std::uint8_t { kInfrastructure, kOperator, kSponsor };
std::string_view to_string(Level level);

/// Sources of error that items share. Items of one channel are tempered together: the tenth says less than the first.
enum class Channel : std::uint8_t {
  kIndicator,       ///< names, addresses, hashes that reports of an actor list
  kKinship,         ///< near such: registered domain, /24, AS, style of names
  kSoftware,        ///< malware families and tools
  kTechnique,       ///< ATT&CK techniques
  kExploit,         ///< vulnerabilities used, against the day they became public
  kTime,            ///< hours and days of work
  kLanguage,        ///< languages and locales seen on the wire
  kVictim,          ///< who was hit
  kSophistication,  ///< how able the intruder showed himself to be
  kHabit,           ///< order of steps, reuse, typos
  kGeography,       ///< where addresses are said to stand
  kManual,          ///< an analyst's own item
};
std::string_view to_string(Channel channel);

/// The Admiralty code. 'F' and 6 mean "cannot be judged", not "worst".
struct Grade {
  char reliability = 'F';  ///< of the source: A–E, F
  int credibility = 6;     ///< of the information: 1–5, 6
};

/// The factor by which one item speaks for a hypothesis, against "an unknown group" of the same level.
struct Likelihood {
  std::string hypothesis;    ///< Hypothesis::key
  double log_ratio = 0;      ///< natural log, after tempering and the cap by forgeability: what was really added
  double log_ratio_raw = 0;  ///< before both
};

/// An item for or against hypotheses.
struct Evidence {
  std::string id;    ///< "E-" and hex, from the content
  std::string kind;  ///< "indicator-hit", "kinship", "software", "technique", "exploit", "working-hours", …
  Channel channel = Channel::kManual;
  Level level = Level::kOperator;
  std::string value;                  ///< "evil.example", "S0115", "T1071.001", "UTC+03:00, Mon–Fri"
  std::string statement;              ///< one sentence in plain words
  std::vector<std::string> findings;  ///< ids of the findings behind it, sorted
  std::vector<std::string> records;   ///< uids of records behind it, sorted
  Grade grade;
  double forgeability = 0.5;            ///< probability that another, who wanted to, could have left this mark
  std::string dependency_group;         ///< items of one group are looks at one fact: only the strongest counts
  bool counted = true;                  ///< false: another look at a fact that counts already
  std::vector<Likelihood> likelihoods;  ///< hypotheses that it does not name stand at ratio 1
  std::string source;                   ///< where the likelihoods come from
  bool manual = false;                  ///< an analyst's item: who, when, why in `statement` and `source`
};

/// One answer, with its mass.
struct Hypothesis {
  std::string key;  ///< stable: "G0007", "apt_donot", "unknown", "opportunists", "posing", "cannot-tell", "RU:directed"
  std::string name;       ///< for people: "APT28"
  std::string attack_id;  ///< "G0007" or empty
  std::string country;    ///< ISO 3166 alpha-2, as sources claim it; or empty
  double prior = 0;       ///< before any evidence
  double probability = 0;
  double low = 0, high = 0;  ///< 80 % interval from the uncertainty of the fit
  std::string words;         ///< ICD 203: "unlikely"
};

/// What happens to the result without one item, or without a set of items.
struct Pivot {
  std::vector<std::string> items;  ///< ids of Evidence
  std::string statement;           ///< "without T1071.001 the lead goes to cannot tell (.41)"
  std::string lead;                ///< Hypothesis::key that leads then
  double probability = 0;          ///< of the one that leads with all evidence, then
};

/// How one item stands to one hypothesis, as in an analysis of competing hypotheses.
struct MatrixCell {
  char mark = '0';    ///< '+' consistent, '-' inconsistent, '0' neutral; doubled strength by `weight`
  double weight = 0;  ///< natural log of the counted ratio
};

/// Rows are `Assessment::evidence` that counts, columns the hypotheses with most mass.
struct Matrix {
  std::vector<std::string> columns;            ///< Hypothesis::key
  std::vector<std::string> rows;               ///< Evidence::id
  std::vector<std::vector<MatrixCell>> cells;  ///< [row][column]
};

/// What the countries of the victims say of the actor's, taken alone: two readings side by side, neither to be
/// over-read.
struct VictimReading {
  struct Row {
    std::string country;  ///< ISO 3166 alpha-2, or "other"
    double raw = 0;       ///< the table of actors and victims as published
    double adjusted = 0;  ///< with the base rate of who gets reported taken out, as far as `adjustment` says
    double given = 0;     ///< what the sponsor's level took from it
  };
  std::vector<std::string> victims;  ///< countries, sorted
  std::size_t actors = 0;            ///< in the table behind it
  double adjustment = 1;             ///< Settings::reporting_adjustment
  std::vector<Row> rows;             ///< most probable first, by the larger of both; the last is all the rest; or empty
  std::vector<std::string> reasons;  ///< why not to over-read it
};

/// The answer on one level. Probabilities of its hypotheses add up to 1.
struct Assessment {
  std::string subject;  ///< what it is about: an incident's id, an address
  Level level = Level::kOperator;
  std::vector<Hypothesis>
      hypotheses;                  ///< most probable first; at most Settings::listed, the rest as "another known group"
  std::string confidence = "low";  ///< low, moderate, high: about the evidence, not about the probability
  std::vector<std::string> confidence_reasons;
  std::vector<Evidence> evidence;  ///< in the order of their ids
  Matrix matrix;
  VictimReading victims_alone;  ///< of the sponsor's level; empty where fewer than two countries were hit
  std::vector<Pivot> pivotal;
  std::vector<std::string> assumptions;
  std::vector<std::string> would_change;  ///< what would change our mind, and where to look for it
  std::vector<std::string> caveats;
  std::vector<std::string> carried;  ///< what came from the other level and by which bounded factor
  std::string paragraph;             ///< the level in plain words
};

// --- what goes in
// -----------------------------------------------------------------------------------------------------

/// What a fact rests on.
struct Support {
  std::vector<std::string> findings;
  std::vector<std::string> records;
};

enum class IndicatorType : std::uint8_t { kDomain, kAddress, kUrl, kHash, kCertificate, kFingerprint };

/// A value seen in the case that stands in a list of indicators.
struct IndicatorHit {
  IndicatorType type = IndicatorType::kDomain;
  std::string value;          ///< as seen
  std::string matched;        ///< as listed, where it differs (a parent domain)
  std::string actor;          ///< whom the list names: an id, a name or an alias; empty: none ("malware", "scanner")
  std::string source;         ///< the list
  std::uint32_t reports = 1;  ///< independent reports that list it
  std::optional<base::Time> listed;  ///< when it was listed
  Grade grade;
  Support support;
};

/// What one source says of an address.
struct Claim {
  std::string value;   ///< "NL"; "hosting"
  std::string source;  ///< "geo-whois-asn-country 2026-06", "DB-IP"
};

enum class AddressRole : std::uint8_t { kUnknown, kScanner, kEntry, kController, kDropSite, kRelay, kVictim };

/// A machine of the intruder's side.
struct AddressFacts {
  std::string address;
  AddressRole role = AddressRole::kUnknown;
  std::vector<Claim> countries;
  std::vector<Claim>
      kinds;  ///< residential, hosting, abuse-tolerant, vpn, tor, cloud-front, compromised, proxy, university
  std::uint32_t asn = 0;
  std::string network;  ///< the AS's name
  /// Signs of a relay, each seen in the traffic.
  bool others_victims_traffic = false;  ///< traffic of unrelated victims passes it
  bool open_proxy = false;
  bool relayed_timing = false;  ///< two round-trip times: what answers is not what is spoken to
  bool role_changed = false;    ///< it was a victim, a server, a client in turn
  Support support;
};

struct NamedFact {
  std::string value;  ///< "T1071.001", "S0154" or a name or alias of either
  Support support;
};

/// A vulnerability that was used.
struct ExploitFact {
  std::string vulnerability;  ///< "CVE-2021-44228"
  std::optional<base::Time> used;
  std::optional<base::Time> published;  ///< when it, or a working exploit, became public
  Support support;
};

/// A language or locale seen on the wire.
struct LanguageFact {
  std::string
      value;  ///< BCP 47 ("zh-CN") or a code page ("windows-1251"), keyboard layout ("0x00000804"), zone ("UTC+8")
  std::string where;  ///< "rdp.keyboard_layout", "http.accept_language", "banner", "smb.timezone"
  Support support;
};

/// One action of the intruder's. Actions that a machine times (beacons, scans) carry `automated`.
struct ActivityFact {
  base::Time time;
  bool automated = false;
  Support support;
};

struct VictimFact {
  std::string country;  ///< ISO 3166 alpha-2
  std::string sector;   ///< "government", "energy", … or empty
  Support support;
};

/// An operational habit: a trait that recurs between cases.
struct HabitFact {
  std::string value;  ///< "user agent 'Mozila/4.0'"
  std::string actor;  ///< where knowledge ties the habit to an actor; or empty
  std::string source;
  Support support;
};

/// An item that an analyst adds (`whodunit evidence add`).
struct ManualFact {
  std::string statement;
  std::string
      actor;  ///< for whom (or, with log_ratio < 0, against whom) it speaks: an id, a name, an alias, or a country
  Level level = Level::kOperator;
  double log_ratio = 0;  ///< natural log, as the analyst puts it; capped by forgeability like every other
  double forgeability = 0.5;
  Grade grade;
  std::string who;
  std::string when;  ///< RFC 3339, as given
  std::string why;
  Support support;
};

/// All that a case says about its authors. Every part may be empty.
struct CaseFacts {
  std::string subject;
  std::optional<base::Time> first, last;
  std::vector<IndicatorHit> indicators;
  std::vector<AddressFacts> addresses;
  std::vector<NamedFact> domains;  ///< names of the intruder's side: controllers, drop sites, lures
  std::vector<NamedFact> urls;
  std::vector<NamedFact> techniques;
  std::vector<NamedFact> software;
  std::vector<ExploitFact> exploits;
  std::vector<LanguageFact> languages;
  std::vector<ActivityFact> activity;
  std::vector<VictimFact> victims;
  std::vector<HabitFact> habits;
  std::vector<ManualFact> manual;
  std::optional<double> sophistication;  ///< 0 (whole tools of others, loud) to 1 (own exploits, quiet)
  Support sophistication_support;
  bool inside_only = false;         ///< the first step began on a machine and with an account of the organisation's own
  bool untargeted = false;          ///< the same was tried on everybody in sight (scans of the whole net, mass lists)
  std::vector<std::string> unseen;  ///< what could not be seen ("12 % of bytes encrypted"): lowers confidence
  std::uint32_t sensors = 1;        ///< points of observation
  double visibility = 1;            ///< probability that a step would have been seen (incident stage)
};

/// Declared parameters that are a judgement, not a measurement. Their defaults and reasons: docs/attribution.md.
struct Settings {
  std::optional<base::Time> as_of;  ///< use only knowledge published before
  double prior_unknown = 0.5;       ///< base rate: the operator is none of the known groups
  double prior_opportunists = 0.3;  ///< base rate: unrelated crime, where nothing marks a target
  double prior_insiders = 0.02;
  double prior_posing = 0.01;       ///< base rate: somebody poses as a known group (false flag)
  double horizon_days = 365;        ///< over which the base rates hold
  double reporting_adjustment = 1;  ///< 0: victims' table as published; 1: divided by who gets reported
  std::size_t listed = 8;           ///< named hypotheses listed
  bool pivots = true;               ///< result without each item (costs one run per item)
};

/// The three assessments, in the order of Level. Never empty; an empty case gives base rates and "cannot tell".
/// `table` may be null: nothing known of any actor.
std::vector<Assessment> assess(const CaseFacts& facts, const ActorTable* table, const Settings& settings = {});
/// With fitted numbers (model/weights.h) other than those that ship.
std::vector<Assessment> assess(const CaseFacts& facts, const ActorTable* table, const Settings& settings,
                               const Weights& weights);

/// The words of estimative probability (ICD 203, 2015): "almost no chance" below 5 %, … The bands meet at their
/// lower ends; 1 % and less, 99 % and more carry the outermost words.
std::string_view words_of(double probability);

/// The assessments as the JSON array that INTERFACE.md names, without the brackets' enclosing object.
std::string to_json(const std::vector<Assessment>& assessments);
/// For a terminal: three short paragraphs.
std::string to_text(const std::vector<Assessment>& assessments);

}  // namespace whodunit::attribution
