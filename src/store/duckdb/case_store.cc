// A case: one DuckDB file. It is attached to a database in memory, so that its row groups and its storage version are
// chosen here, and it can be renamed once its tables stand.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "store/duckdb/database.h"
#include "store/duckdb/layout.h"
#include "store/duckdb/table_writer.h"
#include "store/duckdb/undo_journal.h"
#include "store/store.h"

namespace whodunit::store {
namespace {

using base::Error;
using base::Result;
using duckdb::Database;
using duckdb::HeadColumn;
using duckdb::kHeadColumns;
using duckdb::literal;
using duckdb::Parameter;
using duckdb::quoted;
using duckdb::RowAppender;
using duckdb::Rows;
using duckdb::TableWriter;
using duckdb::UndoJournal;
using record::FieldType;
namespace fs = std::filesystem;

constexpr const char* kCatalog = "this_case";
// Readable by DuckDB 1.2 and later, and so by both bindings that the registry has.
constexpr const char* kStorageVersion = "v1.2.0";
// Rows that are compressed and written together. Smaller ones than DuckDB's 122,880 keep the memory small that the rows
// of an unfinished group take, in each of dozens of tables.
constexpr unsigned kRowGroup = 61'440;
constexpr std::size_t kBlockBytes = 262'144;  // asked for when a case is made; DuckDB's own choice as well

// Rows that all writers together may hold before they reach DuckDB's buffers, which have a limit: dozens of tables that
// each wait for a full load would hold more than the store's share.
constexpr std::uint64_t kRowsHeld = 40'960;

struct Column {
  std::string_view type;
  FieldType field = FieldType::kText;
};

class CaseStore final : public Store {
 public:
  CaseStore(std::string path, const Options& options);
  CaseStore(const CaseStore&) = delete;
  CaseStore& operator=(const CaseStore&) = delete;
  ~CaseStore() override { close(); }

  Result<void> create();
  Result<void> open(bool to_append);

  Result<void> append(const record::Batch& batch) override;
  bool due() const override { return uncommitted_rows_ >= options_.commit_rows; }
  Result<void> commit(const Progress& progress, std::span<const Capture> captures) override;
  Result<void> put_findings(std::span<const Finding> findings) override;
  Result<void> replace_findings(std::span<const Finding> findings) override;
  Result<void> replace_incidents(std::span<const Incident> incidents) override;
  Result<void> replace_assessments(std::span<const Assessment> assessments) override;
  Result<void> put_document(std::string_view name, std::string_view json) override;

  std::uint32_t first_capture() const override { return first_capture_; }
  Result<std::vector<Capture>> captures() override;
  Result<std::vector<Progress>> progress() override;
  Result<std::vector<TableInfo>> tables() override;
  Result<std::vector<Finding>> findings() override { return findings_where("true", {}); }
  Result<std::optional<Finding>> finding(std::string_view id) override;
  Result<std::vector<Incident>> incidents() override { return incidents_where("true", {}); }
  Result<std::optional<Incident>> incident(std::string_view id) override;
  Result<std::vector<Assessment>> assessments() override;
  Result<std::optional<std::string>> document(std::string_view name) override;

  Result<void> scan(const record::Schema& schema, const Scan& scan,
                    const std::function<bool(const record::Batch&)>& take) override;
  Result<std::vector<Group>> group(const record::Schema& schema, const Grouping& grouping) override;
  Result<std::uint64_t> count(const record::Schema& schema, const Filter& filter) override;
  Result<std::optional<base::Time>> first_seen(const record::Schema& schema, const Filter& filter) override;

