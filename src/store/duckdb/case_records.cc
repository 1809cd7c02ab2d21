// Looking back into a case's records: scans, groups, counts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "record/batch.h"
#include "store/duckdb/case_store.h"
#include "store/duckdb/layout.h"

namespace whodunit::store::duckdb {

using base::Error;
using base::Result;
using record::FieldType;

std::optional<Column> CaseStore::column(const record::Schema& schema, std::string_view name) const {
  for (std::size_t i = 0; i < kHeadColumns; ++i) {
    const auto layout = head_column(i);
    if (layout.name == name) return Column{layout.type, i == kTs ? FieldType::kTime : FieldType::kText};
  }
  for (const record::Field& field : schema.fields)
    if (field.name == name) return Column{field_column(field).type, field.type};
  return std::nullopt;
}

bool CaseStore::has_column(const record::Schema& schema, std::string_view name) const {
  const auto found = columns_.find(schema.name);
  return found != columns_.end() && found->second.contains(name);
}

Result<std::string> CaseStore::where(const record::Schema& schema, const Filter& filter,
                                     std::vector<Parameter>& parameters) const {
  std::string sql;
  const auto add = [&](const std::string& condition) { sql += (sql.empty() ? " WHERE " : " AND ") + condition; };
  if (filter.from) {
    add("ts >= ?");
    parameters.push_back(Parameter::timestamp(filter.from->ns));
  }
  if (filter.to) {
    add("ts < ?");
    parameters.push_back(Parameter::timestamp(filter.to->ns));
  }
  if (filter.uid) {
    add("uid = ?");
    parameters.push_back(Parameter::of(filter.uid->to_string()));
  }
  for (const Condition& condition : filter.where) {
    const auto layout = column(schema, condition.column);
    if (!layout) return Error{fmt::format("the table {} has no column {}", schema.name, condition.column), path_, ""};
    using Is = Condition::Is;
    if (!has_column(schema, condition.column)) {
      // The field came with a later version than the case's: it is unset in every row.
      add(condition.is == Is::kUnset ? "true" : "false");
      continue;
    }
    const std::size_t need = condition.is == Is::kSet || condition.is == Is::kUnset ? 0 : 1;
    if (condition.is != Is::kOneOf && condition.values.size() != need)
      return Error{fmt::format("the condition on {} takes {} value", condition.column, need == 0 ? "no" : "one"), path_,
                   ""};
    const std::string name = quoted(condition.column);
    const bool is_list = layout->type.ends_with("[]");
    const std::string item_type(is_list ? layout->type.substr(0, layout->type.size() - 2) : layout->type);
    std::optional<Error> bad;
    const auto value = [&](const std::string& text) {
      if (layout->field == FieldType::kTime) {
        const auto t = base::parse_time(text);
        if (!t) bad = Error{fmt::format("\"{}\" is no time", text), path_, "write it as 2007-09-03T02:14:05Z"};
        parameters.push_back(Parameter::timestamp(t.value_or(base::Time{}).ns));
        return std::string("?");
      }
      parameters.push_back(Parameter::of(text));
      return fmt::format("CAST(? AS {})", item_type);
    };
    switch (condition.is) {
      case Is::kEqual:
        add(name + " = " + value(condition.values[0]));
        break;
      case Is::kNotEqual:
        add(name + " IS DISTINCT FROM " + value(condition.values[0]));
        break;
      case Is::kLess:
        add(name + " < " + value(condition.values[0]));
        break;
      case Is::kAtLeast:
        add(name + " >= " + value(condition.values[0]));
        break;
      case Is::kOneOf: {
        std::string list;
        for (const std::string& v : condition.values) list += (list.empty() ? "" : ", ") + value(v);
        add(list.empty() ? "false" : fmt::format("{} IN ({})", name, list));
        break;
      }
      case Is::kStartsWith:
        add(fmt::format("starts_with({}, {})", name, value(condition.values[0])));
        break;
      case Is::kContains:
        add(fmt::format("{}({}, {})", is_list ? "list_contains" : "contains", name, value(condition.values[0])));
        break;
      case Is::kSet:
        add(name + " IS NOT NULL");
        break;
      case Is::kUnset:
        add(name + " IS NULL");
        break;
    }
    if (bad) return *bad;
  }
  return sql;
}

namespace {

/// Puts the values of a scan's row into a batch, field by field.
class RowReader {
 public:
  RowReader(const Rows& rows, const record::Schema& schema, const std::vector<int>& positions)
      : rows_(rows), schema_(schema), positions_(positions) {}

