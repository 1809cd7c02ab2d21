// Feeds as JSON: STIX bundles, MISP events, MISP warning lists, address ranges that providers publish.
#include <algorithm>
#include <unordered_map>

#include "knowledge/indicators/feed_readers.h"
#include "knowledge/indicators/stix_pattern.h"
#include "knowledge/json_access.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

std::string shown(std::string_view text) {
  std::string out = ": '" + std::string(text.substr(0, 120));
  return out + (text.size() > 120 ? "…'" : "'");
}

// --- STIX
// -------------------------------------------------------------------------------------------------------------

class StixReader {
 public:
  StixReader(std::string_view file, Feed& feed, Problems& problems) : file_(file), feed_(feed), problems_(problems) {}
  void read(const dom::array& objects);

 private:
  struct Named {
    std::string_view name;
    bool actor = false;
  };
  void read_indicator(const dom::object& json);
  void take(const StixComparison& comparison, const FeedIndicator& like, std::string_view id);
  std::string where(std::string_view id) const { return std::string(file_) + ", " + std::string(id); }

  std::string_view file_;
  Feed& feed_;
  Problems& problems_;
  std::unordered_map<std::string_view, Named> named_;
  std::unordered_map<std::string_view, std::string_view> reports_;  // object → report's name
  std::unordered_multimap<std::string_view, std::string_view> indicates_;
  std::string_view only_malware_, only_actor_;
};

/// The kind that an object path gives; kCount where it does not show on the wire.
IndicatorKind stix_kind(std::string_view path) {
  const std::size_t colon = path.find(':');
  const std::string_view object = path.substr(0, colon);
  const std::string_view property = colon == std::string_view::npos ? std::string_view{} : path.substr(colon + 1);
  const auto digest = [&](std::string_view word) {
    const std::size_t at = property.rfind('.');
    std::string key = lower(at == std::string_view::npos ? property : property.substr(at + 1));
    key.erase(std::remove(key.begin(), key.end(), '-'), key.end());
    return key == word;
  };
  if (object == "ipv4-addr" || object == "ipv6-addr")
    return property == "value" ? IndicatorKind::kAddress : IndicatorKind::kCount;
  if (object == "domain-name") {
    return property == "value" ? IndicatorKind::kDomain
           : property.substr(0, 16) == "resolves_to_refs" && property.find(".value") != std::string_view::npos
               ? IndicatorKind::kAddress
               : IndicatorKind::kCount;
  }
  if (object == "url") return property == "value" ? IndicatorKind::kUrl : IndicatorKind::kCount;
  if (object == "email-addr") return property == "value" ? IndicatorKind::kEmail : IndicatorKind::kCount;
  if (object == "email-message")
    return property == "from_ref.value" || property == "sender_ref.value" ? IndicatorKind::kEmail
                                                                          : IndicatorKind::kCount;
  if (object == "file" || object == "artifact") {
    if (property.find("hashes") == std::string_view::npos) return IndicatorKind::kCount;
    return digest("md5")      ? IndicatorKind::kMd5
           : digest("sha1")   ? IndicatorKind::kSha1
           : digest("sha256") ? IndicatorKind::kSha256
                              : IndicatorKind::kCount;
  }
  if (object == "x509-certificate")
    return property.find("hashes") != std::string_view::npos ? IndicatorKind::kCertificate : IndicatorKind::kCount;
  if (object == "network-traffic") {
    if (property == "dst_ref.value" || property == "src_ref.value")
      return IndicatorKind::kAddress;  // or a domain: by its form
    if (contains_ignoring_case(property, "request_header.User-Agent")) return IndicatorKind::kUserAgent;
    if (contains_ignoring_case(property, "request_value")) return IndicatorKind::kUrl;
    if (contains_ignoring_case(property, "ja3s")) return IndicatorKind::kJa3s;
    if (contains_ignoring_case(property, "ja3")) return IndicatorKind::kJa3;
    if (contains_ignoring_case(property, "ja4")) return IndicatorKind::kJa4;
    if (contains_ignoring_case(property, "hasshserver")) return IndicatorKind::kHasshServer;
    if (contains_ignoring_case(property, "hassh")) return IndicatorKind::kHassh;
  }
  return IndicatorKind::kCount;
}

