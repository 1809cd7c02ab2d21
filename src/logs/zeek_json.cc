// Zeek's JSON logs: an object a line, keys as in the TSV's header (Zeek's LogAscii::use_json), times as seconds,
// milliseconds or RFC 3339.
#include <simdjson.h>

#include <cmath>

#include "logs/line.h"
#include "record/uid.h"

namespace whodunit::logs {
namespace {

// Objects within the object ("id": {…}) that are followed; Zeek writes none, shippers of logs do.
constexpr unsigned kDepth = 3;

class ZeekJson final : public LineReader {
 public:
  explicit ZeekJson(const record::Schema* schema) {
    if (schema != nullptr) row_ = std::make_unique<Row>(*schema);
    is_conn_ = schema != nullptr && schema->name == "conn";
  }

  Line line(std::string_view text, std::uint64_t number, RowTaker& taker, std::string& why) override {
    if (text.find_first_not_of(" \t") == std::string_view::npos) return Line::kNothing;
    if (text.front() == '#') return Line::kNothing;
    if (!row_) return Line::kPassedOver;
    simdjson::dom::element root;
    // The parser reads beyond the end of what it is given: it copies.
    if (const auto error = parser_.parse(text.data(), text.size(), true).get(root); error != simdjson::SUCCESS) {
      why = simdjson::error_message(error);
      return Line::kMalformed;
    }
    simdjson::dom::object object;
    if (root.get(object) != simdjson::SUCCESS) {
      why = "no JSON object";
      return Line::kMalformed;
    }
    Row& row = *row_;
    row.begin();
    row.head.place.first = row.head.place.last = number;
    has_time_ = head_ok_ = true;
    has_time_ = false;
    take(object, "", 0, why);
    if (!head_ok_) return Line::kMalformed;
    if (!has_time_) {
      why = "a row without its time";
      return Line::kMalformed;
    }
    if (is_conn_) complete_conn(row);
    taker.row(row, is_conn_ ? end_of_conn(row) : row.head.ts);
    return Line::kRows;
  }

 private:
  /// A scalar as text, without quotes; false where it is none.
  static bool scalar(simdjson::dom::element value, std::string& out) {
    using Type = simdjson::dom::element_type;
    switch (value.type()) {
      case Type::STRING: {
        std::string_view text;
        if (value.get(text) != simdjson::SUCCESS) return false;
        out.assign(text);
        return true;
      }
      case Type::BOOL: {
        bool b = false;
        if (value.get(b) != simdjson::SUCCESS) return false;
        out = b ? "true" : "false";
        return true;
      }
      case Type::INT64:
      case Type::UINT64:
      case Type::DOUBLE:
        out = simdjson::to_string(value);
        return true;
      default:
        return false;
    }
  }

  void take(simdjson::dom::object object, const std::string& prefix, unsigned depth, std::string& why) {
    std::string text;
    for (const auto& [key, value] : object) {
      if (value.is_null()) continue;
      const std::string name = prefix + std::string(key);
      const auto refuse = [&] { why = "\"" + text.substr(0, 60) + "\" is no value of " + name; };
      simdjson::dom::object inner;
      if (value.get(inner) == simdjson::SUCCESS) {
        if (depth + 1 < kDepth) take(inner, name + ".", depth + 1, why);
        continue;
      }
      simdjson::dom::array array;
      if (value.get(array) == simdjson::SUCCESS) {
        const int column = row_->column(name);
        if (name == "conn_uids") {
          for (const simdjson::dom::element item : array) {
            if (!row_->head.uid && scalar(item, text)) row_->head.uid = record::uid_of_text(text);
          }
          continue;
        }
        if (column < 0) continue;
        const record::FieldType type = row_->schema().fields[static_cast<std::size_t>(column)].type;
        if (type == record::FieldType::kTexts || type == record::FieldType::kIntervals ||
            type == record::FieldType::kCounts)
          row_->set_list(column);
        for (const simdjson::dom::element item : array)
          if (scalar(item, text) && !row_->add(column, text)) refuse();
        continue;
      }
      if (!scalar(value, text)) continue;
      if (!head(name, value, text)) {
        refuse();
        head_ok_ = false;
      } else if (!is_head_ && !row_->set(name, text)) {
        refuse();
      }
    }
  }

  /// Fields that all records have. False where one is none; `is_head_` says whether it was one at all.
  bool head(const std::string& name, simdjson::dom::element value, const std::string& text) {
    record::Head& head = row_->head;
    is_head_ = true;
    if (name == "ts") {
      // A double of a time of today is exact to a quarter of a microsecond: what is beyond microseconds is noise.
      std::optional<base::Time> t;
      double seconds = 0;
      if (value.type() == simdjson::dom::element_type::DOUBLE && value.get(seconds) == simdjson::SUCCESS) {
        if (seconds >= 0 && seconds < 9e9)
          t = base::Time{std::llround(seconds * 1e6) * 1000};
        else if (seconds >= 1e11 && seconds < 9e12)
          t = base::Time{std::llround(seconds * 1e3) * 1000};
      } else {
        t = parse_row_time(text);
      }
      has_time_ = t.has_value();
      if (t) head.ts = *t;
      return t.has_value();
    }
    if (name == "uid") {
      head.uid = record::uid_of_text(text);
      return true;
    }
    const bool orig_h = name == "id.orig_h" || name == "id_orig_h", resp_h = name == "id.resp_h" || name == "id_resp_h";
    if (orig_h || resp_h) {
      const auto a = base::Address::parse(text);
      if (a) (orig_h ? head.id.orig_h : head.id.resp_h) = *a;
      return a.has_value();
    }
    const bool orig_p = name == "id.orig_p" || name == "id_orig_p", resp_p = name == "id.resp_p" || name == "id_resp_p";
    if (orig_p || resp_p) {
      std::uint64_t port = 0;
      if (value.get(port) != simdjson::SUCCESS || port > 65535) return false;
      (orig_p ? head.id.orig_p : head.id.resp_p).value = static_cast<std::uint16_t>(port);
      return true;
    }
    is_head_ = false;
    return true;
  }

  simdjson::dom::parser parser_{2 * kLongestLine};
  std::unique_ptr<Row> row_;
  bool is_conn_ = false;
  bool has_time_ = false, head_ok_ = false, is_head_ = false;
};

}  // namespace

std::unique_ptr<LineReader> make_zeek_json_reader(const record::Schema* schema) {
  return std::make_unique<ZeekJson>(schema);
}

}  // namespace whodunit::logs
