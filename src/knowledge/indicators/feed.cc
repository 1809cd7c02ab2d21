#include "knowledge/indicators/feed.h"

#include <algorithm>

#include "knowledge/indicators/feed_readers.h"
#include "knowledge/indicators/trail.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

std::string_view to_string(FeedFormat format) {
  static constexpr std::string_view kNames[] = {
      "unknown", "STIX bundle",        "MISP event",       "MISP warning list",          "maltrail trail", "plain list",
      "CSV",     "';'-separated list", "list of networks", "list of autonomous systems", "range table",    "MMDB",
      "KEV",     "YARA rules"};
  return kNames[static_cast<std::size_t>(format)];
}

std::string_view to_string(FeedRole role) {
  static constexpr std::string_view kNames[] = {"indicators",    "context",         "warnings",
                                                "address table", "vulnerabilities", "rules"};
  return kNames[static_cast<std::size_t>(role)];
}

std::string_view to_string(IndicatorKind kind) {
  static constexpr std::string_view kNames[] = {"address", "network", "domain",       "url",   "md5",
                                                "sha1",    "sha256",  "certificate",  "ja3",   "ja3s",
                                                "ja4",     "hassh",   "hassh-server", "email", "user-agent"};
  return kind == IndicatorKind::kCount ? std::string_view("unknown") : kNames[static_cast<std::size_t>(kind)];
}

IndicatorKind indicator_kind(std::string_view word) {
  static constexpr std::pair<std::string_view, IndicatorKind> kWords[] = {
      {"address", IndicatorKind::kAddress},
      {"ip", IndicatorKind::kAddress},
      {"ipv4", IndicatorKind::kAddress},
      {"ipv6", IndicatorKind::kAddress},
      {"ip-address", IndicatorKind::kAddress},
      {"ip-dst", IndicatorKind::kAddress},
      {"ip-src", IndicatorKind::kAddress},
      {"ipaddress", IndicatorKind::kAddress},
      {"dst-ip", IndicatorKind::kAddress},
      {"src-ip", IndicatorKind::kAddress},
      {"dstip", IndicatorKind::kAddress},
      {"ipv4-addr", IndicatorKind::kAddress},
      {"ipv6-addr", IndicatorKind::kAddress},
      {"ip:port", IndicatorKind::kAddress},
      {"ip-port", IndicatorKind::kAddress},
      {"c2", IndicatorKind::kAddress},
      {"network", IndicatorKind::kNetwork},
      {"cidr", IndicatorKind::kNetwork},
      {"subnet", IndicatorKind::kNetwork},
      {"netblock", IndicatorKind::kNetwork},
      {"domain", IndicatorKind::kDomain},
      {"hostname", IndicatorKind::kDomain},
      {"host", IndicatorKind::kDomain},
      {"fqdn", IndicatorKind::kDomain},
      {"domain-name", IndicatorKind::kDomain},
      {"domainname", IndicatorKind::kDomain},
      {"dns", IndicatorKind::kDomain},
      {"url", IndicatorKind::kUrl},
      {"uri", IndicatorKind::kUrl},
      {"link", IndicatorKind::kUrl},
      {"md5", IndicatorKind::kMd5},
      {"md5-hash", IndicatorKind::kMd5},
      {"filehash-md5", IndicatorKind::kMd5},
      {"sha1", IndicatorKind::kSha1},
      {"sha-1", IndicatorKind::kSha1},
      {"sha1-hash", IndicatorKind::kSha1},
      {"filehash-sha1", IndicatorKind::kSha1},
      {"sha256", IndicatorKind::kSha256},
      {"sha-256", IndicatorKind::kSha256},
      {"sha256-hash", IndicatorKind::kSha256},
      {"filehash-sha256", IndicatorKind::kSha256},
      {"certificate", IndicatorKind::kCertificate},
      {"cert", IndicatorKind::kCertificate},
      {"ssl-cert", IndicatorKind::kCertificate},
      {"x509", IndicatorKind::kCertificate},
      {"x509-fingerprint-sha1", IndicatorKind::kCertificate},
      {"x509-fingerprint-sha256", IndicatorKind::kCertificate},
      {"x509-fingerprint-md5", IndicatorKind::kCertificate},
      {"sslfingerprint", IndicatorKind::kCertificate},
      {"cert-fingerprint", IndicatorKind::kCertificate},
      {"ja3", IndicatorKind::kJa3},
      {"ja3-md5", IndicatorKind::kJa3},
      {"ja3-fingerprint-md5", IndicatorKind::kJa3},
      {"ja3s", IndicatorKind::kJa3s},
      {"ja3s-md5", IndicatorKind::kJa3s},
      {"ja4", IndicatorKind::kJa4},
      {"ja4-fingerprint", IndicatorKind::kJa4},
      {"hassh", IndicatorKind::kHassh},
      {"hassh-md5", IndicatorKind::kHassh},
      {"hasshserver", IndicatorKind::kHasshServer},
      {"hassh-server", IndicatorKind::kHasshServer},
      {"hasshserver-md5", IndicatorKind::kHasshServer},
      {"email", IndicatorKind::kEmail},
      {"e-mail", IndicatorKind::kEmail},
      {"email-src", IndicatorKind::kEmail},
      {"email-dst", IndicatorKind::kEmail},
      {"email-addr", IndicatorKind::kEmail},
      {"sender", IndicatorKind::kEmail},
      {"user-agent", IndicatorKind::kUserAgent},
      {"useragent", IndicatorKind::kUserAgent},
      {"http-user-agent", IndicatorKind::kUserAgent}};
  std::string key = lower(trimmed(word));
  std::replace(key.begin(), key.end(), '_', '-');
  std::replace(key.begin(), key.end(), ' ', '-');
  for (const auto& [name, kind] : kWords) {
    if (key == name) return kind;
  }
  return IndicatorKind::kCount;
}

