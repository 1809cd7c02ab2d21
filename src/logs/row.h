// One row being put together from text, in any order of its fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "record/batch.h"

namespace whodunit::logs {

/// Times and values as logs spell them; nothing where the text is none. Seconds may have up to nine decimals; what lies
/// beyond int64 nanoseconds is no time.
std::optional<std::int64_t> parse_seconds(std::string_view text);
/// Seconds since the epoch, milliseconds where the number is too large for that (Zeek's TS_MILLIS), or RFC 3339, with
/// EVE's "+0200" for an offset too. Before 1970 as well: a field may say what a file or a certificate claims.
std::optional<base::Time> parse_log_time(std::string_view text);
/// The same of a row's own time: when a packet was seen, which was not before 1970.
std::optional<base::Time> parse_row_time(std::string_view text);

/// A row of a schema. Reused: `begin` forgets the last one and keeps the memory.
class Row {
 public:
  explicit Row(const record::Schema& schema);
  const record::Schema& schema() const { return *schema_; }
  /// The column of a field; -1 where the schema has none of that name.
  int column(std::string_view name) const;

  void begin();
  record::Head head;

  /// Sets a field from text. False where the text is no value of the field's type: it stays unset. A list gets one
  /// item.
  bool set(int column, std::string_view text);
  bool set(std::string_view name, std::string_view text) { return set(column(name), text); }
  void set_count(std::string_view name, std::uint64_t value);
  void set_bool(std::string_view name, bool value);
  void set_time(std::string_view name, base::Time value);
  void set_interval(std::string_view name, base::Duration value);
  /// An empty list, or a list that items follow to.
  void set_list(int column);
  bool add(int column, std::string_view text);
  bool add(std::string_view name, std::string_view text) { return add(column(name), text); }
  bool is_set(int column) const { return column >= 0 && cells_[static_cast<std::size_t>(column)].set; }
  std::uint64_t word(int column) const { return cells_[static_cast<std::size_t>(column)].word; }
  std::string_view text(int column) const;

  void append_to(record::Batch& batch) const;

 private:
  struct Cell {
    bool set = false;
    std::uint64_t word = 0;
    base::Address address;
    std::size_t from = 0, length = 0;                        // of a text, in text_
    std::vector<std::pair<std::size_t, std::size_t>> items;  // of a list of texts
    std::vector<std::uint64_t> words;                        // of another list
    bool mentions_ids = false;                               // a text or texts that are ids of connections or files
  };
  std::pair<std::size_t, std::size_t> keep(std::string_view text, bool id);

  const record::Schema* schema_;
  std::vector<Cell> cells_;
  std::string text_;
};

/// What a conn row needs that its log did not say: `ip_proto` from `proto`, and the Community ID.
void complete_conn(Row& row);

/// When a conn row was written: its time and its duration, where it has one.
base::Time end_of_conn(const Row& row);

}  // namespace whodunit::logs