void StixReader::take(const StixComparison& comparison, const FeedIndicator& like, std::string_view id) {
  const IndicatorKind kind = stix_kind(comparison.path);
  const bool equal = comparison.op == "=" || comparison.op == "IN" || comparison.op == "ISSUBSET" ||
                     (comparison.op == "LIKE" && comparison.value.find_first_of("%_") == std::string::npos);
  if (kind == IndicatorKind::kCount || !equal || comparison.negated) {
    // A condition that only narrows another one is no indicator of its own.
    if (!comparison.partial || kind != IndicatorKind::kCount) {
      ++feed_.passed_over[comparison.path + (equal ? "" : " " + comparison.op) + (comparison.negated ? " NOT" : "")];
    }
    return;
  }
  FeedIndicator one = like;
  one.partial = comparison.partial;
  std::string why;
  const bool free_form =
      kind == IndicatorKind::kAddress || kind == IndicatorKind::kDomain || kind == IndicatorKind::kUrl;
  if (!add_value(feed_, comparison.value, free_form ? IndicatorKind::kUrl : kind, one, why)) {
    problems_.add(where(id), why + shown(comparison.path + " = " + comparison.value));
  }
}

void StixReader::read_indicator(const dom::object& json) {
  const std::string_view id = text_of(json, "id");
  if (true_of(json, "revoked")) {
    ++feed_.passed_over["revoked"];
    return;
  }
  const std::string_view type = text_of(json, "pattern_type");
  if (!type.empty() && type != "stix") {
    ++feed_.passed_over["pattern of type " + std::string(type)];
    return;
  }
  const std::string_view pattern = text_of(json, "pattern");
  if (pattern.empty()) {
    problems_.add(where(id), "an indicator without a pattern");
    return;
  }
  auto comparisons = parse_stix_pattern(pattern);
  if (!comparisons) {
    problems_.add(where(id), comparisons.error().what + shown(pattern));
    return;
  }
  FeedIndicator like;
  // "unknown", "anomalous-activity", …, "benign": the last is the opposite of an indicator.
  bool benign = false;
  for (const std::string_view key : {"indicator_types", "labels"}) {
    each_text_of(json, key, [&](std::string_view word) { benign = benign || word == "benign"; });
  }
  if (benign) {
    ++feed_.passed_over["benign"];
    return;
  }
  if (const auto date = Date::parse(text_of(json, "valid_from")))
    like.date = *date;
  else if (const auto created = Date::parse(text_of(json, "created")))
    like.date = *created;
  if (const auto until = Date::parse(text_of(json, "valid_until"))) like.until = *until;
  newest_date(feed_.date, like.date);
  const std::int64_t confidence = number_of(json, "confidence", -1);
  if (confidence > 0 && confidence <= 100) like.confidence = static_cast<float>(confidence) / 100.0F;
  const auto [first, last] = indicates_.equal_range(id);
  for (auto at = first; at != last; ++at) {
    const auto named = named_.find(at->second);
    if (named == named_.end()) continue;
    std::uint32_t& into = named->second.actor ? like.actor : like.malware;
    if (into == 0) into = feed_.string(named->second.name);
  }
  if (like.malware == 0) like.malware = feed_.string(only_malware_);
  if (like.actor == 0) like.actor = feed_.string(only_actor_);
  each_object_of(json, "external_references", [&](const dom::object& reference) {
    if (like.report != 0) return;
    const std::string_view url = text_of(reference, "url");
    like.report = feed_.string(url.empty() ? text_of(reference, "source_name") : url);
  });
  if (like.report == 0) {
    const auto report = reports_.find(id);
    if (report != reports_.end()) like.report = feed_.string(report->second);
  }
  if (like.report == 0) like.report = feed_.string(text_of(json, "name"));
  if (like.report == 0) like.report = feed_.string(id);
  for (const StixComparison& comparison : *comparisons) take(comparison, like, id);
}

