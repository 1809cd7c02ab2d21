// What is known of actors, compiled for reasoning: one immutable table of groups with their techniques and software, of
// reports with their infrastructure, and inverted indexes over both. A query says which part of it may be used (which
// day it is, which reports and campaigns are set aside), so that one table serves every trial.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace whodunit::knowledge {
class Actors;
}

namespace whodunit::attribution {

inline constexpr std::uint32_t kNone = 0xffffffff;
/// Days since 1970-01-01 that stand for "no date is known".
inline constexpr std::int32_t kNoDay = INT32_MAX;

struct ActorEntry {
  std::string key;  ///< "G0007", or the name of the trail ("apt_donot") where ATT&CK does not know it
  std::string name;
  std::string attack_id;  ///< or empty
  std::string country;    ///< as analysts claim it; or empty
  std::vector<std::string> aliases;
  std::vector<std::string> victims;     ///< ISO 3166 alpha-2, sorted
  std::vector<std::string> categories;  ///< targets
  bool state_sponsored = false;
  std::vector<std::uint32_t> techniques;  ///< the group's own relations: technique numbers, sorted
  std::vector<std::uint32_t> software;    ///< software numbers, sorted
};

struct CampaignEntry {
  std::string id;
  std::vector<std::uint32_t> actors;
  std::vector<std::uint32_t> techniques;
  std::vector<std::uint32_t> software;
};

struct TechniqueEntry {
  std::string id;
  std::string name;
  std::uint32_t parent = kNone;  ///< number of "T1071" for "T1071.001"; its own number otherwise
  bool network_observable = false;
};

struct SoftwareEntry {
  std::string id;
  std::string name;
  bool tool = false;
  std::vector<std::string> aliases;
};

/// One report's infrastructure.
struct ReportEntry {
  std::string id;
  std::uint32_t actor = kNone;
  std::int32_t day = kNoDay;             ///< published; kNoDay where it does not say
  std::int32_t known_by = kNoDay;        ///< not later than this
  bool usable = true;                    ///< has a reference, and an actor
  std::uint32_t names = 0;               ///< how many different ones
  std::vector<std::uint32_t> addresses;  ///< IPv4, host order, sorted, each once
  float sequence_mass = 0;               ///< sum of its sequence postings
  float trait_mass = 0;
  float sequence_norm = 0;  ///< length of its vector of sequences, weighted by rarity
};

/// An actor with a country and victims (victimology); not only ATT&CK's.
struct VictimRow {
  std::string id;
  std::string name;
  std::string country;
  std::vector<std::string> victims;
};

struct Posting {
  std::uint32_t report;
  float count;
};

/// A name of a report, as far as its style goes.
struct StyleName {
  std::uint32_t report;
  float norm;  ///< length of its vector of sequences, weighted by rarity
};

/// Lists of numbers under keys, in flat arrays: small, quick to make, and read back from a file as they are.
class Lists {
 public:
  /// Of (key, value) pairs in any order; values of one key come out sorted, each once.
  static Lists of(std::vector<std::pair<std::uint64_t, std::uint32_t>>&& pairs);
  std::span<const std::uint32_t> find(std::uint64_t key) const;

 private:
  friend struct TableFile;
  std::vector<std::uint64_t> keys_;     // sorted
  std::vector<std::uint32_t> offsets_;  // keys_.size() + 1
  std::vector<std::uint32_t> values_;
};

/// The same where keys are the numbers below a bound.
template <class T>
class Rows {
 public:
  Rows() = default;
  /// From pairs; those of one key keep their order.
  Rows(std::size_t keys, const std::vector<std::pair<std::uint32_t, T>>& pairs) : offsets_(keys + 1, 0) {
    for (const auto& [key, value] : pairs) ++offsets_[key + 1];
    for (std::size_t k = 0; k < keys; ++k) offsets_[k + 1] += offsets_[k];
    values_.resize(pairs.size());
    std::vector<std::uint32_t> at(offsets_.begin(), offsets_.end() - 1);
    for (const auto& [key, value] : pairs) values_[at[key]++] = value;
  }
  std::span<const T> operator[](std::size_t key) const {
    return {values_.data() + offsets_[key], offsets_[key + 1] - offsets_[key]};
  }
  std::size_t size() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }

 private:
  friend struct TableFile;
  std::vector<std::uint32_t> offsets_;
  std::vector<T> values_;
};

/// Sources for a table, still in names.
struct ActorTableInput;

