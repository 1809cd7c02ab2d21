#include "logs/row.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <tuple>

#include "connection/community_id.h"
#include "record/uid.h"

namespace whodunit::logs {
namespace {

using record::FieldType;

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T v{};
  const auto r = std::from_chars(text.data(), text.data() + text.size(), v);
  if (r.ec != std::errc() || r.ptr != text.data() + text.size()) return std::nullopt;
  return v;
}

/// A count; JSON writers may spell it "3.0".
std::optional<std::uint64_t> parse_count(std::string_view text) {
  if (text.size() > 2 && text.substr(text.size() - 2) == ".0") text.remove_suffix(2);
  return parse_number<std::uint64_t>(text);
}

std::optional<double> parse_double(std::string_view text) {
  const auto v = parse_number<double>(text);
  return v && std::isfinite(*v) ? v : std::nullopt;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "T" || text == "true") return true;
  if (text == "F" || text == "false") return false;
  return std::nullopt;
}

constexpr std::uint64_t kMostSeconds = 9'223'372'035;  // what int64 nanoseconds hold

// What an empty list that is set points to: a null pointer says unset.
constexpr std::string_view kNoText;
constexpr base::Duration kNoInterval{};
constexpr std::uint64_t kNoCount = 0;

}  // namespace

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  if (text.find_first_of("eE") != std::string_view::npos) {  // JSON: 1e-06
    const auto v = parse_double(text);
    if (!v || std::abs(*v) > static_cast<double>(kMostSeconds)) return std::nullopt;
    return std::llround(*v * 1e9);
  }
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  const auto whole = parse_number<std::uint64_t>(text.substr(0, dot));
  if (!whole || *whole > kMostSeconds) return std::nullopt;
  std::uint64_t nanoseconds = 0;
  if (dot != std::string_view::npos) {
    std::string_view digits = text.substr(dot + 1);
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return std::nullopt;
    // A double's decimal of a time in microseconds (0.20696377754211426): what lies beyond nanoseconds is rounded.
    const bool up = digits.size() > 9 && digits[9] >= '5';
    digits = digits.substr(0, 9);
    for (const char c : digits) nanoseconds = nanoseconds * 10 + static_cast<std::uint64_t>(c - '0');
    for (std::size_t i = digits.size(); i < 9; ++i) nanoseconds *= 10;
    nanoseconds += up ? 1 : 0;
  }
  const auto value = static_cast<std::int64_t>(*whole * 1'000'000'000ull + nanoseconds);
  return negative ? -value : value;
}

std::optional<base::Time> parse_log_time(std::string_view text) {
  if (text.find('T') != std::string_view::npos) {
    // What int64 nanoseconds do not hold is no time.
    if (text.size() < 5 || text.substr(0, 4) < "1970" || text.substr(0, 4) > "2200") return std::nullopt;
    std::string plain(text);
    // "+0200" as RFC 3339 has it: "+02:00".
    const std::size_t n = plain.size();
    if (n > 5 && (plain[n - 5] == '+' || plain[n - 5] == '-') && plain.find(':', n - 5) == std::string::npos)
      plain.insert(n - 2, ":");
    return base::parse_time(plain);
  }
  const std::string_view whole = text.substr(0, text.find('.'));
  if (whole.size() > 11) {
    constexpr auto kMost = static_cast<std::int64_t>(kMostSeconds * 1000);
    const auto milliseconds = parse_number<std::int64_t>(whole);
    if (!milliseconds || *milliseconds < -kMost || *milliseconds > kMost) return std::nullopt;
    return base::Time{*milliseconds * 1'000'000};
  }
  const auto ns = parse_seconds(text);
  return ns ? std::optional(base::Time{*ns}) : std::nullopt;
}

std::optional<base::Time> parse_row_time(std::string_view text) {
  const auto t = parse_log_time(text);
  return t && t->ns >= 0 ? t : std::nullopt;
}