void StixReader::read(const dom::array& objects) {
  std::size_t malware = 0, actors = 0, position = 0;
  for (const dom::element element : objects) {
    ++position;
    dom::object json;
    if (element.get(json) != simdjson::SUCCESS) {
      problems_.add(where("object " + std::to_string(position)), "is no JSON object");
      continue;
    }
    const std::string_view type = text_of(json, "type"), id = text_of(json, "id");
    if (type.empty() || id.empty()) {
      problems_.add(where(id.empty() ? "object " + std::to_string(position) : std::string(id)),
                    type.empty() ? "has no type" : "has no id");
      continue;
    }
    if (type == "malware" || type == "tool") {
      named_[id] = {text_of(json, "name"), false};
      only_malware_ = text_of(json, "name");
      ++malware;
    } else if (type == "threat-actor" || type == "intrusion-set" || type == "campaign") {
      named_[id] = {text_of(json, "name"), true};
      only_actor_ = text_of(json, "name");
      ++actors;
    } else if (type == "relationship") {
      const std::string_view kind = text_of(json, "relationship_type");
      if (kind == "indicates" || kind == "attributed-to")
        indicates_.emplace(text_of(json, "source_ref"), text_of(json, "target_ref"));
    } else if (type == "report") {
      std::string_view title = text_of(json, "name");
      each_object_of(json, "external_references", [&](const dom::object& reference) {
        const std::string_view url = text_of(reference, "url");
        if (!url.empty() && title == text_of(json, "name")) title = url;
      });
      each_text_of(json, "object_refs", [&](std::string_view object) { reports_.emplace(object, title); });
    } else if (type == "marking-definition" && feed_.licence.empty()) {
      dom::object definition;
      if (json["definition"].get(definition) == simdjson::SUCCESS) {
        const std::string_view statement = text_of(definition, "statement");
        if (!statement.empty())
          feed_.licence = std::string(statement.substr(0, 200));
        else if (!text_of(definition, "tlp").empty())
          feed_.licence = "TLP:" + upper(text_of(definition, "tlp"));
      }
    } else if (type == "identity" && feed_.title.empty()) {
      feed_.title = std::string(text_of(json, "name"));
    }
  }
  // A bundle about one thing need not repeat it by relationships.
  if (malware != 1) only_malware_ = {};
  if (actors != 1) only_actor_ = {};
  for (const dom::element element : objects) {
    dom::object json;
    if (element.get(json) == simdjson::SUCCESS && text_of(json, "type") == "indicator" && !text_of(json, "id").empty())
      read_indicator(json);
  }
}

// --- MISP
// -------------------------------------------------------------------------------------------------------------

/// MISP's attribute types (https://www.misp-standard.org, core format) with the kind of each part of a composite.
struct MispType {
  std::string_view name;
  IndicatorKind first;
  IndicatorKind second = IndicatorKind::kCount;
};
constexpr MispType kMispTypes[] = {
    {"ip-dst", IndicatorKind::kAddress},
    {"ip-src", IndicatorKind::kAddress},
    {"ip-dst|port", IndicatorKind::kAddress},
    {"ip-src|port", IndicatorKind::kAddress},
    {"domain", IndicatorKind::kDomain},
    {"hostname", IndicatorKind::kDomain},
    {"hostname|port", IndicatorKind::kDomain},
    {"domain|ip", IndicatorKind::kDomain, IndicatorKind::kAddress},
    {"url", IndicatorKind::kUrl},
    {"uri", IndicatorKind::kUrl},
    {"link", IndicatorKind::kCount},
    {"md5", IndicatorKind::kMd5},
    {"sha1", IndicatorKind::kSha1},
    {"sha256", IndicatorKind::kSha256},
    {"filename|md5", IndicatorKind::kCount, IndicatorKind::kMd5},
    {"filename|sha1", IndicatorKind::kCount, IndicatorKind::kSha1},
    {"filename|sha256", IndicatorKind::kCount, IndicatorKind::kSha256},
    {"malware-sample", IndicatorKind::kCount, IndicatorKind::kMd5},
    {"attachment", IndicatorKind::kCount},
    {"x509-fingerprint-md5", IndicatorKind::kCertificate},
    {"x509-fingerprint-sha1", IndicatorKind::kCertificate},
    {"x509-fingerprint-sha256", IndicatorKind::kCertificate},
    {"ja3-fingerprint-md5", IndicatorKind::kJa3},
    {"ja3s-fingerprint-md5", IndicatorKind::kJa3s},
    {"ja4-fingerprint", IndicatorKind::kJa4},
    {"hassh-md5", IndicatorKind::kHassh},
    {"hasshserver-md5", IndicatorKind::kHasshServer},
    {"email", IndicatorKind::kEmail},
    {"email-src", IndicatorKind::kEmail},
    {"email-dst", IndicatorKind::kEmail},
    {"email-reply-to", IndicatorKind::kEmail},
    {"user-agent", IndicatorKind::kUserAgent},
};