std::uint32_t Feed::string(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return 0;
  if (text.size() > 4096) text = text.substr(0, 4096);
  const auto [at, fresh] = string_numbers_.emplace(std::string(text), static_cast<std::uint32_t>(strings.size()));
  if (fresh) strings.emplace_back(text);
  return at->second;
}

namespace {

/// Digits and letters of a digest, without colons, spaces and a "sha1:" before it.
std::string bare_hex(std::string_view text) {
  const std::size_t prefix = text.find(':');
  if (prefix != std::string_view::npos && prefix >= 3 && prefix <= 7 && !is_hex(text.substr(0, prefix)))
    text.remove_prefix(prefix + 1);
  std::string out;
  for (const char c : trimmed(text)) {
    if (c != ':' && c != ' ' && c != '-') out += c;
  }
  return is_hex(out) ? lower(out) : std::string();
}

/// "t13d1516h2_8daaf6152771_b186095e22b6".
bool is_ja4(std::string_view text) {
  if (text.size() != 36 || text[10] != '_' || text[23] != '_') return false;
  if (text[0] != 't' && text[0] != 'q' && text[0] != 'd') return false;
  return is_hex(text.substr(11, 12)) && is_hex(text.substr(24, 12));
}

bool is_email(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == 0 || at == std::string_view::npos || text.find('@', at + 1) != std::string_view::npos) return false;
  if (text.find_first_of(" \t/\"<>") != std::string_view::npos) return false;
  return normalised_domain(text.substr(at + 1)).has_value();
}

std::string url_value(const TrailEntry& entry) {
  std::string value = entry.host;
  if (entry.host.find(':') != std::string::npos) value = '[' + value + ']';
  if (entry.port != 0) value += ':' + std::to_string(entry.port);
  return value + entry.path;
}

}  // namespace