class ActorTable {
 public:
  /// The digested arrays of a folder: groups.json, software.json, techniques.json, campaigns.json, eval_victims.json,
  /// infra/trails.json, infra/background_train.json. Those that are missing are left out; an error where none is there,
  /// or one is broken (which, where).
  static base::Result<std::shared_ptr<const ActorTable>> load_digested(const std::string& folder);
  /// From imported knowledge.
  static std::shared_ptr<const ActorTable> compile(const knowledge::Actors& actors);

  const std::vector<ActorEntry>& actors() const { return actors_; }
  /// Actors whom some source names together with this one: a report of theirs may be one of his. Sorted.
  const std::vector<std::uint32_t>& namesakes(std::uint32_t actor) const { return namesakes_[actor]; }
  const std::vector<CampaignEntry>& campaigns() const { return campaigns_; }
  const std::vector<TechniqueEntry>& techniques() const { return techniques_; }
  const std::vector<SoftwareEntry>& software() const { return software_; }
  const std::vector<ReportEntry>& reports() const { return reports_; }
  const std::vector<VictimRow>& victim_rows() const { return victim_rows_; }

  /// Numbers, or kNone. An actor is found by key, ATT&CK id, name or alias, without regard to case and punctuation;
  /// a name that two actors carry finds none.
  std::uint32_t actor(std::string_view key_or_name) const;
  std::uint32_t technique(std::string_view id) const;
  std::uint32_t software_number(std::string_view id_or_name) const;
  std::uint32_t campaign(std::string_view id) const;
  std::uint32_t report(std::string_view id) const;

  /// Reports that list exactly this name; that list a name under this registered domain; this address; its /24; its
  /// /16.
  std::span<const std::uint32_t> reports_of_name(std::string_view name) const;
  std::span<const std::uint32_t> reports_of_registered(std::string_view registered) const;
  /// Reports with a name whose chosen label is this, under whatever suffix.
  std::span<const std::uint32_t> reports_of_label(std::string_view label) const;
  /// Reports with a name that holds this word (names.h).
  std::span<const std::uint32_t> reports_of_word(std::uint64_t word) const { return by_word_.find(word); }
  std::span<const std::uint32_t> reports_of_address(std::uint32_t address) const;
  std::span<const std::uint32_t> reports_of_net24(std::uint32_t address) const;
  std::span<const std::uint32_t> reports_of_net16(std::uint32_t address) const;
  std::span<const Posting> sequence_postings(std::uint32_t sequence) const { return sequences_[sequence]; }
  /// Names read for style (`style_names()`) that hold a sequence.
  std::span<const std::uint32_t> style_postings(std::uint32_t sequence) const { return style_index_[sequence]; }
  const std::vector<StyleName>& style_names() const { return style_names_; }
  std::span<const Posting> trait_postings(std::uint32_t trait) const { return traits_[trait]; }
  /// Share of a sequence or trait in names of all kinds (reports and the reference of ordinary crime).
  float sequence_share(std::uint32_t sequence) const { return sequence_share_[sequence]; }
  /// −ln of the share: how much a shared sequence says.
  float rarity(std::uint32_t sequence) const { return rarity_[sequence]; }
  float trait_share(std::uint32_t trait) const { return trait_share_[trait]; }

  bool has_reports() const { return !reports_.empty(); }
  bool has_profiles() const { return has_profiles_; }
  /// SHA-256 over all that was taken in.
  const std::string& digest() const { return digest_; }

 private:
  friend struct ActorTableInput;
  void build(ActorTableInput&& input);

  std::vector<ActorEntry> actors_;
  std::vector<std::vector<std::uint32_t>> namesakes_;  // by actor
  std::vector<CampaignEntry> campaigns_;
  std::vector<TechniqueEntry> techniques_;
  std::vector<SoftwareEntry> software_;
  std::vector<ReportEntry> reports_;
  std::vector<VictimRow> victim_rows_;
  using NumberOf = std::unordered_map<std::string, std::uint32_t>;
  NumberOf actor_names_, technique_ids_, software_names_, campaign_ids_, report_ids_;
  Lists by_name_, by_registered_, by_label_, by_word_, by_address_, by_net24_, by_net16_;
  Rows<Posting> sequences_, traits_;
  Rows<std::uint32_t> style_index_;
  std::vector<StyleName> style_names_;
  std::vector<float> sequence_share_, rarity_, trait_share_;
  bool has_profiles_ = false;
  std::string digest_;
};

/// Lower case, letters and digits only (bytes over 127 kept): how names are compared.
std::string comparable_name(std::string_view name);

}  // namespace whodunit::attribution
