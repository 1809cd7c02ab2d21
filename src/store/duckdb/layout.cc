#include "store/duckdb/layout.h"

#include "store/duckdb/database.h"

namespace whodunit::store::duckdb {

using record::FieldType;

ColumnLayout head_column(std::size_t column) {
  static constexpr ColumnLayout kColumns[kHeadColumns] = {
      {"ts", "TIMESTAMP_NS"},
      {"uid", "VARCHAR", false},
      {"id.orig_h", "VARCHAR"},
      {"id.orig_p", "USMALLINT"},
      {"id.resp_h", "VARCHAR"},
      {"id.resp_p", "USMALLINT"},
      {"place.capture_first", "UINTEGER"},
      {"place.first", "UBIGINT"},
      {"place.capture_last", "UINTEGER"},
      {"place.last", "UBIGINT"},
  };
  return kColumns[column];
}

ColumnLayout field_column(const record::Field& field) {
  const auto type = [&]() -> std::string_view {
    switch (field.type) {
      case FieldType::kBool:
        return "BOOLEAN";
      case FieldType::kCount:
        return "UBIGINT";
      case FieldType::kInt:
        return "BIGINT";
      case FieldType::kDouble:
      case FieldType::kInterval:  // seconds, as Zeek has them
        return "DOUBLE";
      case FieldType::kTime:
        return "TIMESTAMP_NS";
      case FieldType::kPort:
        return "USMALLINT";
      case FieldType::kAddress:
      case FieldType::kText:
      case FieldType::kUid:
      case FieldType::kFuid:
        return "VARCHAR";
      case FieldType::kTexts:
        return "VARCHAR[]";
      case FieldType::kIntervals:
        return "DOUBLE[]";
      case FieldType::kCounts:
        return "UBIGINT[]";
    }
    return "VARCHAR";
  };
  const bool unique = field.type == FieldType::kUid || field.type == FieldType::kFuid || field.name == "community_id";
  return {field.name, type(), !unique};
}

namespace {

void append_column(std::string& sql, const ColumnLayout& column) {
  sql += quoted(column.name);
  sql += ' ';
  sql += column.type;
  if (!column.compressed) sql += " USING COMPRESSION uncompressed";
}

}  // namespace

std::string create_table(const record::Schema& schema) {
  std::string sql = "CREATE TABLE " + quoted(schema.name) + " (";
  for (std::size_t i = 0; i < kHeadColumns; ++i) {
    if (i != 0) sql += ", ";
    append_column(sql, head_column(i));
  }
  for (const record::Field& field : schema.fields) {
    sql += ", ";
    append_column(sql, field_column(field));
  }
  return sql + ")";
}

const std::vector<std::string>& case_tables() {
  static const std::vector<std::string> kTables = {
      "CREATE TABLE case_info (key VARCHAR, value VARCHAR)",
      "CREATE TABLE case_tables (name VARCHAR, version USMALLINT)",
      ("CREATE TABLE captures (ordinal UINTEGER, name VARCHAR, path VARCHAR, sha256 VARCHAR, format VARCHAR, "
       "link_types UINTEGER[], packets UBIGINT, bytes UBIGINT, file_bytes UBIGINT, first TIMESTAMP_NS, "
       "last TIMESTAMP_NS, unread UBIGINT, reason VARCHAR, cut_off BOOLEAN, nanoseconds BOOLEAN)"),
      "CREATE TABLE progress (run UINTEGER, packets UBIGINT, last TIMESTAMP_NS, complete BOOLEAN, problem VARCHAR)",
      "CREATE TABLE documents (name VARCHAR, json VARCHAR)",
      ("CREATE TABLE findings (id VARCHAR, detector VARCHAR, techniques VARCHAR[], phase VARCHAR, outcome VARCHAR, "
       "severity VARCHAR, confidence DOUBLE, attacker_type VARCHAR, attacker VARCHAR, victim_type VARCHAR, "
       "victim VARCHAR, first TIMESTAMP_NS, last TIMESTAMP_NS, statement VARCHAR, json VARCHAR)"),
      ("CREATE TABLE evidence (finding VARCHAR, ordinal UINTEGER, record VARCHAR, ts TIMESTAMP_NS, uid VARCHAR, "
       "\"id.orig_h\" VARCHAR, \"id.orig_p\" USMALLINT, \"id.resp_h\" VARCHAR, \"id.resp_p\" USMALLINT, "
       "\"place.capture_first\" UINTEGER, \"place.first\" UBIGINT, \"place.capture_last\" UINTEGER, "
       "\"place.last\" UBIGINT)"),
      ("CREATE TABLE incidents (id VARCHAR, victim VARCHAR, phase VARCHAR, depth VARCHAR, first TIMESTAMP_NS, "
       "last TIMESTAMP_NS, findings VARCHAR[], json VARCHAR)"),
      ("CREATE TABLE assessments (subject VARCHAR, level VARCHAR, hypothesis VARCHAR, probability DOUBLE, "
       "confidence VARCHAR, json VARCHAR)"),
  };
  return kTables;
}

}  // namespace whodunit::store::duckdb
