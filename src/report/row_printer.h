// Rows of a query as an aligned table, JSON or CSV.
#pragma once

#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "store/store.h"

namespace whodunit::report {

enum class RowFormat { kTable, kJson, kCsv };

/// Prints as rows come. A table's columns are as wide as the first thousand rows need; later rows that need more
/// stand out. JSON is one array of objects, a row a line. CSV is RFC 4180's, NULL an empty cell.
class RowPrinter {
 public:
  RowPrinter(std::FILE* out, RowFormat format) : out_(out), format_(format) {}
  void begin(std::span<const store::QueryColumn> columns);
  /// False where the output takes no more.
  bool row(store::QueryRow cells);
  /// Ends the output; false where something could not be written.
  bool finish();
  std::uint64_t rows() const { return rows_; }

 private:
  void table_row(const std::vector<std::string>& cells, bool header);
  void measure_and_print();
  std::FILE* out_;
  RowFormat format_;
  std::vector<store::QueryColumn> columns_;
  std::vector<std::vector<std::string>> waiting_;
  std::vector<std::size_t> widths_;
  std::string line_;
  std::uint64_t rows_ = 0;
  bool measured_ = false;
};

}  // namespace whodunit::report