  void read(std::size_t row, std::uint64_t number, record::Batch& out) {
    const auto word = [&](HeadColumn c) { return rows_.is_null(c, row) ? 0 : rows_.word(c, row); };
    const auto text = [&](HeadColumn c) { return rows_.is_null(c, row) ? std::string_view() : rows_.text(c, row); };
    record::Head head;
    head.ts.ns = static_cast<std::int64_t>(word(kTs));
    head.uid = record::Uid::parse(text(kUid));
    if (!rows_.is_null(kOrigHost, row)) {
      head.id.orig_h = base::Address::parse(text(kOrigHost)).value_or(base::Address{});
      head.id.resp_h = base::Address::parse(text(kRespHost)).value_or(base::Address{});
      head.id.orig_p.value = static_cast<std::uint16_t>(word(kOrigPort));
      head.id.resp_p.value = static_cast<std::uint16_t>(word(kRespPort));
    }
    head.place.capture_first = static_cast<std::uint32_t>(word(kPlaceCaptureFirst));
    head.place.first = word(kPlaceFirst);
    head.place.capture_last = static_cast<std::uint32_t>(word(kPlaceCaptureLast));
    head.place.last = word(kPlaceLast);
    out.begin_row(head, {number, 0});
    for (std::size_t field = 0; field < positions_.size(); ++field) {
      const int at = positions_[field];
      if (at < 0 || rows_.is_null(static_cast<std::size_t>(at), row))
        out.null(field);
      else
        put(field, static_cast<std::size_t>(at), row, out);
    }
  }

 private:
  static base::Duration seconds(double v) { return {std::llround(v * 1e9)}; }

  void put(std::size_t field, std::size_t at, std::size_t row, record::Batch& out) {
    switch (schema_.fields[field].type) {
      case FieldType::kBool:
        return out.put(field, rows_.word(at, row) != 0);
      case FieldType::kCount:
        return out.put(field, rows_.word(at, row));
      case FieldType::kInt:
        return out.put(field, static_cast<std::int64_t>(rows_.word(at, row)));
      case FieldType::kDouble:
        return out.put(field, rows_.real(at, row));
      case FieldType::kTime:
        return out.put(field, base::Time{static_cast<std::int64_t>(rows_.word(at, row))});
      case FieldType::kInterval:
        return out.put(field, seconds(rows_.real(at, row)));
      case FieldType::kPort:
        return out.put(field, record::Port{static_cast<std::uint16_t>(rows_.word(at, row))});
      case FieldType::kAddress:
        if (const auto address = base::Address::parse(rows_.text(at, row))) return out.put(field, *address);
        return out.null(field);
      case FieldType::kUid:
        return out.put(field, record::Uid::parse(rows_.text(at, row)));
      case FieldType::kFuid:
        return out.put(field, record::Fuid{record::Uid::parse(rows_.text(at, row)).value});
      case FieldType::kText:
        return out.put(field, rows_.text(at, row));
      case FieldType::kTexts: {
        const auto [offset, length] = rows_.list(at, row);
        texts_.clear();
        texts_.reserve(length + 1);  // so that data() is not null, which would say unset
        for (std::size_t i = 0; i < length; ++i) texts_.push_back(rows_.item_text(at, offset + i));
        return out.put(field, record::Texts(texts_.data(), length));
      }
      case FieldType::kIntervals: {
        const auto [offset, length] = rows_.list(at, row);
        durations_.clear();
        durations_.reserve(length + 1);
        for (std::size_t i = 0; i < length; ++i) durations_.push_back(seconds(rows_.item_real(at, offset + i)));
        return out.put(field, record::Durations(durations_.data(), length));
      }
      case FieldType::kCounts: {
        const auto [offset, length] = rows_.list(at, row);
        counts_.clear();
        counts_.reserve(length + 1);
        for (std::size_t i = 0; i < length; ++i) counts_.push_back(rows_.item_word(at, offset + i));
        return out.put(field, record::Counts(counts_.data(), length));
      }
    }
  }

  const Rows& rows_;
  const record::Schema& schema_;
  const std::vector<int>& positions_;
  std::vector<std::string_view> texts_;
  std::vector<base::Duration> durations_;
  std::vector<std::uint64_t> counts_;
};

}  // namespace

Result<void> CaseStore::scan(const record::Schema& schema, const Scan& scan,
                             const std::function<bool(const record::Batch&)>& take) {
  if (columns_.find(schema.name) == columns_.end()) return {};
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < kHeadColumns; ++i) sql += (i == 0 ? "" : ", ") + quoted(head_column(i).name);
  std::vector<int> positions;  // of each field among the columns read
  int next = kHeadColumns;
  for (const record::Field& field : schema.fields) {
    const bool wanted =
        scan.fields.empty() || std::find(scan.fields.begin(), scan.fields.end(), field.name) != scan.fields.end();
    if (!wanted || !has_column(schema, field.name)) {
      positions.push_back(-1);
      continue;
    }
    sql += ", " + quoted(field.name);
    positions.push_back(next++);
  }
  for (const std::string_view name : scan.fields)
    if (!column(schema, name)) return Error{fmt::format("the table {} has no column {}", schema.name, name), path_, ""};
  std::vector<Parameter> parameters;
  auto condition = where(schema, scan.filter, parameters);
  if (!condition) return condition.error();
  sql += " FROM " + table(schema.name) + *condition;
  if (scan.by_time) sql += " ORDER BY ts, rowid";
  if (scan.limit != 0) sql += fmt::format(" LIMIT {}", scan.limit);
  auto rows = database_->stream(sql, parameters);
  if (!rows) return in_words(rows.error());
  record::Batch batch(schema);
  RowReader reader(*rows, schema, positions);
  std::uint64_t number = 0;
  while (rows->next_chunk()) {
    batch.clear();
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i) reader.read(i, number++, batch);
    if (!take(batch)) break;
  }
  return {};
}

