// Tables: columns are recognised by their titles, else by what stands in them.
#include <algorithm>
#include <array>
#include <map>

#include "knowledge/actors/countries.h"
#include "knowledge/indicators/feed_readers.h"
#include "knowledge/indicators/trail.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

enum class Use : std::uint8_t {
  kNone,
  kValue,
  kGenericValue,
  kType,
  kDate,
  kUntil,
  kReport,
  kMalware,
  kActor,
  kConfidence,
  kPort,
  kSystem,
  kLabel
};

struct Column {
  Use use = Use::kNone;
  IndicatorKind kind = IndicatorKind::kCount;
};

Use use_of(std::string_view title, IndicatorKind& kind) {
  std::string key = lower(trimmed(title));
  for (char& c : key) {
    if (c == '_' || c == ' ' || c == '.') c = '-';
  }
  const auto is = [&key](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), key) != words.end();
  };
  bool generic = false;
  kind = column_kind(title, generic);
  if (kind != IndicatorKind::kCount) return Use::kValue;
  if (generic) return Use::kGenericValue;
  if (is({"type", "indicator-type", "ioc-type", "kind", "observable-type"})) return Use::kType;
  if (is({"date", "first-seen", "firstseen", "first-seen-utc", "listingdate", "listing-date", "created", "created-at",
          "dateadded", "date-added", "added", "timestamp", "valid-from", "first-observed", "reported", "time"}))
    return Use::kDate;
  if (is({"valid-until", "expires", "expiration", "expiration-date"})) return Use::kUntil;
  if (is({"reference", "references", "report", "reference-url", "report-url", "source-url", "ref", "info", "event",
          "title"}))
    return Use::kReport;
  if (is({"malware", "family", "malware-family", "malware-printable", "signature", "listingreason", "listing-reason",
          "threat", "tool", "tags", "description", "comment", "name", "label"}))
    return Use::kMalware;
  if (is({"actor", "group", "threat-actor", "threatactor", "campaign", "adversary", "apt", "attribution"}))
    return Use::kActor;
  if (is({"confidence", "confidence-level", "score", "weight"})) return Use::kConfidence;
  if (is({"port", "dst-port", "dstport", "dest-port"})) return Use::kPort;
  if (is({"asn", "as", "as-number", "autonomous-system-number"})) return Use::kSystem;
  if (is({"entity", "as-name", "organisation", "organization", "asn-name"})) return Use::kLabel;
  return Use::kNone;
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  if (!all_digits(text) || text.size() > 5) return false;
  const unsigned long value = std::stoul(std::string(text));
  if (value > 65535) return false;
  port = static_cast<std::uint16_t>(value);
  return true;
}

IndicatorKind kind_of_value(std::string_view text) {
  Feed probe;
  std::string why;
  if (text.size() > 4096 || !add_value(probe, text, IndicatorKind::kCount, {}, why)) return IndicatorKind::kCount;
  return probe.indicators.front().kind;
}

bool read_system(std::string_view text, std::uint32_t& number) {
  text = trimmed(text);
  if (equal_ignoring_case(text.substr(0, 2), "AS")) text = trimmed(text.substr(2));
  if (!all_digits(text) || text.size() > 10) return false;
  const unsigned long long value = std::stoull(std::string(text));
  if (value == 0 || value > 0xffffffffULL) return false;
  number = static_cast<std::uint32_t>(value);
  return true;
}

/// Two addresses in order and a country or a number: a table of ranges.
bool is_range_table(const std::vector<std::vector<std::string>>& rows) {
  std::size_t good = 0, all = 0;
  for (const auto& row : rows) {
    if (row.size() < 2) continue;
    ++all;
    const auto first = base::Address::parse(row[0]);
    const auto last = row.size() > 2 ? base::Address::parse(row[1]) : std::nullopt;
    const bool range = first && last && row.size() >= 3 && (!country_code(row[2]).empty() || all_digits(row[2]));
    const bool network = base::Network::parse(row[0]) && row[0].find('/') != std::string::npos && row[1].size() == 2 &&
                         !country_code(row[1]).empty();
    if (range || network) ++good;
  }
  return all >= 2 && good * 10 >= all * 8;
}

}  // namespace