std::string canonical_value(IndicatorKind kind, std::string_view raw, std::string& why) {
  const std::string_view text = trimmed(raw);
  const auto digest = [&](std::size_t digits) -> std::string {
    std::string hex = bare_hex(text);
    if (hex.size() == digits) return hex;
    why = "no digest of " + std::to_string(digits) + " hex digits";
    return {};
  };
  switch (kind) {
    case IndicatorKind::kAddress:
    case IndicatorKind::kNetwork:
    case IndicatorKind::kDomain:
    case IndicatorKind::kUrl: {
      const TrailEntry entry = read_trail_entry(text);
      if (entry.kind == TrailEntry::Kind::kMalformed) {
        why = entry.why;
        return {};
      }
      const bool right = kind == IndicatorKind::kAddress   ? entry.kind == TrailEntry::Kind::kAddress
                         : kind == IndicatorKind::kNetwork ? entry.kind == TrailEntry::Kind::kNetwork
                         : kind == IndicatorKind::kDomain  ? entry.kind == TrailEntry::Kind::kDomain
                                                           : entry.kind == TrailEntry::Kind::kUrl;
      if (!right) {
        why = "no " + std::string(to_string(kind));
        return {};
      }
      return entry.kind == TrailEntry::Kind::kUrl ? url_value(entry) : entry.host;
    }
    case IndicatorKind::kMd5:
    case IndicatorKind::kJa3:
    case IndicatorKind::kJa3s:
    case IndicatorKind::kHassh:
    case IndicatorKind::kHasshServer:
      return digest(32);
    case IndicatorKind::kSha1:
      return digest(40);
    case IndicatorKind::kSha256:
      return digest(64);
    case IndicatorKind::kCertificate: {
      std::string hex = bare_hex(text);
      if (hex.size() == 32 || hex.size() == 40 || hex.size() == 64) return hex;
      why = "no digest of a certificate";
      return {};
    }
    case IndicatorKind::kJa4: {
      std::string value = lower(text);
      if (is_ja4(value)) return value;
      why = "no JA4 fingerprint";
      return {};
    }
    case IndicatorKind::kEmail: {
      std::string value = lower(refanged(text));
      if (is_email(value)) return value;
      why = "no e-mail address";
      return {};
    }
    case IndicatorKind::kUserAgent:
      if (text.size() < 2 || text.size() > 2048) {
        why = "no user agent (2 to 2048 bytes)";
        return {};
      }
      return std::string(text);
    case IndicatorKind::kCount:
      break;
  }
  why = "no known kind";
  return {};
}

bool add_value(Feed& feed, std::string_view raw, IndicatorKind as, const FeedIndicator& like, std::string& why) {
  const std::string_view text = trimmed(raw);
  FeedIndicator one = like;
  const bool network_form = as == IndicatorKind::kCount || as == IndicatorKind::kAddress ||
                            as == IndicatorKind::kNetwork || as == IndicatorKind::kDomain || as == IndicatorKind::kUrl;
  if (as == IndicatorKind::kCount) {
    const std::string hex = text.size() <= 100 ? bare_hex(text) : std::string();
    if (hex.size() == 32 || hex.size() == 40 || hex.size() == 64) {
      one.kind = hex.size() == 32   ? IndicatorKind::kMd5
                 : hex.size() == 40 ? IndicatorKind::kSha1
                                    : IndicatorKind::kSha256;
      one.value = hex;
      feed.indicators.push_back(std::move(one));
      return true;
    }
    const std::string small = lower(text);
    if (is_ja4(small)) {
      one.kind = IndicatorKind::kJa4;
      one.value = small;
      feed.indicators.push_back(std::move(one));
      return true;
    }
    if (text.find('@') != std::string_view::npos || text.find("[at]") != std::string_view::npos) {
      std::string email = lower(refanged(text));
      if (is_email(email)) {
        one.kind = IndicatorKind::kEmail;
        one.value = std::move(email);
        feed.indicators.push_back(std::move(one));
        return true;
      }
    }
  }
  if (!network_form) {
    one.kind = as;
    one.value = canonical_value(as, text, why);
    if (one.value.empty()) return false;
    feed.indicators.push_back(std::move(one));
    return true;
  }
  TrailEntry entry = read_trail_entry(text);
  switch (entry.kind) {
    case TrailEntry::Kind::kMalformed:
      why = entry.why;
      return false;
    case TrailEntry::Kind::kDomain:
      one.kind = IndicatorKind::kDomain;
      one.value = std::move(entry.host);
      if (entry.port != 0) one.port = entry.port;
      break;
    case TrailEntry::Kind::kAddress:
      one.kind = IndicatorKind::kAddress;
      one.value = std::move(entry.host);
      if (entry.port != 0) one.port = entry.port;
      break;
    case TrailEntry::Kind::kNetwork: {
      one.kind = IndicatorKind::kNetwork;
      one.value = std::move(entry.host);
      break;
    }
    case TrailEntry::Kind::kUrl:
      one.kind = IndicatorKind::kUrl;
      one.value = url_value(entry);
      break;
  }
  feed.indicators.push_back(std::move(one));
  return true;
}

