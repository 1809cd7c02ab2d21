// Trials: labelled rows on which attribution is measured (docs/attribution.md, "Trials").
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attribution/model/operator_model.h"
#include "base/result.h"

namespace whodunit::attribution {

enum class TrialKind : std::uint8_t {
  kProfile,         ///< techniques, software (campaigns, single reports)
  kInfrastructure,  ///< names and addresses of one report
  kJoint,           ///< both
  kVictims,         ///< an actor's victims; the answer is a country
};

struct Trial {
  std::string id;
  TrialKind kind = TrialKind::kProfile;
  std::vector<std::string> techniques, software, observables, victims;
  std::int32_t day = kNoDay;
  bool labelled = false;                 ///< false: linked to nobody; a weak label for "unknown"
  bool negative = false;                 ///< ordinary crime: "unknown" is right
  std::vector<std::string> true_groups;  ///< keys
  std::string true_country;
  bool answerable = true;
  std::vector<std::string> exclude_campaigns, exclude_reports;
  std::map<std::string, std::vector<std::string>> exclude;  ///< group → techniques and software
  std::map<std::string, std::vector<std::string>> exclude_software_techniques;
};

/// Rows of a JSON array. Every form of row in docs/attribution.md is read. An error says which row and why.
base::Result<std::vector<Trial>> read_trials(const std::string& path);
/// The same, every row taken for ordinary crime.
base::Result<std::vector<Trial>> read_negatives(const std::string& path);
/// From text; `where` is named in errors.
base::Result<std::vector<Trial>> parse_trials(std::string_view text, const std::string& where);

/// What a trial shows.
enum class EvidenceChoice : std::uint8_t { kAll, kTechniques, kNetwork, kInfrastructure, kProfile, kRandom30 };
/// What may be known.
enum class KnowledgeChoice : std::uint8_t { kLeaveOneOut, kEarlier, kGap180 };
std::optional<EvidenceChoice> evidence_choice(std::string_view text);
std::optional<KnowledgeChoice> knowledge_choice(std::string_view text);

/// The trial's evidence in the table's numbers; ids that the table does not know are left out and counted.
Question question_of(const Trial& trial, const ActorTable& table, EvidenceChoice choice,
                     std::size_t* unknown_ids = nullptr);
/// What may be known for the trial, without its true groups where `remove_truth`. Nothing where the choice needs a date
/// that the trial does not have.
std::optional<View> view_of(const Trial& trial, const ActorTable& table, KnowledgeChoice choice, bool remove_truth);
/// Numbers of its true groups, those that the table knows.
std::vector<std::uint32_t> truth_of(const Trial& trial, const ActorTable& table);

}  // namespace whodunit::attribution
