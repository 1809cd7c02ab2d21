#include "record/batch.h"

#include <algorithm>

namespace whodunit::record {
namespace {

std::vector<Schema*>& registered() {
  static std::vector<Schema*> list;
  return list;
}

}  // namespace

void register_schemas(std::span<Schema* const> list) {
  for (Schema* schema : list) {
    if (schema->id >= 0) continue;
    schema->id = static_cast<int>(registered().size());
    registered().push_back(schema);
  }
}

std::span<Schema* const> schemas() { return registered(); }

const Schema* find_schema(std::string_view name) {
  for (const Schema* schema : registered())
    if (schema->name == name) return schema;
  return nullptr;
}

Batch::Batch(const Schema& schema) : schema_(&schema) {
  columns_.resize(schema.fields.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].type = schema.fields[i].type;
}

std::size_t Batch::bytes() const {
  std::size_t n = heads_.capacity() * sizeof(Head) + orders_.capacity() * sizeof(Order) + arena_.capacity();
  for (const Column& c : columns_) n += c.words.capacity() * 8 + c.items.capacity() * 8 + c.valid.capacity();
  return n;
}

void Batch::clear() {
  heads_.clear();
  orders_.clear();
  for (Column& c : columns_) {
    c.words.clear();
    c.items.clear();
    c.valid.clear();
    c.views.clear();
  }
  arena_.clear();
}

void Batch::put(std::size_t column, Texts v) {
  if (v.data() == nullptr) return null(column);
  const std::uint64_t start = columns_[column].items.size();
  for (const Text t : v) columns_[column].items.push_back(store(t));
  word(column, start << 32 | v.size(), true);
}

void Batch::put(std::size_t column, Durations v) {
  if (v.data() == nullptr) return null(column);
  const std::uint64_t start = columns_[column].items.size();
  for (const base::Duration d : v) columns_[column].items.push_back(static_cast<std::uint64_t>(d.ns));
  word(column, start << 32 | v.size(), true);
}

void Batch::put(std::size_t column, Counts v) {
  if (v.data() == nullptr) return null(column);
  const std::uint64_t start = columns_[column].items.size();
  columns_[column].items.insert(columns_[column].items.end(), v.begin(), v.end());
  word(column, start << 32 | v.size(), true);
}

void Batch::get(std::size_t column, std::size_t row, Texts& out) const {
  out = {};
  if (!is_set(column, row)) return;
  static constexpr std::string_view kNone;  // an empty list is set: its data() must not be null
  const std::size_t n = list_size(column, row);
  if (n == 0) {
    out = Texts(&kNone, std::size_t{0});
    return;
  }
  // Once for all rows, however many readers the batch has.
  const Column& c = columns_[column];
  if (c.views_of != arena_.data()) {
    c.views.clear();
    c.views_of = arena_.data();
  }
  c.views.reserve(c.items.size());
  for (std::size_t i = c.views.size(); i < c.items.size(); ++i) c.views.push_back(text_of(c.items[i]));
  out = Texts(c.views.data() + (c.words[row] >> 32), n);
}

void Batch::get(std::size_t column, std::size_t row, Durations& out) const {
  out = {};
  if (!is_set(column, row)) return;
  static_assert(sizeof(base::Duration) == sizeof(std::uint64_t));
  static constexpr base::Duration kNone{};  // an empty list is set: its data() must not be null
  const std::size_t n = list_size(column, row);
  out = n == 0 ? Durations(&kNone, std::size_t{0})
               : Durations(reinterpret_cast<const base::Duration*>(columns_[column].items.data() +
                                                                   (columns_[column].words[row] >> 32)),
                           n);
}

void Batch::get(std::size_t column, std::size_t row, Counts& out) const {
  out = {};
  if (!is_set(column, row)) return;
  static constexpr std::uint64_t kNone = 0;
  const std::size_t n = list_size(column, row);
  out = n == 0 ? Counts(&kNone, std::size_t{0})
               : Counts(columns_[column].items.data() + (columns_[column].words[row] >> 32), n);
}

void Batch::append_row(const Batch& from, std::size_t row) {
  heads_.push_back(from.heads_[row]);
  orders_.push_back(from.orders_[row]);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Column& c = columns_[i];
    const Column& f = from.columns_[i];
    const bool valid = f.valid[row] != 0;
    switch (c.type) {
      case FieldType::kAddress:
        c.words.push_back(f.words[2 * row]);
        c.words.push_back(f.words[2 * row + 1]);
        break;
      case FieldType::kText:
        c.words.push_back(valid ? store(from.text_at(i, row)) : 0);
        break;
      case FieldType::kTexts:
      case FieldType::kIntervals:
      case FieldType::kCounts: {
        const std::uint64_t start = c.items.size();
        const std::size_t n = valid ? from.list_size(i, row) : 0;
        for (std::size_t k = 0; k < n; ++k)
          c.items.push_back(c.type == FieldType::kTexts ? store(from.list_text(i, row, k)) : from.list_word(i, row, k));
        c.words.push_back(start << 32 | n);
        break;
      }
      default:
        c.words.push_back(f.words[row]);
    }
    c.valid.push_back(valid);
  }
}

}  // namespace whodunit::record
