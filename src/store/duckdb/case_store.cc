#include "store/duckdb/case_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "store/duckdb/case_file.h"
#include "store/duckdb/layout.h"
#include "store/duckdb/table_writer.h"

namespace whodunit::store {
namespace duckdb {

using base::Error;
using base::Result;
namespace fs = std::filesystem;

namespace {

// Most of a case's dozens of tables hold few rows: with DuckDB's own 262,144 bytes a block such a case is three times
// as large, and takes more memory while it is written.
constexpr std::size_t kBlockBytes = 32'768;
// Readable by DuckDB 1.2 and later, and so by both bindings that the registry has.
constexpr const char* kStorageVersion = "v1.2.0";
// Rows that are compressed and written together. Smaller ones than DuckDB's 122,880 keep the memory small that the rows
// of an unfinished group take, in each of dozens of tables, whatever the capture's length.
constexpr unsigned kRowGroup = 16'384;

}  // namespace

CaseStore::CaseStore(std::string path, const Options& options)
    : path_(std::move(path)), options_(options), undo_(path_, hidden_name(path_, "undo")) {}

CaseStore::~CaseStore() { close(); }

Result<void> CaseStore::start_database(std::size_t memory) {
  if (options_.accountant != nullptr) {
    if (!options_.accountant->take(base::MemoryUse::kStore, memory))
      return Error{"no memory is left for the store", path_, "raise the memory limit"};
    accounted_ = memory;
  }
  spill_ = hidden_name(path_, fmt::format("spill-{}", ::getpid()));
  auto opened = Database::open(memory, spill_);
  if (!opened) return in_words(opened.error());
  database_.emplace(std::move(opened).value());
  database_->begin_streams_with(fmt::format("USE {}.main", kCatalog));
  return {};
}

Result<void> CaseStore::attach(const std::string& path, As as) {
  std::string options = "TYPE duckdb";
  if (as == As::kToRead) options += ", READ_ONLY";
  if (as != As::kToRead)
    options += fmt::format(", STORAGE_VERSION '{}', ROW_GROUP_SIZE {}", kStorageVersion, kRowGroup);
  if (as == As::kNew) options += fmt::format(", BLOCK_SIZE {}", kBlockBytes);
  auto attached = database_->run(fmt::format("ATTACH {} AS {} ({})", literal(path), kCatalog, options));
  if (!attached) return in_words(attached.error());
  auto used = database_->run(fmt::format("USE {}.main", kCatalog));
  if (!used) return in_words(used.error());
  return {};
}

Result<void> CaseStore::create() {
  std::error_code error;
  const fs::path p(path_);
  const std::string folder = p.has_parent_path() ? p.parent_path().string() : ".";
  if (!fs::is_directory(folder, error))
    return Error{"the folder for the case does not exist", folder, "make it, or give another place with --case"};
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    return Error{fmt::format("the case cannot be written there: {}", std::strerror(errno)), folder,
                 "give another place with --case"};
  const bool exists = fs::exists(fs::symlink_status(path_, error));
  if (exists && !options_.force)
    return Error{"the case exists already", path_,
                 "add to it with --append, replace it with --force, or give another place with --case"};
  if (exists && (!fs::is_regular_file(path_, error) || !is_duckdb_file(path_)))
    return Error{"this is no case, and is not replaced", path_, "give another place with --case"};
  remove_leftovers(path_);

  auto started = start_database(options_.write_memory);
  if (!started) return started;
  const std::string temporary = hidden_name(path_, fmt::format("tmp-{}", ::getpid()));
  fs::remove(temporary, error);
  const auto undo = [&](const Error& why) {
    database_.reset();
    std::error_code ignored;
    fs::remove(temporary, ignored);
    fs::remove(temporary + ".wal", ignored);
    return why;
  };
  auto attached = attach(temporary, As::kNew);
  if (!attached) return undo(attached.error());
  std::string sql = "BEGIN;";
  for (const std::string& statement : case_tables()) sql += statement + ";";
  sql += fmt::format("INSERT INTO case_info VALUES ('layout', '{}');", kLayoutVersion);
  std::string versions;  // in one statement: each has to be planned
  for (const record::Schema* schema : record::schemas()) {
    sql += create_table(*schema) + ";";
    versions += fmt::format("{}({}, {})", versions.empty() ? "" : ", ", literal(schema->name), schema->version);
  }
  if (!versions.empty()) sql += fmt::format("INSERT INTO case_tables VALUES {};", versions);
  sql += fmt::format("COMMIT; CHECKPOINT {0}; USE memory; DETACH {0}", kCatalog);
  auto made = database_->run(sql);
  if (!made) return undo(in_words(made.error()));
  // The write-ahead log of a case that goes, or has gone, must not be taken for the new one's.
  fs::remove(path_ + ".wal", error);
  undo_.remove();
  if (exists) {
    fs::rename(temporary, path_, error);
  } else if (::link(temporary.c_str(), path_.c_str()) == 0) {
    // A link, unlike a rename, fails where another run has made a case of that name meanwhile.
    fs::remove(temporary, error);
    error.clear();
  } else if (errno == EEXIST) {
    return undo(Error{"another program has just made a case of that name", path_, "give another place with --case"});
  } else {
    fs::rename(temporary, path_, error);  // a file system without hard links
  }
  if (error) return undo(Error{fmt::format("the case could not be given its name: {}", error.message()), path_, ""});
  sync_folder(path_);
  attached = attach(path_, As::kToWrite);
  if (!attached) return attached;
  // What it holds is known: asking the catalog of a new case costs more than it takes to write a small one.
  columns_.clear();
  for (const record::Schema* schema : record::schemas()) note_columns(*schema);
  return begin_writing();
}

Result<void> CaseStore::open(bool to_append) {
  std::error_code error;
  if (!fs::exists(path_, error)) return Error{"there is no such case", path_, "`whodunit investigate` makes one"};
  if (!fs::is_regular_file(path_, error)) return Error{"this is no case: it is no file", path_, ""};
  if (::access(path_.c_str(), R_OK) != 0)
    return Error{fmt::format("the case cannot be read: {}", std::strerror(errno)), path_, ""};
  if (!is_duckdb_file(path_)) return Error{"this is no case", path_, "give a file that `whodunit investigate` wrote"};
  if (to_append && ::access(path_.c_str(), W_OK) != 0)
    return Error{fmt::format("the case cannot be written: {}", std::strerror(errno)), path_,
                 "copy it to another place first"};
  auto started = start_database(to_append ? options_.write_memory : options_.memory);
  if (!started) return started;
  if (to_append) remove_leftovers(path_);
  auto recovered = undo_.recover();
  if (!recovered) return recovered;
  auto attached = attach(path_, to_append ? As::kToWrite : As::kToRead);
  if (!attached) return attached;
  auto loaded = load_columns();
  if (!loaded) return loaded;
  auto checked = check_versions();
  if (!checked) return checked;
  if (!to_append) {
    auto locked = database_->run("SET enable_external_access = false");
    if (!locked) return in_words(locked.error());
    return {};
  }
  auto migrated = migrate();
  if (!migrated) return migrated;
  return begin_writing();
}

Result<void> CaseStore::begin_writing() {
  // Every commit writes the rows themselves, and switches to the new state of the file by one write of its header:
  // cheaper than the write-ahead log first and the file later. What is committed alone (a migration, a word of
  // progress) and is small may still go by the log.
  auto set = database_->run(
      "SET checkpoint_threshold = '1KB'; SET disabled_compression_methods = "
      "'fsst,dict_fsst,alp,alprd,chimp,patas,roaring'; SET enable_external_access = "
      "false");
  if (!set) return in_words(set.error());
  auto rows = database_->query(
      "SELECT (SELECT coalesce(max(ordinal) + 1, 0) FROM captures)::UINTEGER, "
      "(SELECT coalesce(max(run) + 1, 0) FROM progress)::UINTEGER, "
      "(SELECT block_size FROM pragma_database_size() WHERE database_name = current_database())::UBIGINT");
  if (!rows) return in_words(rows.error());
  if (rows->next_chunk()) {
    first_capture_ = static_cast<std::uint32_t>(rows->word(0, 0));
    run_ = static_cast<std::uint32_t>(rows->word(1, 0));
    if (!rows->is_null(2, 0)) block_bytes_ = rows->word(2, 0);
  }
  auto begun = database_->run("BEGIN");
  if (!begun) return in_words(begun.error());
  writing_ = true;
  return {};
}

void CaseStore::close() {
  if (database_) {
    writers_.clear();
    if (writing_ && !failed_) {
      // Nothing is lost by an error here: all that was committed stands.
      (void)database_->run("ROLLBACK");
      if (save_undo()) (void)database_->run(fmt::format("CHECKPOINT {}", kCatalog));
    }
    database_.reset();
    if (writing_) (void)undo_.recover();
    std::error_code ignored;
    if (!spill_.empty()) fs::remove_all(spill_, ignored);
  }
  if (accounted_ != 0) options_.accountant->give_back(base::MemoryUse::kStore, accounted_);
  accounted_ = 0;
}

Result<void> CaseStore::load_columns() {
  columns_.clear();
  auto rows = database_->query(
      fmt::format("SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = {} AND NOT internal",
                  literal(kCatalog)));
  if (!rows) return in_words(rows.error());
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i)
      columns_[std::string(rows->text(0, i))].emplace(rows->text(1, i));
  if (columns_.find("case_info") == columns_.end() || columns_.find("case_tables") == columns_.end())
    return Error{"this is a DuckDB database, but no case", path_, "give a file that `whodunit investigate` wrote"};
  return {};
}

Result<void> CaseStore::check_versions() {
  auto rows = database_->query("SELECT value FROM case_info WHERE key = 'layout'");
  if (!rows) return in_words(rows.error());
  unsigned layout = 0;
  if (rows->next_chunk() && !rows->is_null(0, 0)) {
    const std::string_view text = rows->text(0, 0);
    std::from_chars(text.data(), text.data() + text.size(), layout);
  }
  const auto newer = [&](const std::string& why) {
    return Error{fmt::format("the case was written by a newer Whodunit ({})", why), path_,
                 "open it with that version or a later one"};
  };
  if (layout == 0) return Error{"this is no case, or it is damaged: it does not say how it is laid out", path_, ""};
  if (layout > kLayoutVersion)
    return newer(fmt::format("its layout is {}, this program knows up to {}", layout, kLayoutVersion));
  rows = database_->query("SELECT name, version FROM case_tables ORDER BY name");
  if (!rows) return in_words(rows.error());
  while (rows->next_chunk()) {
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i) {
      const std::string name(rows->text(0, i));
      const record::Schema* schema = record::find_schema(name);
      if (schema == nullptr) {
        if (!record::schemas().empty())
          return newer(fmt::format("it has a table {}, which this program does not know", name));
        continue;
      }
      if (rows->word(1, i) > schema->version)
        return newer(fmt::format("its table {} is of version {}, this program knows up to {}", name, rows->word(1, i),
                                 schema->version));
    }
  }
  return {};
}