Result<std::vector<Group>> CaseStore::group(const record::Schema& schema, const Grouping& grouping) {
  std::vector<Group> out;
  if (columns_.find(schema.name) == columns_.end()) return out;
  std::string keys, select;
  for (std::size_t i = 0; i < grouping.keys.size(); ++i) {
    const std::string_view name = grouping.keys[i];
    if (!column(schema, name)) return Error{fmt::format("the table {} has no column {}", schema.name, name), path_, ""};
    const std::string expression = has_column(schema, name) ? quoted(name) : "NULL";
    select += fmt::format("CAST({} AS VARCHAR) AS k{}, ", expression, i);
    keys += fmt::format("{}k{}", i == 0 ? "" : ", ", i);
  }
  select += "count(*)::UBIGINT AS n, min(ts), max(ts)";
  for (std::size_t i = 0; i < grouping.aggregates.size(); ++i) {
    const Aggregate& aggregate = grouping.aggregates[i];
    const auto layout = column(schema, aggregate.column);
    if (!layout) return Error{fmt::format("the table {} has no column {}", schema.name, aggregate.column), path_, ""};
    const bool distinct = aggregate.of == Aggregate::Of::kDistinct;
    if (!distinct && (layout->type == "VARCHAR" || layout->type.ends_with("[]")))
      return Error{fmt::format("{} is no number", aggregate.column), path_, ""};
    const std::string name = has_column(schema, aggregate.column) ? quoted(aggregate.column) : "NULL";
    const std::string number =
        layout->field == FieldType::kTime ? fmt::format("epoch({})", name) : fmt::format("CAST({} AS DOUBLE)", name);
    const auto expression = [&]() -> std::string {
      switch (aggregate.of) {
        case Aggregate::Of::kSum:
          return fmt::format("sum({})", number);
        case Aggregate::Of::kMin:
          return fmt::format("min({})", number);
        case Aggregate::Of::kMax:
          return fmt::format("max({})", number);
        case Aggregate::Of::kMean:
          return fmt::format("avg({})", number);
        case Aggregate::Of::kDistinct:
          return fmt::format("count(DISTINCT {})", name);
      }
      return {};
    };
    select += fmt::format(", CAST(coalesce({}, 0) AS DOUBLE) AS v{}", expression(), i);
  }
  if (grouping.by >= static_cast<int>(grouping.aggregates.size()))
    return Error{"the groups cannot be ordered by what is not computed", path_, ""};
  const std::string by = grouping.by < 0 ? "n" : fmt::format("v{}", grouping.by);
  std::vector<Parameter> parameters;
  auto condition = where(schema, grouping.filter, parameters);
  if (!condition) return condition.error();
  std::string sql = "SELECT " + select + " FROM " + table(schema.name) + *condition;
  if (!keys.empty()) sql += " GROUP BY " + keys;
  if (grouping.at_least > 0) sql = fmt::format("SELECT * FROM ({}) WHERE {} >= {}", sql, by, grouping.at_least);
  if (grouping.top != 0)
    sql += fmt::format(" ORDER BY {} DESC{} LIMIT {}", by, keys.empty() ? "" : ", " + keys, grouping.top);
  else if (!keys.empty())
    sql += " ORDER BY " + keys;
  auto rows = database_->stream(sql, parameters);
  if (!rows) return in_words(rows.error());
  const std::size_t k = grouping.keys.size();
  while (rows->next_chunk()) {
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i) {
      Group g;
      for (std::size_t c = 0; c < k; ++c)
        g.keys.push_back(rows->is_null(c, i) ? std::nullopt : std::optional<std::string>(rows->text(c, i)));
      g.count = rows->word(k, i);
      g.first = time_at(*rows, k + 1, i);
      g.last = time_at(*rows, k + 2, i);
      for (std::size_t c = 0; c < grouping.aggregates.size(); ++c) g.values.push_back(rows->real(k + 3 + c, i));
      out.push_back(std::move(g));
    }
  }
  return out;
}

Result<std::uint64_t> CaseStore::count(const record::Schema& schema, const Filter& filter) {
  Grouping all;
  all.filter = filter;
  auto groups = group(schema, all);
  if (!groups) return groups.error();
  return groups->empty() ? std::uint64_t{0} : groups->front().count;
}

Result<std::optional<base::Time>> CaseStore::first_seen(const record::Schema& schema, const Filter& filter) {
  Grouping all;
  all.filter = filter;
  auto groups = group(schema, all);
  if (!groups) return groups.error();
  if (groups->empty() || groups->front().count == 0) return std::optional<base::Time>();
  return std::optional<base::Time>(groups->front().first);
}

}  // namespace whodunit::store::duckdb
