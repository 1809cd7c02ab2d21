#include "store/duckdb/table_writer.h"

#include <duckdb.h>

#include <algorithm>
#include <cstring>

#include "record/text.h"
#include "store/duckdb/layout.h"

namespace whodunit::store::duckdb {
namespace {

using record::Batch;
using record::FieldType;

// DuckDB's own appender gathers up to 204,800 rows before it hands them on; with wide rows that is more memory than
// the whole store should take. Handing them on at this many costs nothing measurable.
constexpr std::size_t kRowsToFlush = 8192;
// The same for rows with long texts: bytes of text in a chunk, and in the appender.
constexpr std::size_t kTextToSend = 1u << 20;
constexpr std::size_t kTextToFlush = 8u << 20;
// Rows filled at a time, so that the limits above are looked at often enough.
constexpr std::size_t kRowsAtATime = 512;

/// Memory for the text of one chunk; DuckDB copies it when the chunk is appended.
class Arena {
 public:
  char* take(std::size_t size) {
    taken_ += size;
    if (size > kBlock / 4) {
      large_.push_back(std::make_unique<char[]>(size));
      return large_.back().get();
    }
    if (size > kBlock - used_) {
      ++block_;
      used_ = 0;
    }
    if (block_ >= blocks_.size()) blocks_.push_back(std::make_unique<char[]>(kBlock));
    char* p = blocks_[block_].get() + used_;
    used_ += size;
    return p;
  }
  void clear() {
    block_ = 0;
    used_ = 0;
    taken_ = 0;
    large_.clear();
    if (blocks_.size() > kKeep) blocks_.resize(kKeep);
  }
  std::size_t taken() const { return taken_; }

 private:
  static constexpr std::size_t kBlock = 64 * 1024;
  static constexpr std::size_t kKeep = 4;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<std::unique_ptr<char[]>> large_;
  std::size_t block_ = 0;
  std::size_t used_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace

struct TableWriter::Impl {
  const record::Schema* schema = nullptr;
  duckdb_appender appender = nullptr;
  duckdb_data_chunk chunk = nullptr;
  struct Column {
    duckdb_vector vector = nullptr;
    void* data = nullptr;
    std::uint64_t* validity = nullptr;  // made when the first NULL comes
    std::size_t items = 0;              // of a list: how many the child holds
  };
  std::vector<Column> columns;
  std::size_t rows = 0;       // in the chunk
  std::size_t capacity = 0;   // of the chunk
  std::size_t unflushed = 0;  // in the appender
  std::size_t unflushed_text = 0;
  Arena arena;
  std::string spelled;  // reused

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (chunk != nullptr) duckdb_destroy_data_chunk(&chunk);
    if (appender != nullptr) duckdb_appender_destroy(&appender);
  }

  base::Error error() const {
    const char* message = duckdb_appender_error(appender);
    return {message == nullptr ? "rows could not be appended" : message, "", ""};
  }

  void start_chunk() {
    duckdb_data_chunk_reset(chunk);
    arena.clear();
    rows = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      Column& c = columns[i];
      c.vector = duckdb_data_chunk_get_vector(chunk, i);
      c.data = duckdb_vector_get_data(c.vector);
      c.validity = nullptr;
      c.items = 0;
    }
  }

  void null(Column& c, std::size_t row) {
    if (c.validity == nullptr) {
      duckdb_vector_ensure_validity_writable(c.vector);
      c.validity = duckdb_vector_get_validity(c.vector);
    }
    c.validity[row / 64] &= ~(std::uint64_t{1} << row % 64);
  }

  duckdb_string_t make_string(const char* data, std::size_t size) {
    duckdb_string_t s;
    if (size <= sizeof s.value.inlined.inlined) {
      // All twelve bytes count when strings are compared.
      std::memset(&s, 0, sizeof s);
      s.value.inlined.length = static_cast<std::uint32_t>(size);
      std::memcpy(s.value.inlined.inlined, data, size);
      return s;
    }
    char* p = arena.take(size);
    std::memcpy(p, data, size);
    s.value.pointer.length = static_cast<std::uint32_t>(size);
    std::memcpy(s.value.pointer.prefix, data, sizeof s.value.pointer.prefix);
    s.value.pointer.ptr = p;
    return s;
  }

  /// DuckDB wants UTF-8; other bytes are spelled as in the JSON logs.
  duckdb_string_t make_text(std::string_view text) {
    if (record::is_printable_ascii(text)) return make_string(text.data(), text.size());
    spelled.clear();
    record::append_presentable(spelled, text, true);
    return make_string(spelled.data(), spelled.size());
  }

  template <class Fill>
  void words(Column& c, const Batch& batch, std::size_t field, std::size_t first, std::size_t n, Fill fill) {
    for (std::size_t i = 0; i < n; ++i) {
      fill(rows + i, batch.word_at(field, first + i));
      if (!batch.is_set(field, first + i)) null(c, rows + i);
    }
  }

