// How records lie in a case: one table per record type, its columns, and their types.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "record/schema.h"

namespace whodunit::store::duckdb {

/// The layout of a case as a whole, apart from the record types' own versions. A case of a higher one is refused.
inline constexpr unsigned kLayoutVersion = 1;

/// Columns before a record's own fields.
enum HeadColumn : std::size_t {
  kTs,
  kUid,
  kOrigHost,
  kOrigPort,
  kRespHost,
  kRespPort,
  kPlaceCaptureFirst,
  kPlaceFirst,
  kPlaceCaptureLast,
  kPlaceLast,
  kHeadColumns
};

struct ColumnLayout {
  std::string_view name;
  std::string_view type;   ///< DuckDB's
  bool compressed = true;  ///< false where every value differs and a search for likeness would be wasted
};

ColumnLayout head_column(std::size_t column);
ColumnLayout field_column(const record::Field& field);

std::string create_table(const record::Schema& schema);
/// Tables of the case itself: case_info, case_tables, captures, progress, documents, findings, evidence, incidents,
/// assessments.
const std::vector<std::string>& case_tables();

}  // namespace whodunit::store::duckdb