 private:
  Result<void> start_database();
  Result<void> attach(const std::string& path, bool read_only);
  Result<void> begin_writing();
  Result<void> check_versions();
  Result<void> load_columns();
  Result<void> migrate();
  Result<void> ensure_table(const record::Schema& schema);
  Result<void> flush();
  /// Before each commit that may write a checkpoint.
  Result<void> save_undo();
  Result<void> insert_findings(std::span<const Finding> findings);
  Result<std::vector<Finding>> findings_where(const std::string& where, const std::vector<Parameter>& parameters);
  Result<std::vector<Incident>> incidents_where(const std::string& where, const std::vector<Parameter>& parameters);
  std::optional<Column> column(const record::Schema& schema, std::string_view name) const;
  bool has_column(const record::Schema& schema, std::string_view name) const;
  /// " WHERE …", with its parameters. Fails where a column is unknown.
  Result<std::string> where(const record::Schema& schema, const Filter& filter,
                            std::vector<Parameter>& parameters) const;
  /// In words, with the case's name.
  Error in_words(const Error& error) const {
    Error out = duckdb::explain(error.what, path_);
    return out;
  }
  /// The same, and every later write fails with it.
  Error fail(const Error& error) {
    if (!failed_) failed_ = in_words(error);
    return *failed_;
  }
  Result<void> writable() const {
    if (failed_) return *failed_;
    if (!writing_) return Error{"the case was opened to be read only", path_, ""};
    return {};
  }
  std::string table(std::string_view name) const { return fmt::format("{}.main.{}", kCatalog, quoted(name)); }
  void close();

  std::string path_;
  Options options_;
  UndoJournal undo_;
  std::string spill_;
  std::optional<Database> database_;
  std::map<std::string, std::unique_ptr<TableWriter>, std::less<>> writers_;
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> columns_;  // of the file, by table
  std::optional<Error> failed_;
  std::uint64_t uncommitted_rows_ = 0;
  std::uint64_t held_rows_ = 0;  // in writers, at most
  std::uint32_t run_ = 0;
  std::uint32_t first_capture_ = 0;
  bool writing_ = false;
  bool accounted_ = false;
};

// --- lifecycle

std::string hidden_name(const std::string& path, const std::string& what) {
  const fs::path p(path);
  return (p.parent_path() / fmt::format(".{}.{}", p.filename().string(), what)).string();
}

/// Removes what runs that were killed left beside the case: temporary files and spill folders of processes that are
/// no more.
void remove_leftovers(const std::string& path) {
  const fs::path p(path);
  const fs::path folder = p.has_parent_path() ? p.parent_path() : fs::path(".");
  const std::string name = p.filename().string();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string file = entry.path().filename().string();
    for (const std::string& prefix : {fmt::format(".{}.tmp-", name), fmt::format(".{}.spill-", name)}) {
      if (!file.starts_with(prefix)) continue;
      const std::string_view rest = std::string_view(file).substr(prefix.size());
      pid_t pid = 0;
      const auto r = std::from_chars(rest.data(), rest.data() + rest.size(), pid);
      if (r.ec != std::errc{} || pid <= 0 || pid == ::getpid()) continue;
      if (::kill(pid, 0) == 0 || errno != ESRCH) continue;
      std::error_code ignored;
      fs::remove_all(entry.path(), ignored);
    }
  }
}

/// DuckDB's files have "DUCK" after an eight-byte checksum.
bool is_duckdb_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  char start[12] = {};
  in.read(start, sizeof start);
  return in.gcount() == sizeof start && std::memcmp(start + 8, "DUCK", 4) == 0;
}

