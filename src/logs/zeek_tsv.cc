// Zeek's tab-separated logs (Zeek's "Log Files" documentation, ASCII writer): header lines that begin with #, then a
// line a row. Bytes that do not print are \xNN in values.
#include <algorithm>

#include "logs/line.h"
#include "record/uid.h"

namespace whodunit::logs {
namespace {

// Fields of one header; Zeek's widest logs have about a hundred.
constexpr std::size_t kMostFields = 512;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// \xNN and \\ undone.
std::string_view unescaped(std::string_view text, std::string& scratch) {
  if (text.find('\\') == std::string_view::npos) return text;
  scratch.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x' && hex(text[i + 2]) >= 0 &&
        hex(text[i + 3]) >= 0) {
      scratch += static_cast<char>(hex(text[i + 2]) << 4 | hex(text[i + 3]));
      i += 3;
    } else if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '\\') {
      scratch += '\\';
      ++i;
    } else {
      scratch += text[i];
    }
  }
  return scratch;
}

class ZeekTsv final : public LineReader {
 public:
  explicit ZeekTsv(const record::Schema* schema) { set_schema(schema); }

  Line line(std::string_view text, std::uint64_t number, RowTaker& taker, std::string& why) override {
    if (text.empty()) return Line::kNothing;
    const std::size_t start = text.find_first_not_of(" \t");
    if (start != std::string_view::npos && text[start] == '#') return header(text.substr(start), why);
    if (fields_.empty()) {
      why = "a row before the #fields line";
      return Line::kMalformed;
    }
    if (!row_) return Line::kPassedOver;
    return values(text, number, taker, why);
  }

 private:
  // Where a column of the file goes: a field of the schema, or one of these.
  enum : int { kIgnored = -1, kTs = -2, kUid = -3, kOrigH = -4, kOrigP = -5, kRespH = -6, kRespP = -7, kUids = -8 };

  void set_schema(const record::Schema* schema) {
    row_ = schema == nullptr ? nullptr : std::make_unique<Row>(*schema);
    is_conn_ = schema != nullptr && schema->name == "conn";
  }

  Line header(std::string_view text, std::string& why) {
    const auto rest = [&](std::string_view word) -> std::string_view {
      return text.size() > word.size() && text.substr(0, word.size()) == word &&
                     (text[word.size()] == separator_ || text[word.size()] == ' ')
                 ? text.substr(word.size() + 1)
                 : std::string_view();
    };
    std::string scratch;
    if (const auto v = rest("#separator"); !v.empty()) {
      const std::string_view plain = unescaped(v, scratch);
      if (plain.size() != 1) {
        why = "a #separator of other than one byte";
        return Line::kMalformed;
      }
      separator_ = plain[0];
    } else if (const auto set = rest("#set_separator"); !set.empty()) {
      set_separator_ = unescaped(set, scratch);
    } else if (const auto empty = rest("#empty_field"); !empty.empty()) {
      empty_ = empty;
    } else if (const auto unset = rest("#unset_field"); !unset.empty()) {
      unset_ = unset;
    } else if (const auto path = rest("#path"); !path.empty()) {
      set_schema(record::find_schema(path));
      fields_.clear();
    } else if (auto fields = rest("#fields"); !fields.empty()) {
      return set_fields(fields, why);
    }
    return Line::kNothing;
  }

  Line set_fields(std::string_view fields, std::string& why) {
    fields_.clear();
    while (true) {
      const std::size_t end = fields.find(separator_);
      const std::string_view name = fields.substr(0, end);
      if (fields_.size() == kMostFields) {
        fields_.clear();
        why = "far too many fields";
        return Line::kMalformed;
      }
      fields_.push_back(name == "ts"          ? kTs
                        : name == "uid"       ? kUid
                        : name == "id.orig_h" ? kOrigH
                        : name == "id.orig_p" ? kOrigP
                        : name == "id.resp_h" ? kRespH
                        : name == "id.resp_p" ? kRespP
                        : name == "conn_uids" ? kUids
                        : row_                ? row_->column(name)
                                              : int{kIgnored});
      names_.resize(fields_.size());
      names_[fields_.size() - 1] = name;
      if (end == std::string_view::npos) return Line::kNothing;
      fields.remove_prefix(end + 1);
    }
  }