Result<void> CaseStore::migrate() {
  std::string sql;
  for (const record::Schema* schema : record::schemas()) {
    const auto have = columns_.find(schema->name);
    if (have == columns_.end()) {
      sql += create_table(*schema) + ";";
      sql += fmt::format("INSERT INTO case_tables VALUES ({}, {});", literal(schema->name), schema->version);
      continue;
    }
    bool changed = false;
    for (const record::Field& field : schema->fields) {
      if (have->second.contains(field.name)) continue;
      const auto column = field_column(field);
      sql += fmt::format("ALTER TABLE {} ADD COLUMN {} {};", quoted(schema->name), quoted(column.name), column.type);
      changed = true;
    }
    if (changed)
      sql +=
          fmt::format("UPDATE case_tables SET version = {} WHERE name = {};", schema->version, literal(schema->name));
  }
  if (sql.empty()) return {};
  auto migrated = database_->run("BEGIN;" + sql + "COMMIT");
  if (!migrated) return in_words(migrated.error());
  return load_columns();
}

Result<void> CaseStore::ensure_table(const record::Schema& schema) {
  if (columns_.find(schema.name) != columns_.end()) return {};
  auto made = database_->run(create_table(schema) + fmt::format("; INSERT INTO case_tables VALUES ({}, {})",
                                                                literal(schema.name), schema.version));
  if (!made) return made;
  note_columns(schema);
  return {};
}

