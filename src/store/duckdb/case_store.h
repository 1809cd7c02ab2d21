// A case: one DuckDB file. It is attached to a database in memory, so that its row groups and its storage version are
// chosen here, and it can be renamed once its tables stand. How it begins and ends is in case_store.cc, what is written
// in case_writing.cc, what it says of itself (captures, findings, incidents) in case_contents.cc, and its records in
// case_records.cc.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/duckdb/database.h"
#include "store/duckdb/undo_journal.h"
#include "store/store.h"

namespace whodunit::store::duckdb {

class TableWriter;

/// What the case's file is called in the database that it is attached to.
inline constexpr const char* kCatalog = "this_case";

/// A column as DuckDB has it, and the field that it holds.
struct Column {
  std::string_view type;
  record::FieldType field = record::FieldType::kText;
};

/// A time of the case, 0 where it is NULL.
inline base::Time time_at(const Rows& rows, std::size_t column, std::size_t row) {
  return {rows.is_null(column, row) ? 0 : static_cast<std::int64_t>(rows.word(column, row))};
}

class CaseStore final : public Store {
 public:
  CaseStore(std::string path, const Options& options);
  CaseStore(const CaseStore&) = delete;
  CaseStore& operator=(const CaseStore&) = delete;
  ~CaseStore() override;

  base::Result<void> create();
  base::Result<void> open(bool to_append);

  base::Result<void> append(const record::Batch& batch) override;
  bool due() const override { return uncommitted_rows_ >= options_.commit_rows; }
  base::Result<void> commit(const Progress& progress, std::span<const Capture> captures) override;
  base::Result<void> put_findings(std::span<const Finding> findings) override;
  base::Result<void> replace_findings(std::span<const Finding> findings) override;
  base::Result<void> replace_incidents(std::span<const Incident> incidents) override;
  base::Result<void> replace_assessments(std::span<const Assessment> assessments) override;
  base::Result<void> put_document(std::string_view name, std::string_view json) override;

  std::uint32_t first_capture() const override { return first_capture_; }
  base::Result<std::vector<Capture>> captures() override;
  base::Result<std::vector<Progress>> progress() override;
  base::Result<std::vector<TableInfo>> tables() override;
  base::Result<void> forget_capture(std::uint32_t ordinal) override;
  base::Result<std::vector<Finding>> findings() override { return findings_where("true", {}); }
  base::Result<std::optional<Finding>> finding(std::string_view id) override;
  base::Result<std::vector<Incident>> incidents() override { return incidents_where("true", {}); }
  base::Result<std::optional<Incident>> incident(std::string_view id) override;
  base::Result<std::vector<Assessment>> assessments() override;
  base::Result<std::optional<std::string>> document(std::string_view name) override;

  base::Result<void> scan(const record::Schema& schema, const Scan& scan,
                          const std::function<bool(const record::Batch&)>& take) override;
  base::Result<std::vector<Group>> group(const record::Schema& schema, const Grouping& grouping) override;
  base::Result<std::uint64_t> count(const record::Schema& schema, const Filter& filter) override;
  base::Result<std::optional<base::Time>> first_seen(const record::Schema& schema, const Filter& filter) override;

 private:
  base::Result<void> start_database(std::size_t memory);
  enum class As : std::uint8_t { kNew, kToWrite, kToRead };
  base::Result<void> attach(const std::string& path, As as);
  base::Result<void> begin_writing();
  base::Result<void> check_versions();
  base::Result<void> load_columns();
  base::Result<void> migrate();
  base::Result<void> ensure_table(const record::Schema& schema);
  /// A table of the schema, with all its columns, is in the file.
  void note_columns(const record::Schema& schema);
  base::Result<void> flush();
  /// Of the tables that hold most, so that the memory is bounded.
  base::Result<void> flush_large();
  /// Before each commit that may write a checkpoint.
  base::Result<void> save_undo();
  base::Result<void> insert_findings(std::span<const Finding> findings);
  base::Result<std::vector<Finding>> findings_where(const std::string& where, const std::vector<Parameter>& parameters);
  base::Result<std::vector<Incident>> incidents_where(const std::string& where,
                                                      const std::vector<Parameter>& parameters);
  std::optional<Column> column(const record::Schema& schema, std::string_view name) const;
  bool has_column(const record::Schema& schema, std::string_view name) const;
  /// " WHERE …", with its parameters. Fails where a column is unknown.
  base::Result<std::string> where(const record::Schema& schema, const Filter& filter,
                                  std::vector<Parameter>& parameters) const;
  /// In words, with the case's name.
  base::Error in_words(const base::Error& error) const { return explain(error.what, path_); }
  /// The same, and every later write fails with it.
  base::Error fail(const base::Error& error) {
    if (!failed_) failed_ = in_words(error);
    return *failed_;
  }
  base::Result<void> writable() const {
    if (failed_) return *failed_;
    if (!writing_) return base::Error{"the case was opened to be read only", path_, ""};
    return {};
  }
  static std::string table(std::string_view name) { return std::string(kCatalog) + ".main." + quoted(name); }
  void close();

  std::string path_;
  Options options_;
  UndoJournal undo_;
  std::string spill_;
  std::optional<Database> database_;
  std::map<std::string, std::unique_ptr<TableWriter>, std::less<>> writers_;
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> columns_;  // of the file, by table
  std::optional<base::Error> failed_;
  std::uint64_t uncommitted_rows_ = 0;
  std::uint64_t held_rows_ = 0;  // in writers, at most
  std::size_t block_bytes_ = 0;  // of the file; set where it is written to
  std::uint32_t run_ = 0;
  std::uint32_t first_capture_ = 0;
  bool writing_ = false;
  std::size_t accounted_ = 0;  // bytes that the accountant was told of
};

}  // namespace whodunit::store::duckdb