void sync_folder(const std::string& path) {
  const fs::path p(path);
  const std::string folder = p.has_parent_path() ? p.parent_path().string() : ".";
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

CaseStore::CaseStore(std::string path, const Options& options)
    : path_(std::move(path)), options_(options), undo_(path_, hidden_name(path_, "undo")) {}

Result<void> CaseStore::start_database() {
  if (options_.accountant != nullptr) {
    if (!options_.accountant->take(base::MemoryUse::kStore, options_.memory))
      return Error{"no memory is left for the store", path_, "raise the memory limit"};
    accounted_ = true;
  }
  spill_ = hidden_name(path_, fmt::format("spill-{}", ::getpid()));
  auto opened = Database::open(options_.memory, spill_);
  if (!opened) return in_words(opened.error());
  database_.emplace(std::move(opened).value());
  database_->begin_streams_with(fmt::format("USE {}.main", kCatalog));
  return {};
}

Result<void> CaseStore::attach(const std::string& path, bool read_only) {
  auto attached =
      database_->run(fmt::format("ATTACH {} AS {} (TYPE duckdb{})", literal(path), kCatalog,
                                 read_only ? ", READ_ONLY"
                                           : fmt::format(", STORAGE_VERSION '{}', ROW_GROUP_SIZE {}, BLOCK_SIZE {}",
                                                         kStorageVersion, kRowGroup, kBlockBytes)));
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

  auto started = start_database();
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
  auto attached = attach(temporary, false);
  if (!attached) return undo(attached.error());
  std::string sql = "BEGIN;";
  for (const std::string& statement : duckdb::case_tables()) sql += statement + ";";
  sql += fmt::format("INSERT INTO case_info VALUES ('layout', '{}');", duckdb::kLayoutVersion);
  for (const record::Schema* schema : record::schemas())
    sql += duckdb::create_table(*schema) +
           fmt::format("; INSERT INTO case_tables VALUES ({}, {});", literal(schema->name), schema->version);
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
  attached = attach(path_, false);
  if (!attached) return attached;
  auto loaded = load_columns();
  if (!loaded) return loaded;
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
  auto started = start_database();
  if (!started) return started;
  if (to_append) remove_leftovers(path_);
  auto recovered = undo_.recover();
  if (!recovered) return recovered;
  auto attached = attach(path_, !to_append);
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
      "SET checkpoint_threshold = '1KB'; SET disabled_compression_methods = 'fsst'; SET enable_external_access = "
      "false");
  if (!set) return in_words(set.error());
  auto rows = database_->query(
      "SELECT (SELECT coalesce(max(ordinal) + 1, 0) FROM captures)::UINTEGER, "
      "(SELECT coalesce(max(run) + 1, 0) FROM progress)::UINTEGER");
  if (!rows) return in_words(rows.error());
  if (rows->next_chunk()) {
    first_capture_ = static_cast<std::uint32_t>(rows->word(0, 0));
    run_ = static_cast<std::uint32_t>(rows->word(1, 0));
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
  if (accounted_) options_.accountant->give_back(base::MemoryUse::kStore, options_.memory);
  accounted_ = false;
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
  if (layout > duckdb::kLayoutVersion)
    return newer(fmt::format("its layout is {}, this program knows up to {}", layout, duckdb::kLayoutVersion));
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
      sql += duckdb::create_table(*schema) + ";";
      sql += fmt::format("INSERT INTO case_tables VALUES ({}, {});", literal(schema->name), schema->version);
      continue;
    }
    bool changed = false;
    for (const record::Field& field : schema->fields) {
      if (have->second.contains(field.name)) continue;
      const auto column = duckdb::field_column(field);
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
  auto made = database_->run(duckdb::create_table(schema) + fmt::format("; INSERT INTO case_tables VALUES ({}, {})",
                                                                        literal(schema.name), schema.version));
  if (!made) return made;
  auto& columns = columns_[std::string(schema.name)];
  for (std::size_t i = 0; i < kHeadColumns; ++i) columns.emplace(duckdb::head_column(i).name);
  for (const record::Field& field : schema.fields) columns.emplace(field.name);
  return {};
}

// --- writing

Result<void> CaseStore::append(const record::Batch& batch) {
  auto may = writable();
  if (!may) return may;
  if (batch.empty()) return {};
  const record::Schema& schema = batch.schema();
  auto writer = writers_.find(schema.name);
  if (writer == writers_.end()) {
    auto there = ensure_table(schema);
    if (!there) return fail(there.error());
    auto opened = TableWriter::open(*database_, kCatalog, schema);
    if (!opened) return fail(opened.error());
    writer = writers_.emplace(std::string(schema.name), std::move(opened).value()).first;
  }
  auto appended = writer->second->append(batch);
  if (!appended) return fail(appended.error());
  uncommitted_rows_ += batch.rows();
  held_rows_ += batch.rows();
  if (held_rows_ < kRowsHeld) return {};
  return flush();
}

Result<void> CaseStore::flush() {
  for (auto& [name, writer] : writers_) {
    auto flushed = writer->flush();
    if (!flushed) return fail(flushed.error());
  }
  held_rows_ = 0;
  return {};
}

Result<void> CaseStore::commit(const Progress& progress, std::span<const Capture> captures) {
  auto may = writable();
  if (!may) return may;
  auto flushed = flush();
  if (!flushed) return flushed;
  auto deleted = database_->run(fmt::format(
      "DELETE FROM progress WHERE run = {}; DELETE FROM captures WHERE ordinal >= {}", run_, first_capture_));
  if (!deleted) return fail(deleted.error());
  {
    RowAppender rows(*database_, kCatalog, "progress");
    rows.small(run_).number(progress.packets).time(progress.last.ns).boolean(progress.complete).text(progress.problem);
    rows.end_row();
    auto closed = rows.close();
    if (!closed) return fail(closed.error());
  }
  RowAppender rows(*database_, kCatalog, "captures");
  for (const Capture& c : captures) {
    rows.small(c.ordinal).text(c.name).text(c.path).text(c.sha256).text(c.format).smalls(c.link_types);
    rows.number(c.packets).number(c.bytes).number(c.file_bytes).time(c.first.ns).time(c.last.ns).number(c.unread);
    rows.text(c.reason).boolean(c.cut_off).boolean(c.nanoseconds);
    rows.end_row();
  }
  auto closed = rows.close();
  if (!closed) return fail(closed.error());
  auto saved = save_undo();
  if (!saved) return fail(saved.error());
  auto committed = database_->run("COMMIT");
  if (!committed) return fail(committed.error());
  uncommitted_rows_ = 0;
  auto begun = database_->run("BEGIN");
  if (!begun) return fail(begun.error());
  return {};
}

Result<void> CaseStore::save_undo() {
  std::vector<std::uint64_t> blocks;
  auto rows =
      database_->query(fmt::format("SELECT block_id::UBIGINT FROM pragma_metadata_info({})", literal(kCatalog)));
  if (!rows) return rows.error();
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i) blocks.push_back(rows->word(0, i));
  return undo_.save(blocks, kBlockBytes);
}

