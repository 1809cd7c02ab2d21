// Rows of one record type on their way into a case: column by column into a data chunk, chunk by chunk to DuckDB.
#pragma once

#include <memory>

#include "base/result.h"
#include "record/batch.h"
#include "store/duckdb/database.h"

namespace whodunit::store::duckdb {

/// Appends to one table, within the transaction that the connection is in.
class TableWriter {
 public:
  /// `catalog`: the name that the case is attached by. The table must have the schema's columns, in its order.
  static base::Result<std::unique_ptr<TableWriter>> open(Database& database, const std::string& catalog,
                                                         const record::Schema& schema);
  ~TableWriter();
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  base::Result<void> append(const record::Batch& batch);
  /// Hands everything to DuckDB.
  base::Result<void> flush();
  /// Rows appended since the last flush.
  std::size_t rows_held() const;

 private:
  struct Impl;
  explicit TableWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace whodunit::store::duckdb
