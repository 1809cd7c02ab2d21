// Feeds: files of indicators, of networks, of warnings, read into one form by their content.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "knowledge/date.h"
#include "knowledge/indicators/indicators.h"
#include "knowledge/networks/networks.h"
#include "knowledge/problem.h"

namespace whodunit::knowledge {

enum class FeedFormat : std::uint8_t {
  kUnknown,
  kStix,             ///< STIX 2.0 or 2.1 bundle
  kMispEvent,        ///< MISP event(s) as JSON
  kWarningList,      ///< MISP warning list
  kMaltrail,         ///< maltrail trail
  kPlainList,        ///< one indicator a line
  kCsv,              ///< columns, with or without a header
  kSignatureBase,    ///< "value;score;comment"
  kNetworks,         ///< networks: netset, CIDR list, JSON of prefixes
  kSystems,          ///< autonomous systems
  kRangeTable,       ///< ranges to country or AS, CSV
  kMmdb,             ///< the same, MaxMind's format
  kVulnerabilities,  ///< CISA's KEV
  kYara,
  kCount,
};
std::string_view to_string(FeedFormat format);

/// What a feed's content is good for.
enum class FeedRole : std::uint8_t { kIndicators, kContext, kWarnings, kTable, kVulnerabilities, kRules };
std::string_view to_string(FeedRole role);

/// One indicator; text that many share is a number into Feed::strings (0 is "").
struct FeedIndicator {
  IndicatorKind kind = IndicatorKind::kAddress;
  bool partial = false;
  std::uint16_t port = 0;
  std::uint32_t report = 0, actor = 0, malware = 0;
  float confidence = 0.5F;
  Date date, until;
  std::string value;  ///< canonical
};

struct FeedNetwork {
  base::Network network;
  std::uint32_t label = 0;
};
struct FeedSystem {
  std::uint32_t number = 0;
  std::uint32_t label = 0;
};

/// A warning list's content.
struct FeedWarnings {
  std::string name;
  std::string type;  ///< "string", "hostname", "cidr", "substring", "regex"
  std::string category;
  std::vector<std::string> entries;
};

/// One file as read.
struct Feed {
  std::string name;  ///< base name of the file
  FeedFormat format = FeedFormat::kUnknown;
  FeedRole role = FeedRole::kIndicators;
  NetworkKind network_kind = NetworkKind::kUnknown;  ///< of a context feed
  std::string title;                                 ///< the file's own; may be empty
  std::string licence;                               ///< as the file says; may be empty
  Date date;                                         ///< newest thing in it, as the file says
  std::vector<FeedIndicator> indicators;
  std::vector<FeedNetwork> networks;
  std::vector<FeedSystem> systems;
  std::vector<FeedWarnings> warnings;
  /// Kinds that cannot be seen on the wire ("process:name"), or that are not for detection: counted, not wrong.
  std::map<std::string, std::uint64_t> passed_over;

  Feed() : strings(1) {}
  std::vector<std::string> strings;  ///< [0] is ""
  std::uint32_t string(std::string_view text);

 private:
  std::unordered_map<std::string, std::uint32_t> string_numbers_;
};

/// What the user says about a feed; empty is "as it is by its content".
struct FeedOptions {
  std::string role;          ///< "indicator", "context", "warning"
  std::string network_kind;  ///< network_kind()'s words
  std::string value_kind;    ///< what the values of a list or of the CSV's value column are: indicator_kind()'s words
  std::string actor;
  Date date;
  std::string path_hint;  ///< where the file lies, for words like "vpn" in its folders' names
};

/// Finds the format by content; kUnknown where there is none that fits.
FeedFormat detect_feed(std::string_view name, std::string_view text);
/// Reads a feed of any text format. Malformed lines and objects go to `problems`, the others are taken; an error where
/// nothing could be taken. MMDB, YARA, range tables and KEV are recognised and left to their owners.
base::Result<void> read_feed(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                             Problems& problems);

/// A value of a kind in canonical form; empty and `why` set where it is none.
std::string canonical_value(IndicatorKind kind, std::string_view text, std::string& why);
/// Adds what a free value is, by its form: address, network, domain, URL, digest, e-mail address. False and `why` where
/// it is none of these. `as` (kCount: any) forces a kind.
bool add_value(Feed& feed, std::string_view text, IndicatorKind as, const FeedIndicator& like, std::string& why);

}  // namespace whodunit::knowledge