class MispReader {
 public:
  MispReader(std::string_view file, Feed& feed, Problems& problems) : file_(file), feed_(feed), problems_(problems) {}
  void read_event(const dom::object& event);

 private:
  void read_attribute(const dom::object& json, const FeedIndicator& like);
  void read_tags(const dom::object& json, FeedIndicator& like);

  std::string_view file_;
  Feed& feed_;
  Problems& problems_;
};

void MispReader::read_tags(const dom::object& json, FeedIndicator& like) {
  each_object_of(json, "Tag", [&](const dom::object& tag) {
    const std::string_view name = text_of(tag, "name");
    const std::size_t quote = name.find("=\"");
    if (quote == std::string_view::npos) {
      if (name.substr(0, 4) == "tlp:" && feed_.licence.empty()) feed_.licence = upper(name);
      return;
    }
    std::string_view value = name.substr(quote + 2);
    if (!value.empty() && value.back() == '"') value.remove_suffix(1);
    // ATT&CK's clusters are "APT28 - G0007".
    if (value.size() > 8 && value.substr(value.size() - 8, 4) == " - G") value.remove_suffix(8);
    const std::string_view galaxy = name.substr(0, quote);
    if (galaxy == "misp-galaxy:threat-actor" || galaxy.find("intrusion-set") != std::string_view::npos) {
      like.actor = feed_.string(value);
    } else if (galaxy.find("malware") != std::string_view::npos || galaxy.find("malpedia") != std::string_view::npos ||
               galaxy.find(":tool") != std::string_view::npos || galaxy.find("ransomware") != std::string_view::npos ||
               galaxy.find(":rat") != std::string_view::npos || galaxy.find("botnet") != std::string_view::npos) {
      like.malware = feed_.string(value);
    }
  });
}