Result<void> CaseStore::insert_findings(std::span<const Finding> findings) {
  RowAppender rows(*database_, kCatalog, "findings");
  for (const Finding& f : findings) {
    rows.text(f.id).text(f.detector).texts(f.techniques).text(f.phase).text(f.outcome).text(f.severity);
    rows.real(f.confidence).text(f.attacker_type).text(f.attacker).text(f.victim_type).text(f.victim);
    rows.time(f.first.ns).time(f.last.ns).text(f.statement).text(f.json);
    rows.end_row();
  }
  auto closed = rows.close();
  if (!closed) return closed;
  RowAppender evidence(*database_, kCatalog, "evidence");
  for (const Finding& f : findings) {
    std::uint32_t ordinal = 0;
    for (const Evidence& e : f.evidence) {
      evidence.text(f.id).small(ordinal++).text(e.record).time(e.ts.ns);
      if (e.uid)
        evidence.text(e.uid.to_string());
      else
        evidence.null();
      if (e.uid || e.id != record::Endpoints{}) {
        evidence.text(e.id.orig_h.to_string()).small(e.id.orig_p.value);
        evidence.text(e.id.resp_h.to_string()).small(e.id.resp_p.value);
      } else {
        evidence.null().null().null().null();
      }
      evidence.small(e.place.capture_first).number(e.place.first).small(e.place.capture_last).number(e.place.last);
      evidence.end_row();
    }
  }
  return evidence.close();
}

Result<void> CaseStore::put_findings(std::span<const Finding> findings) {
  auto may = writable();
  if (!may) return may;
  for (const Finding& f : findings) {
    for (const char* sql : {"DELETE FROM findings WHERE id = ?", "DELETE FROM evidence WHERE finding = ?"}) {
      auto deleted = database_->run(sql, {Parameter::of(f.id)});
      if (!deleted) return fail(deleted.error());
    }
  }
  auto inserted = insert_findings(findings);
  if (!inserted) return fail(inserted.error());
  return {};
}

Result<void> CaseStore::replace_findings(std::span<const Finding> findings) {
  auto may = writable();
  if (!may) return may;
  auto deleted = database_->run("DELETE FROM findings; DELETE FROM evidence");
  if (!deleted) return fail(deleted.error());
  auto inserted = insert_findings(findings);
  if (!inserted) return fail(inserted.error());
  return {};
}

Result<void> CaseStore::replace_incidents(std::span<const Incident> incidents) {
  auto may = writable();
  if (!may) return may;
  auto deleted = database_->run("DELETE FROM incidents");
  if (!deleted) return fail(deleted.error());
  RowAppender rows(*database_, kCatalog, "incidents");
  for (const Incident& i : incidents) {
    rows.text(i.id).text(i.victim).text(i.phase).text(i.depth).time(i.first.ns).time(i.last.ns).texts(i.findings);
    rows.text(i.json);
    rows.end_row();
  }
  auto closed = rows.close();
  if (!closed) return fail(closed.error());
  return {};
}