void CaseStore::note_columns(const record::Schema& schema) {
  auto& columns = columns_[std::string(schema.name)];
  for (std::size_t i = 0; i < kHeadColumns; ++i) columns.emplace(head_column(i).name);
  for (const record::Field& field : schema.fields) columns.emplace(field.name);
}

}  // namespace duckdb

using base::Error;
using base::Result;
using duckdb::CaseStore;
using duckdb::Database;

Result<std::unique_ptr<Store>> create_case(const std::string& path, const Options& options) {
  auto store = std::make_unique<CaseStore>(path, options);
  auto made = store->create();
  if (!made) return made.error();
  return std::unique_ptr<Store>(std::move(store));
}

Result<std::unique_ptr<Store>> open_to_append(const std::string& path, const Options& options) {
  auto store = std::make_unique<CaseStore>(path, options);
  auto opened = store->open(true);
  if (!opened) return opened.error();
  return std::unique_ptr<Store>(std::move(store));
}

Result<std::unique_ptr<Store>> open_to_read(const std::string& path, const Options& options) {
  auto store = std::make_unique<CaseStore>(path, options);
  auto opened = store->open(false);
  if (!opened) return opened.error();
  return std::unique_ptr<Store>(std::move(store));
}

Result<void> query_case(const std::string& path, const std::string& sql,
                        const std::function<void(std::span<const QueryColumn>)>& begin,
                        const std::function<bool(QueryRow)>& row) {
  {
    // The same checks and words as for any other reader.
    auto opened = open_to_read(path);
    if (!opened) return opened.error();
  }
  auto database = Database::open_file_to_read(path, Options{}.memory);
  if (!database) return duckdb::explain(database.error().what, path);
  auto rows = database->stream(sql);
  if (!rows) {
    std::string what = rows.error().what;
    // The database shows the place in the statement twice.
    const std::size_t first = what.find("\n\nLINE "), second = what.find("\n\nLINE ", first + 1);
    if (first != std::string::npos && second != std::string::npos &&
        what.compare(second, std::string::npos, what, first, second - first) == 0)
      what.resize(second);
    return Error{what, "", "tables: SHOW TABLES; a table's columns: DESCRIBE conn"};
  }
  std::vector<QueryColumn> columns;
  for (std::size_t i = 0; i < rows->columns(); ++i)
    columns.push_back({rows->name(i), rows->is_literal(i), rows->is_number(i)});
  begin(columns);
  std::vector<std::optional<std::string>> cells(columns.size());
  while (rows->next_chunk()) {
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i) {
      for (std::size_t c = 0; c < cells.size(); ++c) cells[c] = rows->any(c, i);
      if (!row(cells)) return {};
    }
  }
  return {};
}

}  // namespace whodunit::store