  template <class Put>
  void list(Column& c, const Batch& batch, std::size_t field, std::size_t first, std::size_t n, Put put) {
    auto* entries = static_cast<duckdb_list_entry*>(c.data);
    std::size_t more = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (batch.is_set(field, first + i)) more += batch.list_size(field, first + i);
    duckdb_list_vector_reserve(c.vector, c.items + more);
    void* child = duckdb_vector_get_data(duckdb_list_vector_get_child(c.vector));
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t row = first + i;
      if (!batch.is_set(field, row)) {
        entries[rows + i] = {c.items, 0};
        null(c, rows + i);
        continue;
      }
      const std::size_t size = batch.list_size(field, row);
      entries[rows + i] = {c.items, size};
      for (std::size_t k = 0; k < size; ++k) put(child, c.items + k, row, k);
      c.items += size;
    }
    duckdb_list_vector_set_size(c.vector, c.items);
  }

  void fill_head(const Batch& batch, std::size_t first, std::size_t n) {
    const auto at = [&](HeadColumn column) { return columns[column].data; };
    auto* ts = static_cast<std::int64_t*>(at(kTs));
    auto* uid = static_cast<duckdb_string_t*>(at(kUid));
    auto* orig_h = static_cast<duckdb_string_t*>(at(kOrigHost));
    auto* resp_h = static_cast<duckdb_string_t*>(at(kRespHost));
    auto* orig_p = static_cast<std::uint16_t*>(at(kOrigPort));
    auto* resp_p = static_cast<std::uint16_t*>(at(kRespPort));
    auto* capture_first = static_cast<std::uint32_t*>(at(kPlaceCaptureFirst));
    auto* packet_first = static_cast<std::uint64_t*>(at(kPlaceFirst));
    auto* capture_last = static_cast<std::uint32_t*>(at(kPlaceCaptureLast));
    auto* packet_last = static_cast<std::uint64_t*>(at(kPlaceLast));
    for (std::size_t i = 0; i < n; ++i) {
      const record::Head& head = batch.head(first + i);
      const std::size_t row = rows + i;
      ts[row] = head.ts.ns;
      if (head.uid) {
        char text[record::kUidLength];
        record::write_uid(text, head.uid.value, 'C');
        uid[row] = make_string(text, sizeof text);
      } else {
        uid[row] = {};
        null(columns[kUid], row);
      }
      if (record::is_about_endpoints(head)) {
        char text[46];
        orig_h[row] = make_string(text, record::write_address(text, head.id.orig_h));
        resp_h[row] = make_string(text, record::write_address(text, head.id.resp_h));
        orig_p[row] = head.id.orig_p.value;
        resp_p[row] = head.id.resp_p.value;
      } else {
        orig_h[row] = resp_h[row] = {};
        orig_p[row] = resp_p[row] = 0;
        for (const HeadColumn column : {kOrigHost, kOrigPort, kRespHost, kRespPort}) null(columns[column], row);
      }
      capture_first[row] = head.place.capture_first;
      packet_first[row] = head.place.first;
      capture_last[row] = head.place.capture_last;
      packet_last[row] = head.place.last;
      if (head.place.first == 0)
        for (const HeadColumn column : {kPlaceCaptureFirst, kPlaceFirst, kPlaceCaptureLast, kPlaceLast})
          null(columns[column], row);
    }
  }