Result<void> CaseStore::replace_assessments(std::span<const Assessment> assessments) {
  auto may = writable();
  if (!may) return may;
  auto deleted = database_->run("DELETE FROM assessments");
  if (!deleted) return fail(deleted.error());
  RowAppender rows(*database_, kCatalog, "assessments");
  for (const Assessment& a : assessments) {
    rows.text(a.subject).text(a.level).text(a.leading).real(a.probability).text(a.confidence).text(a.json);
    rows.end_row();
  }
  auto closed = rows.close();
  if (!closed) return fail(closed.error());
  return {};
}

Result<void> CaseStore::put_document(std::string_view name, std::string_view json) {
  auto may = writable();
  if (!may) return may;
  auto deleted = database_->run("DELETE FROM documents WHERE name = ?", {Parameter::of(name)});
  if (!deleted) return fail(deleted.error());
  RowAppender rows(*database_, kCatalog, "documents");
  rows.text(name).text(json);
  rows.end_row();
  auto closed = rows.close();
  if (!closed) return fail(closed.error());
  return {};
}

// --- what the case is

base::Time time_at(const Rows& rows, std::size_t column, std::size_t row) {
  return {rows.is_null(column, row) ? 0 : static_cast<std::int64_t>(rows.word(column, row))};
}

std::string text_at(const Rows& rows, std::size_t column, std::size_t row) {
  return rows.is_null(column, row) ? std::string() : std::string(rows.text(column, row));
}

std::vector<std::string> texts_at(const Rows& rows, std::size_t column, std::size_t row) {
  std::vector<std::string> out;
  if (rows.is_null(column, row)) return out;
  const auto [offset, length] = rows.list(column, row);
  for (std::size_t i = 0; i < length; ++i) out.emplace_back(rows.item_text(column, offset + i));
  return out;
}

Result<std::vector<Capture>> CaseStore::captures() {
  auto rows = database_->query(
      "SELECT ordinal, name, path, sha256, format, link_types, packets, bytes, file_bytes, first, last, unread, "
      "reason, "
      "cut_off, nanoseconds FROM captures ORDER BY ordinal");
  if (!rows) return in_words(rows.error());
  std::vector<Capture> out;
  while (rows->next_chunk()) {
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i) {
      Capture c;
      c.ordinal = static_cast<std::uint32_t>(rows->word(0, i));
      c.name = text_at(*rows, 1, i);
      c.path = text_at(*rows, 2, i);
      c.sha256 = text_at(*rows, 3, i);
      c.format = text_at(*rows, 4, i);
      if (!rows->is_null(5, i)) {
        const auto [offset, length] = rows->list(5, i);
        for (std::size_t k = 0; k < length; ++k)
          c.link_types.push_back(static_cast<std::uint32_t>(rows->item_word(5, offset + k)));
      }
      c.packets = rows->word(6, i);
      c.bytes = rows->word(7, i);
      c.file_bytes = rows->word(8, i);
      c.first = time_at(*rows, 9, i);
      c.last = time_at(*rows, 10, i);
      c.unread = rows->word(11, i);
      c.reason = text_at(*rows, 12, i);
      c.cut_off = rows->word(13, i) != 0;
      c.nanoseconds = rows->word(14, i) != 0;
      out.push_back(std::move(c));
    }
  }
  return out;
}

Result<std::vector<Progress>> CaseStore::progress() {
  auto rows = database_->query("SELECT packets, last, complete, problem FROM progress ORDER BY run");
  if (!rows) return in_words(rows.error());
  std::vector<Progress> out;
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i)
      out.push_back({rows->word(0, i), time_at(*rows, 1, i), rows->word(2, i) != 0, text_at(*rows, 3, i)});
  return out;
}

