// A thin, safe layer over DuckDB's C interface: handles that close themselves, errors as values. Only this folder
// includes it, and only its .cc files include duckdb.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct _duckdb_connection;  // NOLINT(bugprone-reserved-identifier): DuckDB's name

namespace whodunit::store::duckdb {

/// A parameter of a statement. Text must be UTF-8.
struct Parameter {
  enum class Kind : std::uint8_t { kNull, kText, kUnsigned, kSigned, kDouble, kBool, kTimestamp };
  Kind kind = Kind::kNull;
  std::string text;
  std::uint64_t word = 0;  ///< unsigned, signed, ns of a timestamp
  double real = 0;

  static Parameter of(std::string_view v) { return {Kind::kText, std::string(v), 0, 0}; }
  static Parameter of(const char* v) { return of(std::string_view(v)); }
  static Parameter of(std::uint64_t v) { return {Kind::kUnsigned, {}, v, 0}; }
  static Parameter of(double v) { return {Kind::kDouble, {}, 0, v}; }
  static Parameter of(bool v) { return {Kind::kBool, {}, v, 0}; }
  static Parameter timestamp(std::int64_t ns) { return {Kind::kTimestamp, {}, static_cast<std::uint64_t>(ns), 0}; }
};

/// Rows of a statement, read forward, a chunk at a time.
class Rows {
 public:
  Rows();
  Rows(Rows&&) noexcept;
  Rows& operator=(Rows&&) noexcept;
  ~Rows();

  std::size_t columns() const;
  std::string name(std::size_t column) const;
  /// True and a chunk of at least one row, or false at the end. Ends views of the chunk before.
  bool next_chunk();
  std::size_t chunk_rows() const;
  bool is_null(std::size_t column, std::size_t row) const;
  /// Of BOOLEAN, all integers up to 64 bits, TIMESTAMP_NS.
  std::uint64_t word(std::size_t column, std::size_t row) const;
  double real(std::size_t column, std::size_t row) const;
  /// Of VARCHAR; lives until the next chunk.
  std::string_view text(std::size_t column, std::size_t row) const;
  /// Of a LIST: where its items are in `items` of the column.
  std::pair<std::size_t, std::size_t> list(std::size_t column, std::size_t row) const;
  std::string_view item_text(std::size_t column, std::size_t item) const;
  std::uint64_t item_word(std::size_t column, std::size_t item) const;
  double item_real(std::size_t column, std::size_t item) const;
  /// A value of any type as people read it ("nothing" is for NULL), nested ones as JSON.
  std::optional<std::string> any(std::size_t column, std::size_t row) const;
  /// A cell of `any` is a JSON value as it stands; it is a number.
  bool is_literal(std::size_t column) const;
  bool is_number(std::size_t column) const;

 private:
  friend class Database;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One database with one connection, one thread, no extensions from elsewhere.
class Database {
 public:
  /// In memory, to attach cases to. `memory` bytes of buffers; what does not fit spills into `spill`, a folder that is
  /// made when needed ("": nothing spills).
  static base::Result<Database> open(std::size_t memory, const std::string& spill);
  /// The statement that every connection of `stream` begins with.
  void begin_streams_with(std::string sql);
  /// A case's file itself, read-only, with no access to any other file.
  static base::Result<Database> open_file_to_read(const std::string& path, std::size_t memory);

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  /// Runs one statement, or several without parameters.
  base::Result<Rows> query(const std::string& sql, const std::vector<Parameter>& parameters = {});
  /// The same of one statement, but its rows are made while they are read, on a connection of their own: it sees what
  /// is committed, and other statements may run meanwhile.
  base::Result<Rows> stream(const std::string& sql, const std::vector<Parameter>& parameters = {});
  base::Result<void> run(const std::string& sql, const std::vector<Parameter>& parameters = {});
  _duckdb_connection* connection() const;

 private:
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Appends rows to a table value by value, within the transaction that the connection is in: for the tables of the case
/// itself, whose rows are few. Values come in the order of the columns.
class RowAppender {
 public:
  RowAppender(Database& database, const std::string& catalog, const std::string& table);
  ~RowAppender();
  RowAppender(const RowAppender&) = delete;
  RowAppender& operator=(const RowAppender&) = delete;

  RowAppender& text(std::string_view v);
  RowAppender& number(std::uint64_t v);
  RowAppender& small(std::uint32_t v);
  RowAppender& real(double v);
  RowAppender& boolean(bool v);
  RowAppender& time(std::int64_t ns);
  RowAppender& null();
  RowAppender& texts(const std::vector<std::string>& v);
  RowAppender& smalls(const std::vector<std::uint32_t>& v);
  void end_row();
  /// Hands the rows over; the first error of all calls, if any.
  base::Result<void> close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// DuckDB's own message in our words where we know it (in use elsewhere, disk full, not a case), with what to do.
base::Error explain(std::string_view message, const std::string& path);

/// `"name"` with quotes doubled; `'text'` likewise.
std::string quoted(std::string_view name);
std::string literal(std::string_view text);

}  // namespace whodunit::store::duckdb
