// What the readers give and the builder joins: one data set's facts in its own words.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "knowledge/actors/actors.h"
#include "knowledge/problem.h"

namespace whodunit::knowledge {

/// Facts of one data set; Fact::dataset is not filled in yet, Fact::references point into `references` here.
struct Part {
  Dataset dataset;
  std::vector<Reference> references;
  std::vector<Group> groups;
  std::vector<Software> software;
  std::vector<Technique> techniques;
  std::vector<Campaign> campaigns;
  std::vector<Report> reports;

  /// The number of a reference; the same name and URL give the same one, a known date is kept.
  std::uint32_t reference(std::string_view name, std::string_view url, const Date& date);
  /// Ends a fact: references sorted, once each; `known` is the earliest of their dates and of `otherwise`.
  Fact fact(std::vector<std::uint32_t> cited, const Date& otherwise) const;

 private:
  std::map<std::string, std::uint32_t, std::less<>> numbers_;
};

/// A file of the exchange arrays (docs/knowledge.md). They refer to one another, so all are read before any is used.
struct ExchangeFile {
  std::string name;
  std::string text;
};

/// Each reads one file into `parts`. An error where the file is not of that kind or cannot be read at all.
base::Result<void> read_attack_bundle(std::string_view name, std::string_view text, std::vector<Part>& parts,
                                      Problems& problems);
base::Result<void> read_misp_galaxy(std::string_view name, std::string_view text, std::vector<Part>& parts,
                                    Problems& problems);
base::Result<void> read_maltrail_actor(std::string_view name, std::string_view text, std::vector<Part>& parts,
                                       Problems& problems);
base::Result<void> read_table(std::string_view name, std::string_view text, std::vector<Part>& parts,
                              Problems& problems);

/// All exchange files at once.
void read_exchange(const std::vector<ExchangeFile>& files, std::vector<Part>& parts, Problems& problems);

/// What a JSON file is, by its content; kOther where it is none of these.
enum class ActorFormat : std::uint8_t { kOther, kStixBundle, kMispGalaxy, kExchange };
ActorFormat json_actor_format(std::string_view text);
bool is_maltrail_actor(std::string_view name, std::string_view text);
bool is_table(std::string_view text);

/// The date in a citation's text as ATT&CK writes it: "… (2015, March 30). …"; else the date in its URL.
Date citation_date(std::string_view description, std::string_view url);
/// "…/2015/03/30/…", "…/2015-03-30…", "…/2015/03/…", and the time in the number of a post on Twitter.
Date url_date(std::string_view url);
/// "report", "social", "sandbox-or-feed", "pivot-search": by the host of a reference.
std::string_view reference_kind(std::string_view url);

/// "misp:UUID" and the like sort after ATT&CK's ids.
bool is_attack_group_id(std::string_view id);
/// An id as groups have it: ATT&CK's, or "misp:", "stix:", "maltrail:" and something. Joining tells catalogues by it.
bool is_group_id(std::string_view id);
bool is_attack_id(std::string_view id, char letter);

void sort_relations(std::vector<Relation>& relations);

}  // namespace whodunit::knowledge