Result<std::vector<TableInfo>> CaseStore::tables() {
  auto rows = database_->query("SELECT name, version FROM case_tables ORDER BY name");
  if (!rows) return in_words(rows.error());
  std::vector<TableInfo> out;
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i)
      out.push_back({std::string(rows->text(0, i)), static_cast<std::uint16_t>(rows->word(1, i)), 0});
  for (TableInfo& info : out) {
    auto counted = database_->query("SELECT count(*)::UBIGINT FROM " + table(info.name));
    if (!counted) return in_words(counted.error());
    if (counted->next_chunk()) info.rows = counted->word(0, 0);
  }
  std::erase_if(out, [](const TableInfo& info) { return info.rows == 0; });
  return out;
}

Result<std::vector<Finding>> CaseStore::findings_where(const std::string& where,
                                                       const std::vector<Parameter>& parameters) {
  auto rows = database_->query(
      "SELECT id, detector, techniques, phase, outcome, severity, confidence, attacker_type, attacker, victim_type, "
      "victim, first, last, statement, json FROM findings WHERE " +
          where + " ORDER BY first, id",
      parameters);
  if (!rows) return in_words(rows.error());
  std::vector<Finding> out;
  std::map<std::string, std::size_t, std::less<>> by_id;
  while (rows->next_chunk()) {
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i) {
      Finding f;
      f.id = text_at(*rows, 0, i);
      f.detector = text_at(*rows, 1, i);
      f.techniques = texts_at(*rows, 2, i);
      f.phase = text_at(*rows, 3, i);
      f.outcome = text_at(*rows, 4, i);
      f.severity = text_at(*rows, 5, i);
      f.confidence = rows->real(6, i);
      f.attacker_type = text_at(*rows, 7, i);
      f.attacker = text_at(*rows, 8, i);
      f.victim_type = text_at(*rows, 9, i);
      f.victim = text_at(*rows, 10, i);
      f.first = time_at(*rows, 11, i);
      f.last = time_at(*rows, 12, i);
      f.statement = text_at(*rows, 13, i);
      f.json = text_at(*rows, 14, i);
      by_id.emplace(f.id, out.size());
      out.push_back(std::move(f));
    }
  }
  auto evidence = database_->query(
      "SELECT finding, record, ts, uid, \"id.orig_h\", \"id.orig_p\", \"id.resp_h\", \"id.resp_p\", "
      "\"place.capture_first\", \"place.first\", \"place.capture_last\", \"place.last\" FROM evidence "
      "WHERE finding IN (SELECT id FROM findings WHERE " +
          where + ") ORDER BY finding, ordinal",
      parameters);
  if (!evidence) return in_words(evidence.error());
  while (evidence->next_chunk()) {
    for (std::size_t i = 0; i < evidence->chunk_rows(); ++i) {
      const auto owner = by_id.find(evidence->text(0, i));
      if (owner == by_id.end()) continue;
      Evidence e;
      e.record = text_at(*evidence, 1, i);
      e.ts = time_at(*evidence, 2, i);
      if (!evidence->is_null(3, i)) e.uid = record::Uid::parse(evidence->text(3, i));
      if (!evidence->is_null(4, i)) {
        e.id.orig_h = base::Address::parse(evidence->text(4, i)).value_or(base::Address{});
        e.id.orig_p.value = static_cast<std::uint16_t>(evidence->word(5, i));
        e.id.resp_h = base::Address::parse(evidence->text(6, i)).value_or(base::Address{});
        e.id.resp_p.value = static_cast<std::uint16_t>(evidence->word(7, i));
      }
      e.place.capture_first = static_cast<std::uint32_t>(evidence->word(8, i));
      e.place.first = evidence->word(9, i);
      e.place.capture_last = static_cast<std::uint32_t>(evidence->word(10, i));
      e.place.last = evidence->word(11, i);
      out[owner->second].evidence.push_back(std::move(e));
    }
  }
  return out;
}

Result<std::optional<Finding>> CaseStore::finding(std::string_view id) {
  auto found = findings_where("id = ?", {Parameter::of(id)});
  if (!found) return found.error();
  if (found->empty()) return std::optional<Finding>();
  return std::optional<Finding>(std::move(found->front()));
}

