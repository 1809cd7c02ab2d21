// Actors: what analysts have claimed about groups, their tools, techniques, victims and infrastructure. Every fact
// keeps its data set, the reports that it cites, and the date from which it was known. Claims, not truth.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "knowledge/date.h"
#include "knowledge/problem.h"

namespace whodunit::knowledge {

/// A file that was imported (or the table that ships).
struct Dataset {
  std::string name;     ///< "MITRE ATT&CK enterprise", "MISP galaxy threat-actor", "maltrail"
  std::string version;  ///< as the source says it: "18.1", "349"; may be empty
  Date date;            ///< of the newest thing in it, as the source says
  std::string licence;
  std::string notice;  ///< to be shown with any copy (ATT&CK's copyright line)
  std::string digest;  ///< SHA-256 of what was imported, or of the shipped table
};

/// A published report that a fact cites.
struct Reference {
  std::string name;  ///< "Mandiant APT1" (ATT&CK's source_name), or the URL where there is no name
  std::string url;
  Date date;  ///< of publication, from the citation's text or the URL; unknown where neither says
};

/// Where a fact comes from and since when it was known.
struct Fact {
  std::uint32_t dataset = 0;              ///< into Actors::datasets()
  std::vector<std::uint32_t> references;  ///< into Actors::references(); sorted
  /// The earliest of the cited reports; else the day the data set took it in; unknown where the source has no dates.
  Date known;
};

/// A relation to a technique ("T1071.001") or a piece of software ("S0154").
struct Relation {
  std::string id;
  Fact fact;
};

/// A name, or another thing that is said in text.
struct Alias {
  std::string name;
  /// Why it is taken for the same group: "attack alias", "attack revoked-by", "misp synonym, joined by attack-id",
  /// "maltrail alias, joined by file name", …
  std::string rule;
  Fact fact;
};

struct Claim {
  std::string value;
  Fact fact;
};

/// A country that somebody claims for a group.
struct CountryClaim {
  enum class Role : std::uint8_t { kOrigin, kStateSponsor };
  std::string country;  ///< ISO 3166-1 alpha-2
  Role role = Role::kOrigin;
  Fact fact;
};

/// A name that points to more than one group, a country that sources dispute, …: kept, not decided.
struct Conflict {
  std::string what;                 ///< "alias", "country", "join"
  std::string value;                ///< the name or the countries
  std::vector<std::string> groups;  ///< ids, sorted
  std::string why;
};

struct Group {
  std::string id;  ///< "G0007"; "misp:UUID" or "maltrail:apt_NAME" where ATT&CK does not know it
  std::string name;
  /// What other catalogues call it: "misp:UUID", "stix:intrusion-set--UUID", and ids that a source names ("G0007").
  std::vector<std::string> other_ids;
  std::vector<Alias> aliases;  ///< without `name`; each spelling once
  std::vector<CountryClaim> countries;
  std::vector<Relation> techniques;  ///< the group's own, sorted by id; campaigns' are with the campaigns
  std::vector<Relation> software;
  std::vector<Claim> victims;            ///< ISO 3166-1 alpha-2
  std::vector<Claim> victims_other;      ///< what is no country: "NATO", "Middle East"
  std::vector<Claim> target_categories;  ///< "Government", "Finance", …
  std::vector<Claim> incident_types;     ///< "Espionage", …
  int attribution_confidence = -1;       ///< 0–100 as MISP states it, −1 where it does not
  std::vector<std::uint32_t> reports;    ///< into Actors::reports(), in order
  std::vector<std::uint32_t> campaigns;  ///< into Actors::campaigns()
  Fact fact;