namespace {

/// Words in a file's or folder's name that say what kind of networks it lists.
NetworkKind kind_by_words(std::string_view path) {
  static constexpr std::pair<std::string_view, NetworkKind> kWords[] = {{"vpn", NetworkKind::kVpn},
                                                                        {"tor-", NetworkKind::kTor},
                                                                        {"torexit", NetworkKind::kTor},
                                                                        {"tor_", NetworkKind::kTor},
                                                                        {"exit-node", NetworkKind::kTor},
                                                                        {"exit_node", NetworkKind::kTor},
                                                                        {"worst", NetworkKind::kAbuseTolerant},
                                                                        {"bulletproof", NetworkKind::kAbuseTolerant},
                                                                        {"bad-asn", NetworkKind::kAbuseTolerant},
                                                                        {"bad_asn", NetworkKind::kAbuseTolerant},
                                                                        {"abuse", NetworkKind::kAbuseTolerant},
                                                                        {"drop", NetworkKind::kAbuseTolerant},
                                                                        {"cdn", NetworkKind::kCdn},
                                                                        {"cloudflare", NetworkKind::kCdn},
                                                                        {"fastly", NetworkKind::kCdn},
                                                                        {"akamai", NetworkKind::kCdn},
                                                                        {"cloud", NetworkKind::kCloud},
                                                                        {"aws", NetworkKind::kCloud},
                                                                        {"azure", NetworkKind::kCloud},
                                                                        {"gcp", NetworkKind::kCloud},
                                                                        {"datacenter", NetworkKind::kHosting},
                                                                        {"data-center", NetworkKind::kHosting},
                                                                        {"hosting", NetworkKind::kHosting},
                                                                        {"hoster", NetworkKind::kHosting},
                                                                        {"scanner", NetworkKind::kScanner},
                                                                        {"scanning", NetworkKind::kScanner},
                                                                        {"residential", NetworkKind::kResidential},
                                                                        {"mobile", NetworkKind::kMobile},
                                                                        {"ipsum", NetworkKind::kBlocklisted},
                                                                        {"blocklist", NetworkKind::kBlocklisted},
                                                                        {"blacklist", NetworkKind::kBlocklisted},
                                                                        {"firehol", NetworkKind::kBlocklisted},
                                                                        {"level", NetworkKind::kBlocklisted},
                                                                        {"proxy", NetworkKind::kVpn},
                                                                        {"proxies", NetworkKind::kVpn}};
  // The nearest part of the path speaks first.
  std::string_view rest = path;
  for (int part = 0; part < 2 && !rest.empty(); ++part) {
    const std::size_t slash = rest.rfind('/');
    const std::string_view piece = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
    for (const auto& [word, kind] : kWords) {
      if (contains_ignoring_case(piece, word)) return kind;
    }
    if (slash == std::string_view::npos) break;
    rest = rest.substr(0, slash);
  }
  return NetworkKind::kUnknown;
}

/// Networks and addresses of a list become context.
void turn_into_context(Feed& feed, const FeedOptions& options) {
  std::vector<FeedIndicator> left;
  for (FeedIndicator& one : feed.indicators) {
    if (one.kind == IndicatorKind::kAddress || one.kind == IndicatorKind::kNetwork) {
      const auto network = base::Network::parse(one.value);
      if (network) feed.networks.push_back({*network, one.malware != 0 ? one.malware : one.actor});
    } else {
      left.push_back(std::move(one));
    }
  }
  feed.indicators = std::move(left);
  feed.role = FeedRole::kContext;
  if (feed.network_kind == NetworkKind::kUnknown) {
    feed.network_kind = kind_by_words(options.path_hint.empty() ? feed.name : options.path_hint);
  }
}

/// Lists that name networks, or very many bare addresses without saying who or why, are context: membership alone is
/// never a finding.
bool is_context_by_content(const Feed& feed) {
  if (!feed.networks.empty() || !feed.systems.empty()) return true;
  std::size_t networks = 0, addresses = 0, said = 0;
  for (const FeedIndicator& one : feed.indicators) {
    if (one.kind == IndicatorKind::kNetwork)
      ++networks;
    else if (one.kind == IndicatorKind::kAddress)
      ++addresses;
    else
      return false;
    if (one.report != 0 || one.actor != 0) ++said;
  }
  if (networks * 2 > feed.indicators.size()) return true;
  return said == 0 && addresses >= 1000 &&
         (feed.format == FeedFormat::kPlainList || feed.format == FeedFormat::kNetworks);
}

}  // namespace

namespace {

/// The line names columns that hold indicators.
bool has_titles(std::string_view line, char separator) {
  for (const std::string_view title : split(line, separator)) {
    bool generic = false;
    if (column_kind(title, generic) != IndicatorKind::kCount || generic) return true;
  }
  return false;
}

}  // namespace