Result<std::vector<Incident>> CaseStore::incidents_where(const std::string& where,
                                                         const std::vector<Parameter>& parameters) {
  auto rows = database_->query("SELECT id, victim, phase, depth, first, last, findings, json FROM incidents WHERE " +
                                   where + " ORDER BY first, id",
                               parameters);
  if (!rows) return in_words(rows.error());
  std::vector<Incident> out;
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i)
      out.push_back({text_at(*rows, 0, i), text_at(*rows, 1, i), text_at(*rows, 2, i), text_at(*rows, 3, i),
                     time_at(*rows, 4, i), time_at(*rows, 5, i), text_at(*rows, 7, i), texts_at(*rows, 6, i)});
  return out;
}

Result<std::optional<Incident>> CaseStore::incident(std::string_view id) {
  auto found = incidents_where("id = ?", {Parameter::of(id)});
  if (!found) return found.error();
  if (found->empty()) return std::optional<Incident>();
  return std::optional<Incident>(std::move(found->front()));
}

Result<std::vector<Assessment>> CaseStore::assessments() {
  auto rows = database_->query(
      "SELECT subject, level, hypothesis, probability, confidence, json FROM assessments ORDER BY subject, rowid");
  if (!rows) return in_words(rows.error());
  std::vector<Assessment> out;
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i)
      out.push_back({text_at(*rows, 0, i), text_at(*rows, 1, i), text_at(*rows, 2, i), rows->real(3, i),
                     text_at(*rows, 4, i), text_at(*rows, 5, i)});
  return out;
}

Result<std::optional<std::string>> CaseStore::document(std::string_view name) {
  auto rows = database_->query("SELECT json FROM documents WHERE name = ?", {Parameter::of(name)});
  if (!rows) return in_words(rows.error());
  if (!rows->next_chunk()) return std::optional<std::string>();
  return std::optional<std::string>(text_at(*rows, 0, 0));
}

// --- looking back

std::optional<Column> CaseStore::column(const record::Schema& schema, std::string_view name) const {
  for (std::size_t i = 0; i < kHeadColumns; ++i) {
    const auto layout = duckdb::head_column(i);
    if (layout.name == name) return Column{layout.type, i == duckdb::kTs ? FieldType::kTime : FieldType::kText};
  }
  for (const record::Field& field : schema.fields)
    if (field.name == name) return Column{duckdb::field_column(field).type, field.type};
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

/// Puts the values of a scan's row into a batch, field by field.
class RowReader {
 public:
  RowReader(const Rows& rows, const record::Schema& schema, const std::vector<int>& positions)
      : rows_(rows), schema_(schema), positions_(positions) {}

  void read(std::size_t row, std::uint64_t number, record::Batch& out) {
    const auto word = [&](HeadColumn c) { return rows_.is_null(c, row) ? 0 : rows_.word(c, row); };
    const auto text = [&](HeadColumn c) { return rows_.is_null(c, row) ? std::string_view() : rows_.text(c, row); };
    record::Head head;
    head.ts.ns = static_cast<std::int64_t>(word(duckdb::kTs));
    head.uid = record::Uid::parse(text(duckdb::kUid));
    if (!rows_.is_null(duckdb::kOrigHost, row)) {
      head.id.orig_h = base::Address::parse(text(duckdb::kOrigHost)).value_or(base::Address{});
      head.id.resp_h = base::Address::parse(text(duckdb::kRespHost)).value_or(base::Address{});
      head.id.orig_p.value = static_cast<std::uint16_t>(word(duckdb::kOrigPort));
      head.id.resp_p.value = static_cast<std::uint16_t>(word(duckdb::kRespPort));
    }
    head.place.capture_first = static_cast<std::uint32_t>(word(duckdb::kPlaceCaptureFirst));
    head.place.first = word(duckdb::kPlaceFirst);
    head.place.capture_last = static_cast<std::uint32_t>(word(duckdb::kPlaceCaptureLast));
    head.place.last = word(duckdb::kPlaceLast);
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

Result<void> CaseStore::scan(const record::Schema& schema, const Scan& scan,
                             const std::function<bool(const record::Batch&)>& take) {
  if (columns_.find(schema.name) == columns_.end()) return {};
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < kHeadColumns; ++i) sql += (i == 0 ? "" : ", ") + quoted(duckdb::head_column(i).name);
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

}  // namespace

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
  if (!rows) return Error{rows.error().what, "", "tables: SHOW TABLES; a table's columns: DESCRIBE conn"};
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