  /// The country most sources claim as origin, or "" where none or where they disagree.
  std::string country() const;
};

struct Software {
  std::string id;
  std::string name;
  bool tool = false;  ///< a tool that others use too, as ATT&CK sorts it; else malware
  std::vector<std::string> aliases;
  std::vector<Relation> techniques;
  Fact fact;
};

struct Technique {
  std::string id;
  std::string name;
  std::string parent;  ///< "T1071" for "T1071.001"; else empty
  std::vector<std::string> tactics;
  /// A detection analytic of it reads network traffic: it could leave a trace on the wire.
  bool network_observable = false;
  std::string replaced_by;  ///< where it is revoked; then nothing else here counts
  Fact fact;
};

struct Campaign {
  std::string id;
  std::string name;
  std::vector<std::string> aliases;
  Date first_seen, last_seen;
  std::vector<Relation> techniques;
  std::vector<Relation> software;
  std::vector<Relation> attributed_to;  ///< group ids; empty where nobody is named
  Fact fact;
};

/// One report's infrastructure (one block of a maltrail file).
struct Report {
  std::string id;     ///< "apt_sofacy:51": file and line of the block (0 for the file's first)
  std::string actor;  ///< the file's name without numbered part: "apt_gamaredon"
  std::string group;  ///< the id of the group that the file is joined to, or "maltrail:ACTOR"
  /// "report", "social", "sandbox-or-feed", "pivot-search", "unreferenced"
  std::string kind;
  std::vector<std::string> urls_of_report;  ///< the references, the first one first
  Date date;                                ///< from the reference; unknown where it does not say
  Date date_upper;    ///< not later than this: `date`, or the latest dated neighbour in the file's order
  std::string added;  ///< when the source took it in, in the source's words; may be empty
  std::vector<std::string> domains;
  std::vector<std::string> url_hosts;  ///< hosts of entries with a path: often hacked, legitimate sites
  std::vector<std::string> ips;
  std::vector<std::string> urls;  ///< "host/path", or "/path" alone
  /// Observable → "dyndns", "hosting", "top100k", "university", "cloud", "vpn".
  std::map<std::string, std::vector<std::string>> labels;
  std::uint32_t dataset = 0;
};

/// All of it; immutable, shared between threads.
class Actors {
 public:
  const std::vector<Dataset>& datasets() const { return datasets_; }
  const std::vector<Reference>& references() const { return references_; }
  /// Sorted by id: ATT&CK's first, then "maltrail:", then "misp:".
  const std::vector<Group>& groups() const { return groups_; }
  const std::vector<Software>& software() const { return software_; }
  const std::vector<Technique>& techniques() const { return techniques_; }
  const std::vector<Campaign>& campaigns() const { return campaigns_; }
  const std::vector<Report>& reports() const { return reports_; }
  const std::vector<Conflict>& conflicts() const { return conflicts_; }

  /// By id, name or alias, without regard to case, spaces and punctuation. More than one where the name is disputed;
  /// null or empty where it is unknown. Pointers live as long as this object.
  std::vector<const Group*> find(std::string_view name) const;
  const Group* group(std::string_view id) const;
  const Software* software(std::string_view id_or_name) const;
  const Technique* technique(std::string_view id) const;
  const Campaign* campaign(std::string_view id) const;

  /// SHA-256 over every fact in canonical order: equal where the knowledge is equal, in whatever order it came in.
  /// Made when first asked for.
  const std::string& digest() const;
  /// The day that this view stands for; unknown for all there is.
  const Date& as_of_date() const { return as_of_; }
  /// What was known at the end of `day`. A fact goes by its own date; one without a date (MISP's countries and victims)
  /// stays with its subject. Groups, software and campaigns go where nothing dated that is said of them is that old;
  /// reports go by `date_upper`, and those without it stay out. Techniques stay: a vocabulary is no hindsight.
  std::shared_ptr<const Actors> as_of(const Date& day) const;

 private:
  friend class ActorsBuilder;
  void index();

  std::vector<Dataset> datasets_;
  std::vector<Reference> references_;
  std::vector<Group> groups_;
  std::vector<Software> software_;
  std::vector<Technique> techniques_;
  std::vector<Campaign> campaigns_;
  std::vector<Report> reports_;
  std::vector<Conflict> conflicts_;
  std::multimap<std::string, std::uint32_t, std::less<>> group_names_;
  std::map<std::string, std::uint32_t, std::less<>> software_names_;
  mutable std::once_flag digest_made_;
  mutable std::string digest_;
  Date as_of_;
};

/// Collects imports and joins them. Not thread-safe.
class ActorsBuilder {
 public:
  ActorsBuilder();
  ~ActorsBuilder();
  ActorsBuilder(const ActorsBuilder&) = delete;
  ActorsBuilder& operator=(const ActorsBuilder&) = delete;

  /// Takes one file's text (not compressed), whatever it is: an ATT&CK STIX bundle (2.0 or 2.1), a MISP galaxy
  /// cluster, a maltrail trail file, a table of facts that `write_table` made, or the exchange arrays of
  /// docs/knowledge.md. `name` is the file's base name. An error where it is none of these; single objects that are
  /// broken are told in `problems` and the rest is taken.
  base::Result<void> add(std::string_view name, std::string_view text, Problems& problems);
  /// A file (gzip is unpacked), or a folder: every file in it in the order of names; in a folder, files of other kinds
  /// are passed over. Gives the number of files taken.
  base::Result<std::size_t> add_path(const std::string& path, Problems& problems);
  /// Joins what was added, in a fixed order that does not depend on the order of adding.
  std::shared_ptr<const Actors> build();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The facts as text: one line each, sorted, so that versions can be compared; `add` reads it. Reports are included
/// where `with_reports`.
std::string write_table(const Actors& actors, bool with_reports);

/// One difference between two sets of knowledge.
struct ActorsChange {
  enum class Kind : std::uint8_t { kAdded, kRemoved, kChanged };
  Kind kind;
  std::string subject;  ///< "G0007"
  std::string what;     ///< "technique T1071.001", "name: APT28 → Fancy Bear"
};
/// What `after` says that `before` does not, and the reverse; sorted by subject.
std::vector<ActorsChange> difference(const Actors& before, const Actors& after);

/// Lower case without anything but letters and digits (bytes over 127 kept): how names are compared.
std::string normalised_name(std::string_view name);

}  // namespace whodunit::knowledge