FeedFormat detect_feed(std::string_view name, std::string_view text) {
  if (text.size() > 64 &&
      text.substr(text.size() > 131072 ? text.size() - 131072 : 0).find("\xab\xcd\xefMaxMind.com") !=
          std::string_view::npos)
    return FeedFormat::kMmdb;
  std::string_view head = text.substr(0, 65536);
  if (head.substr(0, 3) == "\xef\xbb\xbf") head.remove_prefix(3);
  const std::string_view start = trimmed(head);
  if (start.empty()) return FeedFormat::kUnknown;
  if (start.find('\0') != std::string_view::npos) return FeedFormat::kUnknown;  // binary
  if (start[0] == '{' || (start[0] == '[' && (start.size() < 2 || start.find_first_of("{\"]", 1) < 40))) {
    const FeedFormat json = detect_json_feed(text);
    if (json != FeedFormat::kUnknown) return json;
  }
  if (contains_ignoring_case(start.substr(0, 200), "cveID,") ||
      contains_ignoring_case(start.substr(0, 200), "\"cveID\""))
    return FeedFormat::kVulnerabilities;
  const std::string small_name = lower(name);
  if ((small_name.size() > 4 && small_name.substr(small_name.size() - 4) == ".yar") ||
      (small_name.size() > 5 && small_name.substr(small_name.size() - 5) == ".yara"))
    return FeedFormat::kYara;
  if (text.find("condition:") != std::string_view::npos && text.find("rule ") != std::string_view::npos &&
      text.find('{') != std::string_view::npos)
    return FeedFormat::kYara;
  // Lines that are no comments, and what stands in them.
  std::size_t lines = 0, networks = 0, addresses = 0, semicolons = 0, commas = 0, tabs = 0, systems = 0,
              network_and_label = 0, digests_or_names = 0;
  bool references = head.find("# Reference:") != std::string_view::npos ||
                    head.find("# Aliases:") != std::string_view::npos ||
                    head.find("Maltrail developers") != std::string_view::npos;
  Lines reader(head);
  std::string_view line, first_line;
  while (lines < 200 && reader.next(line)) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#' || line.substr(0, 2) == "//" || line.substr(0, 2) == "; ") continue;
    ++lines;
    if (lines == 1) first_line = line;
    const std::string_view first = trimmed(line.substr(0, line.find_first_of(",;\t ")));
    if (base::Network::parse(first) && first.find('/') != std::string_view::npos) {
      ++networks;
      if (first.size() < line.size()) ++network_and_label;
    } else if (base::Address::parse(first)) {
      ++addresses;
    } else {
      ++digests_or_names;
    }
    if (line.find(';') != std::string_view::npos) ++semicolons;
    if (line.find(',') != std::string_view::npos) ++commas;
    if (line.find('\t') != std::string_view::npos) ++tabs;
    const std::string_view number = equal_ignoring_case(first.substr(0, 2), "AS") ? first.substr(2) : first;
    if (all_digits(number) && number.size() <= 10) ++systems;
  }
  if (lines == 0) return FeedFormat::kUnknown;
  if (networks * 10 >= lines * 8 && (network_and_label == networks || commas == 0)) return FeedFormat::kNetworks;
  if (references) return FeedFormat::kMaltrail;
  if (systems * 10 >= lines * 7) return FeedFormat::kSystems;
  const char separator = table_separator(head);
  if (semicolons * 2 > lines && commas * 2 < lines) {
    // Titles of columns, or quoted fields: a table. Else "value;score;comment".
    const bool quoted = head.find("\";\"") != std::string_view::npos;
    return separator == ';' && (quoted || has_titles(first_line, ';')) ? FeedFormat::kCsv : FeedFormat::kSignatureBase;
  }
  if (separator != 0 && (commas * 2 > lines || tabs * 2 > lines || separator == '|')) return FeedFormat::kCsv;
  if (semicolons * 4 > lines && name.find("ioc") != std::string_view::npos) return FeedFormat::kSignatureBase;
  if (addresses + networks + digests_or_names > 0) return FeedFormat::kPlainList;
  return FeedFormat::kUnknown;
}