  void fill_field(const Batch& batch, std::size_t field, std::size_t first, std::size_t n) {
    Column& c = columns[kHeadColumns + field];
    switch (schema->fields[field].type) {
      case FieldType::kBool:
        words(c, batch, field, first, n,
              [&](std::size_t row, std::uint64_t v) { static_cast<bool*>(c.data)[row] = v != 0; });
        break;
      case FieldType::kCount:
      case FieldType::kInt:
      case FieldType::kDouble:  // its bits
      case FieldType::kTime:
        words(c, batch, field, first, n,
              [&](std::size_t row, std::uint64_t v) { static_cast<std::uint64_t*>(c.data)[row] = v; });
        break;
      case FieldType::kInterval:
        words(c, batch, field, first, n, [&](std::size_t row, std::uint64_t v) {
          static_cast<double*>(c.data)[row] = base::Duration{static_cast<std::int64_t>(v)}.seconds();
        });
        break;
      case FieldType::kPort:
        words(c, batch, field, first, n, [&](std::size_t row, std::uint64_t v) {
          static_cast<std::uint16_t*>(c.data)[row] = static_cast<std::uint16_t>(v);
        });
        break;
      case FieldType::kUid:
      case FieldType::kFuid: {
        const char prefix = schema->fields[field].type == FieldType::kUid ? 'C' : 'F';
        words(c, batch, field, first, n, [&](std::size_t row, std::uint64_t v) {
          char text[record::kUidLength];
          record::write_uid(text, v, prefix);
          static_cast<duckdb_string_t*>(c.data)[row] = make_string(text, sizeof text);
        });
        break;
      }
      case FieldType::kAddress:
        for (std::size_t i = 0; i < n; ++i) {
          char text[46];
          const bool set = batch.is_set(field, first + i);
          static_cast<duckdb_string_t*>(c.data)[rows + i] =
              set ? make_string(text, record::write_address(text, batch.address_at(field, first + i)))
                  : duckdb_string_t{};
          if (!set) null(c, rows + i);
        }
        break;
      case FieldType::kText:
        for (std::size_t i = 0; i < n; ++i) {
          const bool set = batch.is_set(field, first + i);
          static_cast<duckdb_string_t*>(c.data)[rows + i] =
              set ? make_text(batch.text_at(field, first + i)) : duckdb_string_t{};
          if (!set) null(c, rows + i);
        }
        break;
      case FieldType::kTexts:
        list(c, batch, field, first, n, [&](void* child, std::size_t at, std::size_t row, std::size_t k) {
          static_cast<duckdb_string_t*>(child)[at] = make_text(batch.list_text(field, row, k));
        });
        break;
      case FieldType::kIntervals:
        list(c, batch, field, first, n, [&](void* child, std::size_t at, std::size_t row, std::size_t k) {
          static_cast<double*>(child)[at] =
              base::Duration{static_cast<std::int64_t>(batch.list_word(field, row, k))}.seconds();
        });
        break;
      case FieldType::kCounts:
        list(c, batch, field, first, n, [&](void* child, std::size_t at, std::size_t row, std::size_t k) {
          static_cast<std::uint64_t*>(child)[at] = batch.list_word(field, row, k);
        });
        break;
    }
  }

  base::Result<void> send_chunk() {
    if (rows == 0) return {};
    duckdb_data_chunk_set_size(chunk, rows);
    if (duckdb_append_data_chunk(appender, chunk) != DuckDBSuccess) return error();
    unflushed += rows;
    unflushed_text += arena.taken();
    start_chunk();
    return unflushed >= kRowsToFlush || unflushed_text >= kTextToFlush ? flush() : base::Result<void>{};
  }

  base::Result<void> flush() {
    if (unflushed == 0) return {};
    if (duckdb_appender_flush(appender) != DuckDBSuccess) return error();
    unflushed = 0;
    unflushed_text = 0;
    return {};
  }
};

TableWriter::TableWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TableWriter::~TableWriter() = default;

base::Result<std::unique_ptr<TableWriter>> TableWriter::open(Database& database, const std::string& catalog,
                                                             const record::Schema& schema) {
  auto impl = std::make_unique<Impl>();
  impl->schema = &schema;
  if (duckdb_appender_create_ext(database.connection(), catalog.c_str(), "main", std::string(schema.name).c_str(),
                                 &impl->appender) != DuckDBSuccess)
    return impl->error();
  const idx_t n = duckdb_appender_column_count(impl->appender);
  if (n != kHeadColumns + schema.fields.size())
    return base::Error{"the table " + std::string(schema.name) + " has other columns than this program knows", "", ""};
  std::vector<duckdb_logical_type> types;
  for (idx_t i = 0; i < n; ++i) types.push_back(duckdb_appender_column_type(impl->appender, i));
  impl->chunk = duckdb_create_data_chunk(types.data(), n);
  for (duckdb_logical_type& type : types) duckdb_destroy_logical_type(&type);
  impl->columns.resize(n);
  impl->capacity = duckdb_vector_size();
  impl->start_chunk();
  return std::unique_ptr<TableWriter>(new TableWriter(std::move(impl)));
}

base::Result<void> TableWriter::append(const Batch& batch) {
  Impl& w = *impl_;
  for (std::size_t first = 0; first < batch.rows();) {
    const std::size_t n = std::min({batch.rows() - first, w.capacity - w.rows, kRowsAtATime});
    w.fill_head(batch, first, n);
    for (std::size_t field = 0; field < w.schema->fields.size(); ++field) w.fill_field(batch, field, first, n);
    w.rows += n;
    first += n;
    if (w.rows == w.capacity || w.arena.taken() >= kTextToSend) {
      auto sent = w.send_chunk();
      if (!sent) return sent;
    }
  }
  return {};
}

std::size_t TableWriter::rows_held() const { return impl_->rows + impl_->unflushed; }

base::Result<void> TableWriter::flush() {
  auto sent = impl_->send_chunk();
  if (!sent) return sent;
  return impl_->flush();
}

}  // namespace whodunit::store::duckdb