void MispReader::read_attribute(const dom::object& json, const FeedIndicator& event) {
  const std::string_view type = text_of(json, "type"), value = text_of(json, "value");
  const std::string where = std::string(file_) + ", attribute " +
                            std::string(text_of(json, "uuid").empty() ? text_of(json, "id") : text_of(json, "uuid"));
  if (type.empty() || value.empty()) {
    problems_.add(where, type.empty() ? "has no type" : "has no value");
    return;
  }
  if (true_of(json, "deleted")) return;
  if (has(json, "to_ids") && !true_of(json, "to_ids")) {
    ++feed_.passed_over["not for detection (to_ids false)"];
    return;
  }
  const auto known =
      std::find_if(std::begin(kMispTypes), std::end(kMispTypes), [&](const MispType& t) { return t.name == type; });
  if (known == std::end(kMispTypes) ||
      (known->first == IndicatorKind::kCount && known->second == IndicatorKind::kCount)) {
    ++feed_.passed_over[std::string(type)];
    return;
  }
  FeedIndicator like = event;
  read_tags(json, like);
  if (const auto seen = Date::parse(text_of(json, "first_seen"))) like.date = *seen;
  const std::int64_t stamp = number_of(json, "timestamp", 0);
  if (!like.date.known() && stamp > 0 && stamp < 9'000'000'000)
    like.date = Date::of_day(static_cast<std::int32_t>(stamp / 86400));
  newest_date(feed_.date, like.date);
  const std::size_t bar = value.find('|');
  const bool composite = type.find('|') != std::string_view::npos || type == "malware-sample";
  std::string why;
  const auto add = [&](std::string_view part, IndicatorKind kind) {
    const bool free_form =
        kind == IndicatorKind::kAddress || kind == IndicatorKind::kDomain || kind == IndicatorKind::kUrl;
    if (!add_value(feed_, part, free_form ? IndicatorKind::kUrl : kind, like, why))
      problems_.add(where, why + shown(part));
  };
  if (!composite) return add(value, known->first);
  if (bar == std::string_view::npos) {
    problems_.add(where, "no '|' in a value of type " + std::string(type) + shown(value));
    return;
  }
  if (type.size() > 5 && type.substr(type.size() - 5) == "|port") {
    const std::string_view port = trimmed(value.substr(bar + 1));
    if (all_digits(port) && port.size() <= 5 && std::stoul(std::string(port)) <= 65535)
      like.port = static_cast<std::uint16_t>(std::stoul(std::string(port)));
    return add(value.substr(0, bar), known->first);
  }
  if (known->first != IndicatorKind::kCount) add(value.substr(0, bar), known->first);
  if (known->second != IndicatorKind::kCount) add(value.substr(bar + 1), known->second);
}

void MispReader::read_event(const dom::object& event) {
  FeedIndicator like;
  if (const auto date = Date::parse(text_of(event, "date"))) like.date = *date;
  like.report = feed_.string(text_of(event, "info"));
  if (like.report == 0) like.report = feed_.string("event " + std::string(text_of(event, "uuid")));
  dom::object owner;
  if (event["Orgc"].get(owner) == simdjson::SUCCESS && feed_.title.empty())
    feed_.title = std::string(text_of(owner, "name"));
  read_tags(event, like);
  each_object_of(event, "Galaxy", [&](const dom::object& galaxy) {
    const std::string_view type = text_of(galaxy, "type");
    each_object_of(galaxy, "GalaxyCluster", [&](const dom::object& cluster) {
      std::string_view value = text_of(cluster, "value");
      if (value.size() > 8 && value.substr(value.size() - 8, 4) == " - G") value.remove_suffix(8);
      if (type == "threat-actor" || type.find("intrusion-set") != std::string_view::npos)
        like.actor = feed_.string(value);
      else if (type.find("malware") != std::string_view::npos || type == "tool" || type == "malpedia")
        like.malware = feed_.string(value);
    });
  });
  // A report's link in the event goes before its title.
  each_object_of(event, "Attribute", [&](const dom::object& attribute) {
    if (text_of(attribute, "type") == "link" && text_of(attribute, "category") == "External analysis")
      like.report = feed_.string(text_of(attribute, "value"));
  });
  each_object_of(event, "Attribute", [&](const dom::object& attribute) { read_attribute(attribute, like); });
  each_object_of(event, "Object", [&](const dom::object& object) {
    each_object_of(object, "Attribute", [&](const dom::object& attribute) { read_attribute(attribute, like); });
  });
}

void read_warning_list(std::string_view name, const dom::object& json, Feed& feed, Problems& problems) {
  FeedWarnings list;
  list.name = std::string(text_of(json, "name"));
  if (list.name.empty()) list.name = std::string(name);
  list.type = std::string(text_of(json, "type"));
  list.category = std::string(text_of(json, "category"));
  std::size_t position = 0;
  each_of(json, "list", [&](const dom::element& element) {
    ++position;
    std::string_view entry;
    if (element.get(entry) != simdjson::SUCCESS || trimmed(entry).empty()) {
      problems.add(std::string(name) + ", entry " + std::to_string(position), "is no text");
      return;
    }
    list.entries.emplace_back(trimmed(entry));
  });
  const std::int64_t version = number_of(json, "version", 0);
  // Versions are often dates: 20240615.
  if (version > 19900101 && version < 22000101) {
    const std::string digits = std::to_string(version);
    if (const auto date = Date::parse(digits.substr(0, 4) + '-' + digits.substr(4, 2) + '-' + digits.substr(6, 2)))
      newest_date(feed.date, *date);
  }
  feed.warnings.push_back(std::move(list));
}

/// Any JSON with prefixes in it: those of cloud providers differ in shape, but each prefix is a string by itself.
void collect_networks(const dom::element& element, Feed& feed, int depth) {
  if (depth > 16 || feed.networks.size() > 4'000'000) return;
  dom::array array;
  dom::object object;
  std::string_view text;
  if (element.get(array) == simdjson::SUCCESS) {
    for (const dom::element inner : array) collect_networks(inner, feed, depth + 1);
  } else if (element.get(object) == simdjson::SUCCESS) {
    for (const dom::key_value_pair pair : object) {
      // Dates of making, as AWS and Google give them.
      if (pair.key == "createDate" || pair.key == "creationTime" || pair.key == "syncToken") {
        std::string date(text_of(pair.value));
        std::replace(date.begin(), date.end(), '/', '-');
        if (const auto day = Date::parse(std::string_view(date).substr(0, 10))) newest_date(feed.date, *day);
        continue;
      }
      collect_networks(pair.value, feed, depth + 1);
    }
  } else if (element.get(text) == simdjson::SUCCESS && text.size() < 50) {
    const bool bare = text.find('/') == std::string_view::npos;
    if (const auto network = base::Network::parse(text);
        network && (!bare || text.find_first_of(".:") != std::string_view::npos)) {
      feed.networks.push_back({*network, 0});
    }
  }
}

bool is_event(const dom::object& json) { return has(json, "Attribute") || (has(json, "info") && has(json, "Object")); }

}  // namespace

