// Column batches: how records travel from the parsers to detectors, store and reports.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "record/schema.h"
#include "record/types.h"

namespace whodunit::record {

/// The place of a row in the order of emission: by packet, then by ordinal within it. `packet` counts over the whole
/// run. Rows made by timers come after the packets of their engine batch, ordered by shard.
struct Order {
  std::uint64_t packet = 0;
  std::uint64_t minor = 0;
  auto operator<=>(const Order&) const = default;
};

/// Rows of one record type, in columns. Text lives in the batch's own arena. Not thread-safe. Rows are only appended.
class Batch {
 public:
  explicit Batch(const Schema& schema);

  const Schema& schema() const { return *schema_; }
  std::size_t rows() const { return heads_.size(); }
  bool empty() const { return heads_.empty(); }
  /// Bytes held, about.
  std::size_t bytes() const;
  /// Forgets the rows, keeps the memory.
  void clear();

  const Head& head(std::size_t row) const { return heads_[row]; }
  const Order& order(std::size_t row) const { return orders_[row]; }

  // --- writing: begin_row, then one put per field of the schema, in its order
  void begin_row(const Head& head, Order order) {
    heads_.push_back(head);
    orders_.push_back(order);
  }
  void put(std::size_t column, bool v) { word(column, v, true); }
  void put(std::size_t column, std::uint64_t v) { word(column, v, true); }
  void put(std::size_t column, std::int64_t v) { word(column, static_cast<std::uint64_t>(v), true); }
  void put(std::size_t column, double v) { word(column, std::bit_cast<std::uint64_t>(v), true); }
  void put(std::size_t column, base::Time v) { word(column, static_cast<std::uint64_t>(v.ns), true); }
  void put(std::size_t column, base::Duration v) { word(column, static_cast<std::uint64_t>(v.ns), true); }
  void put(std::size_t column, Port v) { word(column, v.value, true); }
  void put(std::size_t column, Uid v) { word(column, v.value, static_cast<bool>(v)); }
  void put(std::size_t column, Fuid v) { word(column, v.value, static_cast<bool>(v)); }
  void put(std::size_t column, const base::Address& v) {
    Column& c = columns_[column];
    c.words.push_back(v.high());
    c.words.push_back(v.low());
    c.valid.push_back(1);
  }
  void put(std::size_t column, Text v) { word(column, v.data() == nullptr ? 0 : store(v), v.data() != nullptr); }
  void put(std::size_t column, Texts v);
  void put(std::size_t column, Durations v);
  void put(std::size_t column, Counts v);
  template <class T>
  void put(std::size_t column, const std::optional<T>& v) {
    if (v)
      put(column, *v);
    else
      null(column);
  }
  void null(std::size_t column) {
    Column& c = columns_[column];
    c.words.push_back(0);
    if (c.type == FieldType::kAddress) c.words.push_back(0);
    c.valid.push_back(0);
  }
  /// Copies one row of a batch of the same schema, whole.
  void append_row(const Batch& from, std::size_t row);

  // --- reading
  bool is_set(std::size_t column, std::size_t row) const { return columns_[column].valid[row] != 0; }
  /// Of a field that is one word: bool, count, int, double (its bits), time, interval, port, uid, fuid.
  std::uint64_t word_at(std::size_t column, std::size_t row) const { return columns_[column].words[row]; }
  base::Address address_at(std::size_t column, std::size_t row) const {
    const std::uint64_t* words = columns_[column].words.data() + 2 * row;
    return base::Address::from_words(words[0], words[1]);
  }
  /// Valid until the batch changes.
  Text text_at(std::size_t column, std::size_t row) const { return text_of(columns_[column].words[row]); }
  /// How many items a list holds, and the items.
  std::size_t list_size(std::size_t column, std::size_t row) const { return columns_[column].words[row] & 0xffffffff; }
  Text list_text(std::size_t column, std::size_t row, std::size_t i) const {
    return text_of(columns_[column].items[(columns_[column].words[row] >> 32) + i]);
  }
  std::uint64_t list_word(std::size_t column, std::size_t row, std::size_t i) const {
    return columns_[column].items[(columns_[column].words[row] >> 32) + i];
  }

  void get(std::size_t column, std::size_t row, bool& out) const { out = word_at(column, row) != 0; }
  void get(std::size_t column, std::size_t row, std::uint64_t& out) const { out = word_at(column, row); }
  void get(std::size_t column, std::size_t row, std::int64_t& out) const {
    out = static_cast<std::int64_t>(word_at(column, row));
  }
  void get(std::size_t column, std::size_t row, double& out) const {
    out = std::bit_cast<double>(word_at(column, row));
  }
  void get(std::size_t column, std::size_t row, base::Time& out) const {
    out.ns = static_cast<std::int64_t>(word_at(column, row));
  }
  void get(std::size_t column, std::size_t row, base::Duration& out) const {
    out.ns = static_cast<std::int64_t>(word_at(column, row));
  }
  void get(std::size_t column, std::size_t row, Port& out) const {
    out.value = static_cast<std::uint16_t>(word_at(column, row));
  }
  void get(std::size_t column, std::size_t row, Uid& out) const { out.value = word_at(column, row); }
  void get(std::size_t column, std::size_t row, Fuid& out) const { out.value = word_at(column, row); }
  void get(std::size_t column, std::size_t row, base::Address& out) const { out = address_at(column, row); }
  void get(std::size_t column, std::size_t row, Text& out) const {
    out = is_set(column, row) ? text_at(column, row) : Text{};
  }
  void get(std::size_t column, std::size_t row, Texts& out) const;
  void get(std::size_t column, std::size_t row, Durations& out) const;
  void get(std::size_t column, std::size_t row, Counts& out) const;
  template <class T>
  void get(std::size_t column, std::size_t row, std::optional<T>& out) const {
    if (!is_set(column, row)) {
      out.reset();
      return;
    }
    T v{};
    get(column, row, v);
    out = v;
  }

 private:
  struct Column {
    FieldType type;
    std::vector<std::uint64_t> words;  // per row; an address takes two
    std::vector<std::uint64_t> items;  // of lists
    std::vector<std::uint8_t> valid;
    // Of lists of texts: the first of `items` as views into the arena while that stands at `views_of`, made by get().
    mutable std::vector<std::string_view> views;
    mutable const char* views_of = nullptr;
  };

  void word(std::size_t column, std::uint64_t v, bool valid) {
    Column& c = columns_[column];
    c.words.push_back(v);
    c.valid.push_back(valid);
  }
  // offset << 32 | length
  std::uint64_t store(Text v) {
    const std::uint64_t at = arena_.size();
    arena_.append(v);
    return at << 32 | v.size();
  }
  Text text_of(std::uint64_t ref) const { return Text(arena_.data() + (ref >> 32), ref & 0xffffffff); }

  const Schema* schema_;
  std::vector<Head> heads_;
  std::vector<Order> orders_;
  std::vector<Column> columns_;
  std::string arena_;
};

}  // namespace whodunit::record