  Line values(std::string_view text, std::uint64_t number, RowTaker& taker, std::string& why) {
    const auto columns = static_cast<std::size_t>(std::count(text.begin(), text.end(), separator_)) + 1;
    if (columns != fields_.size()) {
      why = std::to_string(columns) + " columns where #fields names " + std::to_string(fields_.size());
      return Line::kMalformed;
    }
    Row& row = *row_;
    row.begin();
    row.head.place.first = row.head.place.last = number;
    bool has_time = false;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const std::size_t end = text.find(separator_);
      const std::string_view raw = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (raw == unset_ || fields_[i] == kIgnored) continue;
      bool ok = true;
      switch (fields_[i]) {
        case kTs: {
          const auto t = parse_row_time(raw);
          if (t) row.head.ts = *t;
          has_time = ok = t.has_value();
          break;
        }
        case kUid:
          row.head.uid = record::uid_of_text(raw);
          break;
        case kUids:
          if (raw != empty_) row.head.uid = record::uid_of_text(raw.substr(0, raw.find(set_separator_)));
          break;
        case kOrigH:
        case kRespH: {
          const auto a = base::Address::parse(std::string(raw));
          if (a) (fields_[i] == kOrigH ? row.head.id.orig_h : row.head.id.resp_h) = *a;
          ok = a.has_value();
          break;
        }
        case kOrigP:
        case kRespP: {
          const auto p = parse_port(raw);
          if (p) (fields_[i] == kOrigP ? row.head.id.orig_p : row.head.id.resp_p).value = *p;
          ok = p.has_value();
          break;
        }
        default:
          ok = value(row, fields_[i], raw);
      }
      if (!ok) {
        why = "\"" + std::string(raw.substr(0, 60)) + "\" is no value of " + names_[i];
        // Without its time and its ends a row says nothing; other fields may be missing.
        if (fields_[i] < kIgnored) return Line::kMalformed;
      }
    }
    if (!has_time) {
      why = "a row without its time";
      return Line::kMalformed;
    }
    if (is_conn_) complete_conn(row);
    taker.row(row, is_conn_ ? end_of_conn(row) : row.head.ts);
    return Line::kRows;
  }

  static std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint32_t v = 0;
    if (text.empty() || text.size() > 5) return std::nullopt;
    for (const char c : text) {
      if (c < '0' || c > '9') return std::nullopt;
      v = v * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return v <= 65535 ? std::optional(static_cast<std::uint16_t>(v)) : std::nullopt;
  }

  bool value(Row& row, int column, std::string_view raw) {
    const record::FieldType type = row.schema().fields[static_cast<std::size_t>(column)].type;
    const bool list = type == record::FieldType::kTexts || type == record::FieldType::kIntervals ||
                      type == record::FieldType::kCounts;
    if (raw == empty_) {
      if (list) row.set_list(column);
      return list || row.set(column, "");
    }
    if (!list) return row.set(column, unescaped(raw, scratch_));
    row.set_list(column);
    bool ok = true;
    while (true) {
      const std::size_t end = set_separator_.empty() ? std::string_view::npos : raw.find(set_separator_);
      const std::string_view item = raw.substr(0, end);
      if (item != unset_) ok = row.add(column, unescaped(item, scratch_)) && ok;
      if (end == std::string_view::npos) return ok;
      raw.remove_prefix(end + set_separator_.size());
    }
  }

  std::unique_ptr<Row> row_;  // null: a log that there is no record type for
  bool is_conn_ = false;
  std::vector<int> fields_;
  std::vector<std::string> names_;
  std::string scratch_;
  char separator_ = '\t';
  std::string set_separator_ = ",", empty_ = "(empty)", unset_ = "-";
};

}  // namespace

std::unique_ptr<LineReader> make_zeek_tsv_reader(const record::Schema* schema) {
  return std::make_unique<ZeekTsv>(schema);
}

}  // namespace whodunit::logs