IndicatorKind column_kind(std::string_view title, bool& generic) {
  std::string key = lower(trimmed(title));
  std::replace(key.begin(), key.end(), '_', '-');
  std::replace(key.begin(), key.end(), ' ', '-');
  generic = key == "value" || key == "indicator" || key == "ioc" || key == "observable" || key == "ioc-value" ||
            key == "indicator-value" || key == "data";
  if (generic) return IndicatorKind::kCount;
  if (key == "dstip" || key == "dst-ip" || key == "src-ip" || key == "ip-addresses") return IndicatorKind::kAddress;
  if (key == "sha256-hash" || key == "sha256hash") return IndicatorKind::kSha256;
  if (key == "link" || key == "host-name") return key == "link" ? IndicatorKind::kCount : IndicatorKind::kDomain;
  const IndicatorKind kind = indicator_kind(key);
  // Titles that are too common to say anything.
  return key == "sender" || key == "c2" || key == "dns" ? IndicatorKind::kCount : kind;
}

char table_separator(std::string_view text) {
  std::array<std::map<std::size_t, std::size_t>, 4> counts;
  static constexpr char kSeparators[] = {',', ';', '\t', '|'};
  Lines lines(text.substr(0, 65536));
  std::string_view line;
  std::size_t rows = 0;
  while (rows < 100 && lines.next(line)) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#' || line.substr(0, 2) == "//") continue;
    ++rows;
    for (std::size_t i = 0; i < 4; ++i) {
      std::size_t n = 0;
      bool quoted = false;
      for (const char c : line) {
        if (c == '"') quoted = !quoted;
        if (c == kSeparators[i] && !quoted) ++n;
      }
      ++counts[i][n];
    }
  }
  for (std::size_t i = 0; i < 4; ++i) {
    for (const auto& [n, count] : counts[i]) {
      if (n > 0 && count * 10 >= rows * 7 && rows > 0) return kSeparators[i];
    }
  }
  return 0;
}