base::Result<void> read_feed(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                             Problems& problems) {
  feed.name = std::string(name);
  feed.format = detect_feed(name, text);
  // User agents hold what separates fields elsewhere: where they are asked for, a line is one.
  if (indicator_kind(options.value_kind) == IndicatorKind::kUserAgent && feed.format == FeedFormat::kSignatureBase)
    feed.format = FeedFormat::kPlainList;
  const std::uint64_t problems_before = problems.count();
  switch (feed.format) {
    case FeedFormat::kStix:
    case FeedFormat::kMispEvent:
    case FeedFormat::kWarningList:
    case FeedFormat::kNetworks: {
      const std::string_view start = trimmed(text.substr(0, 4096));
      const bool json = !start.empty() && (start[0] == '{' || start[0] == '[' || start.substr(0, 3) == "\xef\xbb\xbf");
      if (json) {
        if (auto read = read_json_feed(name, text, options, feed, problems); !read) return read.error();
      } else {
        read_plain_list(name, text, options, feed, problems);
      }
      break;
    }
    case FeedFormat::kMaltrail:
      read_trail_feed(name, text, options, feed, problems);
      break;
    case FeedFormat::kPlainList:
      read_plain_list(name, text, options, feed, problems);
      break;
    case FeedFormat::kSystems:
    case FeedFormat::kCsv:
      read_csv_feed(name, text, options, feed, problems);
      break;
    case FeedFormat::kSignatureBase:
      read_signature_base(name, text, options, feed, problems);
      break;
    case FeedFormat::kVulnerabilities:
      feed.role = FeedRole::kVulnerabilities;
      return {};
    case FeedFormat::kYara:
      feed.role = FeedRole::kRules;
      return {};
    case FeedFormat::kRangeTable:
    case FeedFormat::kMmdb:
      feed.role = FeedRole::kTable;
      return {};
    case FeedFormat::kUnknown:
    case FeedFormat::kCount:
      return base::Error{"holds nothing that is understood as indicators, networks, rules or tables", std::string(name),
                         "formats: STIX 2.x, MISP events and warning lists, maltrail trails, CSV, plain lists, lists "
                         "of networks, KEV, YARA, MMDB"};
  }
  if (feed.format == FeedFormat::kRangeTable) {  // the CSV reader found that it is one
    feed.role = FeedRole::kTable;
    return {};
  }
  if (!feed.warnings.empty()) feed.role = FeedRole::kWarnings;
  if (!options.network_kind.empty()) feed.network_kind = network_kind(options.network_kind);
  const bool context = options.role == "context" || !options.network_kind.empty() ||
                       (options.role != "indicator" && is_context_by_content(feed));
  if (context && feed.warnings.empty()) turn_into_context(feed, options);
  if (options.role == "indicator") {
    feed.role = FeedRole::kIndicators;
    for (const FeedNetwork& network : feed.networks) {
      FeedIndicator one;
      one.kind = network.network.bits128() == 128 ? IndicatorKind::kAddress : IndicatorKind::kNetwork;
      one.value =
          one.kind == IndicatorKind::kAddress ? network.network.address().to_string() : network.network.to_string();
      one.malware = network.label;
      feed.indicators.push_back(std::move(one));
    }
    feed.networks.clear();
  }
  if (options.role == "warning" && feed.warnings.empty()) {
    FeedWarnings list;
    list.name = feed.title.empty() ? feed.name : feed.title;
    list.type = "hostname";
    FeedWarnings nets = list;
    nets.type = "cidr";
    for (const FeedIndicator& one : feed.indicators) {
      (one.kind == IndicatorKind::kAddress || one.kind == IndicatorKind::kNetwork ? nets : list)
          .entries.push_back(one.value);
    }
    for (const FeedNetwork& network : feed.networks) nets.entries.push_back(network.network.to_string());
    if (!list.entries.empty()) feed.warnings.push_back(std::move(list));
    if (!nets.entries.empty()) feed.warnings.push_back(std::move(nets));
    feed.indicators.clear();
    feed.networks.clear();
    feed.role = FeedRole::kWarnings;
  }
  if (!options.actor.empty()) {
    const std::uint32_t actor = feed.string(options.actor);
    for (FeedIndicator& one : feed.indicators) one.actor = actor;
  }
  if (options.date.known()) {
    for (FeedIndicator& one : feed.indicators) {
      if (!one.date.known()) one.date = options.date;
    }
    feed.date = options.date;
  }
  // A feed of things that do not show on the wire is no wrong feed, only of no use here; its reader is told.
  const bool empty = feed.indicators.empty() && feed.networks.empty() && feed.systems.empty() && feed.warnings.empty();
  if (empty && feed.passed_over.empty()) {
    std::string what = "nothing in it could be taken";
    if (const std::size_t bad = problems.count() - problems_before; bad != 0)
      what +=
          bad == 1 ? ": its one entry is malformed" : ": all of its " + std::to_string(bad) + " entries are malformed";
    return base::Error{what, std::string(name), ""};
  }
  return {};
}

}  // namespace whodunit::knowledge
