// whodunit query CASE SQL: the case's tables, by SQL, read-only.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/verb.h"
#include "protocol/parser.h"
#include "report/row_printer.h"
#include "store/store.h"

namespace whodunit::cli {

void add_query(CLI::App& app, int& exit_code) {
  struct Flags {
    std::string path, sql;
    bool json = false, csv = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = app.add_subcommand("query", "the case's tables, by SQL (SHOW TABLES lists them)");
  verb->add_option("CASE", flags->path, "a case that `whodunit investigate` wrote")->required();
  verb->add_option("SQL", flags->sql, "one statement of DuckDB's SQL; the case is not changed")->required();
  CLI::Option* json = verb->add_flag("--json", flags->json, "an array of objects");
  verb->add_flag("--csv", flags->csv, "comma-separated, with a header")->excludes(json);
  verb->callback([flags, &exit_code] {
    protocol::register_records();
    report::RowPrinter printer(stdout, flags->json  ? report::RowFormat::kJson
                                       : flags->csv ? report::RowFormat::kCsv
                                                    : report::RowFormat::kTable);
    bool begun = false;
    const auto asked = store::query_case(
        flags->path, flags->sql,
        [&](std::span<const store::QueryColumn> columns) {
          begun = true;
          printer.begin(columns);
        },
        [&](store::QueryRow row) { return printer.row(row); });
    if (!asked) {
      std::fprintf(stderr, "whodunit: %s\n", asked.error().message().c_str());
      // A statement that is wrong is wrong usage; a case that cannot be opened leaves nothing to do.
      exit_code = asked.error().where.empty() ? kUsage : kNothing;
      return;
    }
    if (begun && !printer.finish()) exit_code = kPartly;  // main says why
  });
}

}  // namespace whodunit::cli