Row::Row(const record::Schema& schema) : schema_(&schema), cells_(schema.fields.size()) {
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const std::string_view name = schema.fields[i].name;
    const auto ends = [&](std::string_view ending) {
      return name.size() >= ending.size() && name.substr(name.size() - ending.size()) == ending;
    };
    cells_[i].mentions_ids = ends("fuids") || ends("fuid") || name == "tunnel_parents";
  }
}

int Row::column(std::string_view name) const {
  for (std::size_t i = 0; i < schema_->fields.size(); ++i)
    if (schema_->fields[i].name == name) return static_cast<int>(i);
  return -1;
}

void Row::begin() {
  head = {};
  text_.clear();
  for (Cell& cell : cells_) {
    cell.set = false;
    cell.items.clear();
    cell.words.clear();
  }
}

std::pair<std::size_t, std::size_t> Row::keep(std::string_view text, bool id) {
  const std::size_t from = text_.size();
  if (id && !text.empty())
    text_ += record::uid_of_text(text).to_string(text.front());
  else
    text_ += text;
  return {from, text_.size() - from};
}

bool Row::set(int column, std::string_view text) {
  if (column < 0) return true;  // nothing of ours
  Cell& cell = cells_[static_cast<std::size_t>(column)];
  switch (schema_->fields[static_cast<std::size_t>(column)].type) {
    case FieldType::kBool: {
      const auto v = parse_bool(text);
      if (!v) return false;
      cell.word = *v;
      break;
    }
    case FieldType::kCount: {
      const auto v = parse_count(text);
      if (!v) return false;
      cell.word = *v;
      break;
    }
    case FieldType::kPort: {
      const auto v = parse_count(text.substr(0, text.find('/')));
      if (!v || *v > 65535) return false;
      cell.word = *v;
      break;
    }
    case FieldType::kInt: {
      const auto v = parse_number<std::int64_t>(text);
      if (!v) return false;
      cell.word = static_cast<std::uint64_t>(*v);
      break;
    }
    case FieldType::kDouble: {
      const auto v = parse_double(text);
      if (!v) return false;
      cell.word = std::bit_cast<std::uint64_t>(*v);
      break;
    }
    case FieldType::kTime: {
      const auto v = parse_log_time(text);
      if (!v) return false;
      cell.word = static_cast<std::uint64_t>(v->ns);
      break;
    }
    case FieldType::kInterval: {
      const auto v = parse_seconds(text);
      if (!v) return false;
      cell.word = static_cast<std::uint64_t>(*v);
      break;
    }
    case FieldType::kAddress: {
      const auto v = base::Address::parse(std::string(text));
      if (!v) return false;
      cell.address = *v;
      break;
    }
    case FieldType::kUid:
    case FieldType::kFuid:
      cell.word = record::uid_of_text(text).value;
      if (cell.word == 0) return false;
      break;
    case FieldType::kText:
      std::tie(cell.from, cell.length) = keep(text, cell.mentions_ids);
      break;
    case FieldType::kTexts:
    case FieldType::kIntervals:
    case FieldType::kCounts:
      return add(column, text);
  }
  cell.set = true;
  return true;
}

void Row::set_list(int column) {
  if (column >= 0) cells_[static_cast<std::size_t>(column)].set = true;
}

bool Row::add(int column, std::string_view text) {
  if (column < 0) return true;
  Cell& cell = cells_[static_cast<std::size_t>(column)];
  switch (schema_->fields[static_cast<std::size_t>(column)].type) {
    case FieldType::kTexts:
      cell.items.push_back(keep(text, cell.mentions_ids));
      break;
    case FieldType::kIntervals: {
      const auto v = parse_seconds(text);
      if (!v) return false;
      cell.words.push_back(static_cast<std::uint64_t>(*v));
      break;
    }
    case FieldType::kCounts: {
      const auto v = parse_count(text);
      if (!v) return false;
      cell.words.push_back(*v);
      break;
    }
    default:
      // A set in another version of the log ("ftp,ftp-data" as service): one text, as TSV has it.
      if (schema_->fields[static_cast<std::size_t>(column)].type != FieldType::kText) return set(column, text);
      if (!cell.set) return set(column, text);
      {
        const std::string joined = std::string(this->text(column)) + "," + std::string(text);
        return set(column, joined);
      }
  }
  cell.set = true;
  return true;
}