FeedFormat detect_json_feed(std::string_view text) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(text.data(), text.size(), true).get(root) != simdjson::SUCCESS) {
    // Broken: by what it begins like, so that the reader can say what is wrong with it.
    const std::string_view head = text.substr(0, 4096);
    if (head.find("\"bundle\"") != std::string_view::npos) return FeedFormat::kStix;
    if (head.find("\"Event\"") != std::string_view::npos || head.find("\"Attribute\"") != std::string_view::npos)
      return FeedFormat::kMispEvent;
    if (head.find("\"matching_attributes\"") != std::string_view::npos ||
        head.find("\"list\"") != std::string_view::npos)
      return FeedFormat::kWarningList;
    return FeedFormat::kUnknown;
  }
  dom::object object;
  dom::array array;
  if (root.get(object) == simdjson::SUCCESS) {
    if (text_of(object, "type") == "bundle" || (has(object, "objects") && has(object, "spec_version")))
      return FeedFormat::kStix;
    if (has(object, "Event") || has(object, "response") || is_event(object)) return FeedFormat::kMispEvent;
    if (has(object, "list") && (has(object, "matching_attributes") || has(object, "type")))
      return FeedFormat::kWarningList;
    if (has(object, "vulnerabilities") && (has(object, "catalogVersion") || has(object, "count")))
      return FeedFormat::kVulnerabilities;
  } else if (root.get(array) == simdjson::SUCCESS) {
    for (const dom::element element : array) {
      dom::object first;
      if (element.get(first) != simdjson::SUCCESS) break;
      if (has(first, "Event") || is_event(first)) return FeedFormat::kMispEvent;
      if (text_of(first, "type") == "indicator") return FeedFormat::kStix;
      break;
    }
  } else {
    return FeedFormat::kUnknown;
  }
  Feed probe;
  collect_networks(root, probe, 0);
  return probe.networks.empty() ? FeedFormat::kUnknown : FeedFormat::kNetworks;
}

base::Result<void> read_json_feed(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                                  Problems& problems) {
  (void)options;
  dom::parser parser;
  auto parsed = parse_json(parser, name, text);
  if (!parsed) return parsed.error();
  const dom::element root = *parsed;
  dom::object object;
  dom::array array;
  switch (feed.format) {
    case FeedFormat::kStix:
      if (root.get(array) != simdjson::SUCCESS &&
          (root.get(object) != simdjson::SUCCESS || object["objects"].get(array) != simdjson::SUCCESS)) {
        return base::Error{"a STIX bundle without \"objects\"", std::string(name), ""};
      }
      StixReader(name, feed, problems).read(array);
      return {};
    case FeedFormat::kMispEvent: {
      MispReader reader(name, feed, problems);
      const auto one = [&](const dom::object& outer) {
        dom::object event;
        reader.read_event(outer["Event"].get(event) == simdjson::SUCCESS ? event : outer);
      };
      if (root.get(object) == simdjson::SUCCESS) {
        if (has(object, "response"))
          each_object_of(object, "response", one);
        else
          one(object);
      } else if (root.get(array) == simdjson::SUCCESS) {
        for (const dom::element element : array) {
          if (element.get(object) == simdjson::SUCCESS) one(object);
        }
      }
      return {};
    }
    case FeedFormat::kWarningList:
      if (root.get(object) == simdjson::SUCCESS) read_warning_list(name, object, feed, problems);
      return {};
    default:
      collect_networks(root, feed, 0);
      return {};
  }
}

}  // namespace whodunit::knowledge
