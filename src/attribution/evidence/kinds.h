// From the facts of a case to items of evidence. One file per kind; each says where its likelihoods come from.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "attribution/attribution.h"
#include "attribution/model/operator_model.h"

namespace whodunit::attribution {

/// An item, with what the model needs to weigh it.
struct Item {
  Evidence evidence;
  /// What it is to the operator model; kNone where it is none of these.
  std::uint32_t technique = kNone, software = kNone;
  /// The very ids that were seen of `technique`, which is the parent: the model reads both. Sorted, each once.
  std::vector<std::uint32_t> ways;
  std::string observable;
  /// Natural log-ratios that it adds itself: actor's number → ratio against "an unknown group", raw.
  std::map<std::uint32_t, double> actors;
  /// Against "an unknown group", for the answers that are no group: "opportunists", "insiders".
  std::map<std::string, double> others;
};

struct EvidenceInput {
  const CaseFacts& facts;
  const ActorTable* table;  ///< may be null
  const Settings& settings;
  const Weights& weights;
};

std::vector<Item> indicator_items(const EvidenceInput& input);
std::vector<Item> kinship_items(const EvidenceInput& input);
std::vector<Item> software_items(const EvidenceInput& input);
std::vector<Item> technique_items(const EvidenceInput& input);
std::vector<Item> exploit_items(const EvidenceInput& input);
std::vector<Item> working_hours_items(const EvidenceInput& input);
std::vector<Item> language_items(const EvidenceInput& input);
std::vector<Item> victim_items(const EvidenceInput& input);
std::vector<Item> sophistication_items(const EvidenceInput& input);
std::vector<Item> habit_items(const EvidenceInput& input);
std::vector<Item> manual_items(const EvidenceInput& input);

/// All kinds. Ids made, sorted by id, duplicates joined (their findings put together), and of each dependency group
/// only the strongest counted.
std::vector<Item> collect_items(const EvidenceInput& input);

/// Caps a ratio by forgeability: the mark may have been left by another who wanted to (probability `forgeability`), so
/// that e^x becomes e^x / (1 − f + f e^x) where x > 0: never above 1/f.
double capped(double log_ratio, double forgeability);
/// How much of a log-ratio a grade lets stand: A1 all of it, E5 a tenth; F and 6 (cannot be judged) a middling half.
double grade_factor(const Grade& grade);
std::string item_id(const Evidence& evidence);
Evidence make_evidence(std::string kind, Channel channel, std::string value, std::string statement,
                       const Support& support);
/// Numbers of the actors whose claimed country is `country`.
std::vector<std::uint32_t> actors_of_country(const ActorTable* table, std::string_view country);

}  // namespace whodunit::attribution