void Row::set_count(std::string_view name, std::uint64_t value) {
  const int c = column(name);
  if (c < 0) return;
  cells_[static_cast<std::size_t>(c)].word = value;
  cells_[static_cast<std::size_t>(c)].set = true;
}
void Row::set_bool(std::string_view name, bool value) { set_count(name, value ? 1 : 0); }
void Row::set_time(std::string_view name, base::Time value) { set_count(name, static_cast<std::uint64_t>(value.ns)); }
void Row::set_interval(std::string_view name, base::Duration value) {
  set_count(name, static_cast<std::uint64_t>(value.ns));
}

std::string_view Row::text(int column) const {
  if (!is_set(column)) return {};
  const Cell& cell = cells_[static_cast<std::size_t>(column)];
  return std::string_view(text_).substr(cell.from, cell.length);
}

void Row::append_to(record::Batch& batch) const {
  batch.begin_row(head, {});
  std::vector<std::string_view> texts;
  std::vector<base::Duration> intervals;
  for (std::size_t c = 0; c < cells_.size(); ++c) {
    const Cell& cell = cells_[c];
    if (!cell.set) {
      batch.null(c);
      continue;
    }
    switch (schema_->fields[c].type) {
      case FieldType::kBool:
        batch.put(c, cell.word != 0);
        break;
      case FieldType::kCount:
      case FieldType::kInt:
      case FieldType::kDouble:
      case FieldType::kTime:
      case FieldType::kInterval:
      case FieldType::kPort:
        batch.put(c, cell.word);  // one word each
        break;
      case FieldType::kUid:
        batch.put(c, record::Uid{cell.word});
        break;
      case FieldType::kFuid:
        batch.put(c, record::Fuid{cell.word});
        break;
      case FieldType::kAddress:
        batch.put(c, cell.address);
        break;
      case FieldType::kText: {
        const std::string_view v = std::string_view(text_).substr(cell.from, cell.length);
        batch.put(c, v.data() == nullptr ? record::Text("") : v);
        break;
      }
      case FieldType::kTexts:
        texts.clear();
        for (const auto& [from, length] : cell.items) texts.push_back(std::string_view(text_).substr(from, length));
        // An empty list that is set is not an unset one: it has an address.
        batch.put(c, record::Texts(texts.empty() ? &kNoText : texts.data(), texts.size()));
        break;
      case FieldType::kIntervals:
        intervals.clear();
        for (const std::uint64_t w : cell.words) intervals.push_back({static_cast<std::int64_t>(w)});
        batch.put(c, record::Durations(intervals.empty() ? &kNoInterval : intervals.data(), intervals.size()));
        break;
      case FieldType::kCounts:
        batch.put(c, record::Counts(cell.words.empty() ? &kNoCount : cell.words.data(), cell.words.size()));
        break;
    }
  }
}

void complete_conn(Row& row) {
  const int proto = row.column("proto"), number = row.column("ip_proto"), community = row.column("community_id");
  if (!row.is_set(number)) {
    const std::string_view p = row.text(proto);
    const std::uint64_t v = p == "tcp"    ? 6
                            : p == "udp"  ? 17
                            : p == "sctp" ? 132
                            : p == "icmp" ? (row.head.id.orig_h.is_v4() ? 1 : 58)
                                          : 0;
    if (v != 0) row.set_count("ip_proto", v);
  }
  if (!row.is_set(community) && row.is_set(number))
    row.set(community,
            connection::community_id(static_cast<std::uint8_t>(row.word(number)), row.head.id.orig_h,
                                     row.head.id.resp_h, row.head.id.orig_p.value, row.head.id.resp_p.value));
}

base::Time end_of_conn(const Row& row) {
  const int duration = row.column("duration");
  return row.is_set(duration) ? row.head.ts + base::Duration{static_cast<std::int64_t>(row.word(duration))}
                              : row.head.ts;
}

}  // namespace whodunit::logs
