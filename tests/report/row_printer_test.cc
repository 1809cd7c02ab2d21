// A query's rows in each of the three forms.
#include "report/row_printer.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

namespace whodunit::report {
namespace {

using Cell = std::optional<std::string>;

std::string print(RowFormat format, const std::vector<std::array<Cell, 3>>& rows) {
  char* data = nullptr;
  std::size_t size = 0;
  std::FILE* out = ::open_memstream(&data, &size);
  RowPrinter printer(out, format);
  const std::array<store::QueryColumn, 3> columns = {
      {{"name", false, false}, {"n", true, true}, {"list", true, false}}};
  printer.begin(columns);
  for (const auto& row : rows) EXPECT_TRUE(printer.row(row));
  EXPECT_TRUE(printer.finish());
  std::fclose(out);
  const std::string text(data, size);
  std::free(data);
  return text;
}

TEST(RowPrinter, Table) {
  EXPECT_EQ(print(RowFormat::kTable, {{"caf\xc3\xa9", "7", "[1]"}, {std::nullopt, "1234", std::nullopt}}),
            "name     n  list\n"
            "----------------\n"
            "caf\xc3\xa9     7  [1]\n"
            "NULL  1234  NULL\n");
  EXPECT_EQ(print(RowFormat::kTable, {}), "name  n  list\n-------------\n");
  // An escape sequence from the wire does not reach the terminal.
  EXPECT_NE(print(RowFormat::kTable, {{"\x1b[2J", "1", "[]"}}).find("\\x1b[2J"), std::string::npos);
}

TEST(RowPrinter, Json) {
  EXPECT_EQ(print(RowFormat::kJson, {{"a \"b\"", "7", "[1,null]"}, {std::nullopt, "nan", std::nullopt}}),
            "[\n{\"name\":\"a \\\"b\\\"\",\"n\":7,\"list\":[1,null]},\n{\"name\":null,\"n\":null,\"list\":null}\n]\n");
  EXPECT_EQ(print(RowFormat::kJson, {}), "[]\n");
}

TEST(RowPrinter, Csv) {
  EXPECT_EQ(print(RowFormat::kCsv, {{"a,\"b\"", "7", "[1,2]"}, {std::nullopt, "1", "two\nlines"}}),
            "name,n,list\r\n\"a,\"\"b\"\"\",7,\"[1,2]\"\r\n,1,\"two\nlines\"\r\n");
}

}  // namespace
}  // namespace whodunit::report