void read_csv_feed(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                   Problems& problems) {
  const IndicatorKind as = options.value_kind.empty() ? IndicatorKind::kCount : indicator_kind(options.value_kind);
  char separator = table_separator(text);
  if (separator == 0) separator = ',';
  // A sample for recognition; comments are passed over, but the last one before the data may be the header.
  std::vector<std::vector<std::string>> sample;
  std::vector<std::string> header;
  {
    Csv csv(text.substr(0, std::size_t{1} << 20), separator);
    std::vector<std::string> row;
    std::vector<std::string> comment;
    while (sample.size() < 200 && csv.next(row)) {
      if (row.empty() || (row.size() == 1 && row[0].empty())) continue;
      if (row[0].substr(0, 1) == "#" || row[0].substr(0, 2) == "//") {
        if (row.size() > 1 && sample.empty()) {
          comment = row;
          comment[0] = std::string(trimmed(std::string_view(comment[0]).substr(1)));
          if (!comment[0].empty() && comment[0].front() == '"')
            comment[0] = comment[0].substr(1, comment[0].size() > 1 ? comment[0].size() - 2 : 0);
        }
        continue;
      }
      sample.push_back(row);
    }
    std::size_t known = 0;
    for (const std::string& title : comment) {
      IndicatorKind kind;
      if (use_of(title, kind) != Use::kNone) ++known;
    }
    if (known >= 2) header = comment;
  }
  if (sample.empty()) return;
  bool header_in_data = false;
  if (header.empty()) {
    std::size_t known = 0, values = 0;
    for (const std::string& title : sample[0]) {
      IndicatorKind kind;
      if (use_of(title, kind) != Use::kNone) ++known;
      if (kind_of_value(title) != IndicatorKind::kCount) ++values;
    }
    if (known > 0 && values == 0) {
      header = sample[0];
      header_in_data = true;
      sample.erase(sample.begin());
    }
  }
  if (is_range_table(sample)) {
    feed.format = FeedFormat::kRangeTable;
    return;
  }
  std::size_t width = header.size();
  for (const auto& row : sample) width = std::max(width, row.size());
  width = std::min<std::size_t>(width, 256);
  std::vector<Column> columns(width);
  bool any_value = false;
  for (std::size_t i = 0; i < header.size() && i < width; ++i) {
    columns[i].use = use_of(header[i], columns[i].kind);
    any_value = any_value || columns[i].use == Use::kValue || columns[i].use == Use::kGenericValue ||
                columns[i].use == Use::kSystem;
  }
  if (!any_value) {
    // By content: a column in which four of five entries are of one kind.
    for (std::size_t i = 0; i < width; ++i) {
      std::map<IndicatorKind, std::size_t> kinds;
      std::size_t filled = 0, dates = 0, numbers = 0, any = 0;
      for (const auto& row : sample) {
        if (i >= row.size() || row[i].empty()) continue;
        ++filled;
        const IndicatorKind kind = kind_of_value(row[i]);
        if (kind != IndicatorKind::kCount) {
          ++kinds[kind];
          ++any;
        }
        if (Date::parse(row[i])) ++dates;
        std::uint32_t number = 0;
        if (read_system(row[i], number)) ++numbers;
      }
      if (filled == 0 || columns[i].use != Use::kNone) continue;
      if (dates * 10 >= filled * 8)
        columns[i].use = Use::kDate;
      else if (any * 10 >= filled * 8)
        columns[i].use = Use::kGenericValue;
      else if (numbers * 10 >= filled * 8 && i == 0)
        columns[i].use = Use::kSystem;
      else if (any * 2 > filled)
        columns[i].use = Use::kGenericValue;
      any_value = any_value || columns[i].use == Use::kGenericValue || columns[i].use == Use::kSystem;
    }
    // What remains is said about the values.
    for (Column& column : columns) {
      if (column.use == Use::kNone && header.empty()) column.use = Use::kMalware;
    }
  }
  if (!any_value) {
    problems.add(std::string(name),
                 "a table in which no column holds indicators; name one in its header (ip, domain, url, md5, sha1, "
                 "sha256, ja3, …)");
    return;
  }
  Csv csv(text, separator);
  std::vector<std::string> row;
  bool skip_header = header_in_data;
  while (csv.next(row)) {
    if (row.empty() || (row.size() == 1 && row[0].empty()) || row[0].substr(0, 1) == "#" || row[0].substr(0, 2) == "//")
      continue;
    if (skip_header) {
      skip_header = false;
      continue;
    }
    FeedIndicator like;
    IndicatorKind type = as;
    std::string label;
    for (std::size_t i = 0; i < row.size() && i < width; ++i) {
      const std::string& cell = row[i];
      if (cell.empty()) continue;
      switch (columns[i].use) {
        case Use::kType:
          if (const IndicatorKind kind = indicator_kind(cell); kind != IndicatorKind::kCount) type = kind;
          break;
        case Use::kDate:
          if (const auto date = Date::parse(cell)) like.date = *date;
          break;
        case Use::kUntil:
          if (const auto date = Date::parse(cell)) like.until = *date;
          break;
        case Use::kReport:
          like.report = feed.string(cell);
          break;
        case Use::kMalware:
        case Use::kLabel:
          if (label.size() < 200) label += (label.empty() ? "" : "; ") + cell;
          break;
        case Use::kActor:
          like.actor = feed.string(cell);
          break;
        case Use::kConfidence:
          if (all_digits(cell) && cell.size() <= 3 && std::stoi(cell) <= 100)
            like.confidence = static_cast<float>(std::stoi(cell)) / 100.0F;
          else if (equal_ignoring_case(cell, "high"))
            like.confidence = 0.8F;
          else if (equal_ignoring_case(cell, "low"))
            like.confidence = 0.2F;
          break;
        case Use::kPort:
          (void)parse_port(cell, like.port);
          break;
        default:
          break;
      }
    }
    like.malware = feed.string(label);
    newest_date(feed.date, like.date);
    std::size_t taken = 0;
    std::string why = "no value";
    for (std::size_t i = 0; i < row.size() && i < width; ++i) {
      const std::string& cell = row[i];
      if (cell.empty()) continue;
      if (columns[i].use == Use::kSystem) {
        std::uint32_t number = 0;
        if (read_system(cell, number)) {
          feed.systems.push_back({number, like.malware});
          ++taken;
        } else {
          why = "no number of an autonomous system: '" + cell.substr(0, 80) + "'";
        }
      } else if (columns[i].use == Use::kValue || columns[i].use == Use::kGenericValue) {
        IndicatorKind kind = columns[i].use == Use::kValue ? columns[i].kind : type;
        // Names, addresses and URLs stand in one another's columns; add_value tells them apart.
        if (kind == IndicatorKind::kAddress || kind == IndicatorKind::kDomain || kind == IndicatorKind::kNetwork)
          kind = IndicatorKind::kUrl;
        if (as != IndicatorKind::kCount && columns[i].use == Use::kValue && as != columns[i].kind) {
          // "sha1" of a list of certificates.
          const bool digest = columns[i].kind == IndicatorKind::kMd5 || columns[i].kind == IndicatorKind::kSha1 ||
                              columns[i].kind == IndicatorKind::kSha256;
          if (digest) kind = as;
        }
        std::string reason;
        if (add_value(feed, cell, kind, like, reason))
          ++taken;
        else
          why = reason + ": '" + cell.substr(0, 80) + "'";
      }
    }
    if (taken == 0) problems.add(std::string(name) + ':' + std::to_string(csv.line()), why);
  }
}

}  // namespace whodunit::knowledge
