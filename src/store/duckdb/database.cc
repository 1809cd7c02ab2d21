#include "store/duckdb/database.h"

#include <duckdb.h>
#include <fmt/format.h>

#include <cmath>

#include "base/address.h"
#include "base/json.h"
#include "base/time.h"
#include "record/text.h"

namespace whodunit::store::duckdb {
namespace {

struct TypeHandle {
  explicit TypeHandle(duckdb_logical_type type) : type(type) {}
  TypeHandle(const TypeHandle&) = delete;
  TypeHandle& operator=(const TypeHandle&) = delete;
  ~TypeHandle() { duckdb_destroy_logical_type(&type); }
  duckdb_logical_type type;
};

std::string_view view(const duckdb_string_t& s) {
  const std::uint32_t length = s.value.inlined.length;
  return {length <= sizeof s.value.inlined.inlined ? s.value.inlined.inlined : s.value.pointer.ptr, length};
}

bool is_number_type(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL:
      return true;
    default:
      return false;
  }
}

bool is_nested_type(duckdb_type type) {
  return type == DUCKDB_TYPE_LIST || type == DUCKDB_TYPE_ARRAY || type == DUCKDB_TYPE_STRUCT || type == DUCKDB_TYPE_MAP;
}

bool is_literal_type(duckdb_type type) {
  return is_number_type(type) || is_nested_type(type) || type == DUCKDB_TYPE_BOOLEAN;
}

__extension__ using Signed128 = __int128;
__extension__ using Unsigned128 = unsigned __int128;

std::string huge_text(Unsigned128 v, bool negative) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(v % 10)));
    v /= 10;
  } while (v != 0);
  return negative ? "-" + digits : digits;
}

std::string signed_huge_text(Signed128 v) {
  const auto bits = static_cast<Unsigned128>(v);
  return v < 0 ? huge_text(~bits + 1, true) : huge_text(bits, false);
}

Signed128 huge_of(const duckdb_hugeint& h) {
  return static_cast<Signed128>(static_cast<Unsigned128>(static_cast<std::uint64_t>(h.upper)) << 64 | h.lower);
}

/// "2007-09-03 02:14:05.123456"; infinity as DuckDB writes it.
std::string moment(std::int64_t value, std::int64_t per_second) {
  if (value == INT64_MAX) return "infinity";
  if (value == -INT64_MAX) return "-infinity";
  const std::int64_t seconds = value / per_second - (value % per_second < 0 ? 1 : 0);
  const std::int64_t rest = value - seconds * per_second;
  const std::int64_t days = seconds / 86400 - (seconds % 86400 < 0 ? 1 : 0);
  const auto of_day = static_cast<unsigned>(seconds - days * 86400);
  // Only the date is made of it, so that years beyond what nanoseconds can count do not overflow.
  const duckdb_date_struct date = duckdb_from_date({static_cast<std::int32_t>(days)});
  std::string out = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", date.year, date.month, date.day, of_day / 3600,
                                of_day / 60 % 60, of_day % 60);
  if (rest != 0) {
    std::string fraction = fmt::format("{:09}", rest * (1'000'000'000 / per_second));
    while (fraction.size() > 6 && fraction.back() == '0') fraction.pop_back();
    out += "." + fraction;
  }
  return out;
}

std::string time_of_day(std::int64_t micros) {
  std::string out =
      fmt::format("{:02}:{:02}:{:02}", micros / 3'600'000'000, micros / 60'000'000 % 60, micros / 1'000'000 % 60);
  if (micros % 1'000'000 != 0) out += fmt::format(".{:06}", micros % 1'000'000);
  return out;
}

/// Writes a value of any type: as JSON where `json`, otherwise as people read it.
class ValueWriter {
 public:
  ValueWriter(std::string& out, bool json) : out_(out), json_(json) {}

  void write(duckdb_vector vector, idx_t row) {
    const std::uint64_t* validity = duckdb_vector_get_validity(vector);
    if (validity != nullptr && !duckdb_validity_row_is_valid(const_cast<std::uint64_t*>(validity), row)) {
      out_ += json_ ? "null" : "NULL";
      return;
    }
    const TypeHandle handle(duckdb_vector_get_column_type(vector));
    const duckdb_type type = duckdb_get_type_id(handle.type);
    const void* data = duckdb_vector_get_data(vector);
    switch (type) {
      case DUCKDB_TYPE_BOOLEAN:
        out_ += at<bool>(data, row) ? "true" : "false";
        return;
      case DUCKDB_TYPE_TINYINT:
        return number(std::int64_t{at<std::int8_t>(data, row)});
      case DUCKDB_TYPE_SMALLINT:
        return number(std::int64_t{at<std::int16_t>(data, row)});
      case DUCKDB_TYPE_INTEGER:
        return number(std::int64_t{at<std::int32_t>(data, row)});
      case DUCKDB_TYPE_BIGINT:
        return number(at<std::int64_t>(data, row));
      case DUCKDB_TYPE_UTINYINT:
        return number(std::uint64_t{at<std::uint8_t>(data, row)});
      case DUCKDB_TYPE_USMALLINT:
        return number(std::uint64_t{at<std::uint16_t>(data, row)});
      case DUCKDB_TYPE_UINTEGER:
        return number(std::uint64_t{at<std::uint32_t>(data, row)});
      case DUCKDB_TYPE_UBIGINT:
        return number(at<std::uint64_t>(data, row));
      case DUCKDB_TYPE_HUGEINT:
        out_ += signed_huge_text(huge_of(at<duckdb_hugeint>(data, row)));
        return;
      case DUCKDB_TYPE_UHUGEINT: {
        const auto h = at<duckdb_uhugeint>(data, row);
        out_ += huge_text(static_cast<Unsigned128>(h.upper) << 64 | h.lower, false);
        return;
      }
      case DUCKDB_TYPE_FLOAT:
        return real(static_cast<double>(at<float>(data, row)), fmt::format("{}", at<float>(data, row)));
      case DUCKDB_TYPE_DOUBLE:
        return real(at<double>(data, row), fmt::format("{}", at<double>(data, row)));
      case DUCKDB_TYPE_DECIMAL:
        return decimal(handle.type, data, row);
      case DUCKDB_TYPE_VARCHAR:
        return text(view(at<duckdb_string_t>(data, row)));
      case DUCKDB_TYPE_BLOB:
      case DUCKDB_TYPE_BIT:
        return bytes(view(at<duckdb_string_t>(data, row)));
      case DUCKDB_TYPE_DATE: {
        const auto d = duckdb_from_date(at<duckdb_date>(data, row));
        return text(fmt::format("{:04}-{:02}-{:02}", d.year, d.month, d.day));
      }
      case DUCKDB_TYPE_TIME:
        return text(time_of_day(at<duckdb_time>(data, row).micros));
      case DUCKDB_TYPE_TIMESTAMP:
        return text(moment(at<std::int64_t>(data, row), 1'000'000));
      case DUCKDB_TYPE_TIMESTAMP_TZ:
        return text(moment(at<std::int64_t>(data, row), 1'000'000) + "+00");
      case DUCKDB_TYPE_TIMESTAMP_S:
        return text(moment(at<std::int64_t>(data, row), 1));
      case DUCKDB_TYPE_TIMESTAMP_MS:
        return text(moment(at<std::int64_t>(data, row), 1'000));
      case DUCKDB_TYPE_TIMESTAMP_NS:
        return text(moment(at<std::int64_t>(data, row), 1'000'000'000));
      case DUCKDB_TYPE_INTERVAL: {
        const auto v = at<duckdb_interval>(data, row);
        return text(fmt::format("{}{}{}", v.months != 0 ? fmt::format("{} months ", v.months) : "",
                                v.days != 0 ? fmt::format("{} days ", v.days) : "",
                                v.micros < 0 ? "-" + time_of_day(-v.micros) : time_of_day(v.micros)));
      }
      case DUCKDB_TYPE_UUID:
        return uuid(at<duckdb_hugeint>(data, row));
      case DUCKDB_TYPE_ENUM:
        return enumeration(handle.type, data, row);
      case DUCKDB_TYPE_LIST: {
        const auto entry = at<duckdb_list_entry>(data, row);
        return list(duckdb_list_vector_get_child(vector), entry.offset, entry.length);
      }
      case DUCKDB_TYPE_ARRAY: {
        const idx_t size = duckdb_array_type_array_size(handle.type);
        return list(duckdb_array_vector_get_child(vector), row * size, size);
      }
      case DUCKDB_TYPE_STRUCT:
        return structure(vector, handle.type, row);
      case DUCKDB_TYPE_MAP: {
        // A map is a list of (key, value).
        const auto entry = at<duckdb_list_entry>(data, row);
        return map(duckdb_list_vector_get_child(vector), entry.offset, entry.length);
      }
      default:
        return text(fmt::format("(a value of DuckDB type {})", static_cast<int>(type)));
    }
  }

 private:
  template <class T>
  static T at(const void* data, idx_t row) {
    return static_cast<const T*>(data)[row];
  }
  void number(std::int64_t v) { record::append_number(out_, v); }
  void number(std::uint64_t v) { record::append_number(out_, v); }
  void real(double v, const std::string& spelled) {
    if (json_ && !std::isfinite(v))
      out_ += "null";
    else
      out_ += spelled;
  }
  void text(std::string_view v) {
    if (json_)
      base::append_json_string(out_, v);
    else
      out_ += v;
  }
  void bytes(std::string_view v) {
    std::string spelled;
    for (const char c : v) fmt::format_to(std::back_inserter(spelled), "\\x{:02X}", static_cast<std::uint8_t>(c));
    text(spelled);
  }
  void decimal(duckdb_logical_type type, const void* data, idx_t row) {
    Signed128 v = 0;
    switch (duckdb_decimal_internal_type(type)) {
      case DUCKDB_TYPE_SMALLINT:
        v = at<std::int16_t>(data, row);
        break;
      case DUCKDB_TYPE_INTEGER:
        v = at<std::int32_t>(data, row);
        break;
      case DUCKDB_TYPE_BIGINT:
        v = at<std::int64_t>(data, row);
        break;
      default:
        v = huge_of(at<duckdb_hugeint>(data, row));
    }
    const bool negative = v < 0;
    std::string digits = signed_huge_text(v).substr(negative ? 1 : 0);
    const std::size_t scale = duckdb_decimal_scale(type);
    if (scale != 0) {
      if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
      digits.insert(digits.size() - scale, ".");
    }
    out_ += (negative ? "-" : "") + digits;
  }
  void uuid(const duckdb_hugeint& v) {
    // Stored with its first bit flipped, so that it sorts.
    const std::uint64_t high = static_cast<std::uint64_t>(v.upper) ^ 0x8000000000000000u;
    text(fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xffff, high & 0xffff,
                     v.lower >> 48, v.lower & 0xffffffffffffu));
  }
  void enumeration(duckdb_logical_type type, const void* data, idx_t row) {
    idx_t index = 0;
    switch (duckdb_enum_internal_type(type)) {
      case DUCKDB_TYPE_UTINYINT:
        index = at<std::uint8_t>(data, row);
        break;
      case DUCKDB_TYPE_USMALLINT:
        index = at<std::uint16_t>(data, row);
        break;
      default:
        index = at<std::uint32_t>(data, row);
    }
    char* name = duckdb_enum_dictionary_value(type, index);
    if (name == nullptr) return text("");
    text(name);
    duckdb_free(name);
  }
  void list(duckdb_vector child, idx_t offset, idx_t length) {
    ValueWriter items(out_, true);
    out_ += '[';
    for (idx_t i = 0; i < length; ++i) {
      if (i != 0) out_ += ',';
      items.write(child, offset + i);
    }
    out_ += ']';
  }
  void structure(duckdb_vector vector, duckdb_logical_type type, idx_t row) {
    ValueWriter items(out_, true);
    out_ += '{';
    const idx_t n = duckdb_struct_type_child_count(type);
    for (idx_t i = 0; i < n; ++i) {
      if (i != 0) out_ += ',';
      char* name = duckdb_struct_type_child_name(type, i);
      base::append_json_string(out_, name == nullptr ? "" : name);
      duckdb_free(name);
      out_ += ':';
      items.write(duckdb_struct_vector_get_child(vector, i), row);
    }
    out_ += '}';
  }
  void map(duckdb_vector entries, idx_t offset, idx_t length) {
    ValueWriter values(out_, true);
    out_ += '{';
    for (idx_t i = 0; i < length; ++i) {
      if (i != 0) out_ += ',';
      std::string key;
      ValueWriter(key, false).write(duckdb_struct_vector_get_child(entries, 0), offset + i);
      base::append_json_string(out_, key);
      out_ += ':';
      values.write(duckdb_struct_vector_get_child(entries, 1), offset + i);
    }
    out_ += '}';
  }

  std::string& out_;
  bool json_;
};

/// An integer of any width, or a timestamp's.
std::uint64_t word_of(duckdb_type type, const void* data, idx_t row) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_UTINYINT:
      return static_cast<const std::uint8_t*>(data)[row];
    case DUCKDB_TYPE_TINYINT:
      return static_cast<std::uint64_t>(std::int64_t{static_cast<const std::int8_t*>(data)[row]});
    case DUCKDB_TYPE_USMALLINT:
      return static_cast<const std::uint16_t*>(data)[row];
    case DUCKDB_TYPE_SMALLINT:
      return static_cast<std::uint64_t>(std::int64_t{static_cast<const std::int16_t*>(data)[row]});
    case DUCKDB_TYPE_UINTEGER:
      return static_cast<const std::uint32_t*>(data)[row];
    case DUCKDB_TYPE_INTEGER:
      return static_cast<std::uint64_t>(std::int64_t{static_cast<const std::int32_t*>(data)[row]});
    default:
      return static_cast<const std::uint64_t*>(data)[row];
  }
}

}  // namespace

struct Rows::Impl {
  duckdb_connection own_connection = nullptr;  // of a stream
  duckdb_result result{};
  duckdb_data_chunk chunk = nullptr;
  struct Column {
    duckdb_type type;
    duckdb_vector vector = nullptr;
    const void* data = nullptr;
    std::uint64_t* validity = nullptr;
    duckdb_type item_type = DUCKDB_TYPE_INVALID;
    const void* items = nullptr;
  };
  std::vector<Column> columns;
  std::size_t rows = 0;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (chunk != nullptr) duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    if (own_connection != nullptr) duckdb_disconnect(&own_connection);
  }
  void describe() {
    columns.resize(duckdb_column_count(&result));
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i].type = duckdb_column_type(&result, i);
  }
};

Rows::Rows() = default;
Rows::Rows(Rows&&) noexcept = default;
Rows& Rows::operator=(Rows&&) noexcept = default;
Rows::~Rows() = default;

std::size_t Rows::columns() const { return impl_->columns.size(); }
std::string Rows::name(std::size_t column) const { return duckdb_column_name(&impl_->result, column); }

bool Rows::next_chunk() {
  Impl& r = *impl_;
  do {
    if (r.chunk != nullptr) duckdb_destroy_data_chunk(&r.chunk);
    r.chunk = duckdb_fetch_chunk(r.result);
    if (r.chunk == nullptr) {
      r.rows = 0;
      return false;
    }
    r.rows = duckdb_data_chunk_get_size(r.chunk);
  } while (r.rows == 0);
  for (std::size_t i = 0; i < r.columns.size(); ++i) {
    Impl::Column& c = r.columns[i];
    c.vector = duckdb_data_chunk_get_vector(r.chunk, i);
    c.data = duckdb_vector_get_data(c.vector);
    c.validity = duckdb_vector_get_validity(c.vector);
    if (c.type == DUCKDB_TYPE_LIST) {
      duckdb_vector child = duckdb_list_vector_get_child(c.vector);
      const TypeHandle handle(duckdb_vector_get_column_type(child));
      c.item_type = duckdb_get_type_id(handle.type);
      c.items = duckdb_vector_get_data(child);
    }
  }
  return true;
}

std::size_t Rows::chunk_rows() const { return impl_->rows; }

bool Rows::is_null(std::size_t column, std::size_t row) const {
  std::uint64_t* validity = impl_->columns[column].validity;
  return validity != nullptr && !duckdb_validity_row_is_valid(validity, row);
}

std::uint64_t Rows::word(std::size_t column, std::size_t row) const {
  const Impl::Column& c = impl_->columns[column];
  return word_of(c.type, c.data, row);
}

double Rows::real(std::size_t column, std::size_t row) const {
  return static_cast<const double*>(impl_->columns[column].data)[row];
}

std::string_view Rows::text(std::size_t column, std::size_t row) const {
  return view(static_cast<const duckdb_string_t*>(impl_->columns[column].data)[row]);
}

std::pair<std::size_t, std::size_t> Rows::list(std::size_t column, std::size_t row) const {
  const auto entry = static_cast<const duckdb_list_entry*>(impl_->columns[column].data)[row];
  return {entry.offset, entry.length};
}

std::string_view Rows::item_text(std::size_t column, std::size_t item) const {
  return view(static_cast<const duckdb_string_t*>(impl_->columns[column].items)[item]);
}

std::uint64_t Rows::item_word(std::size_t column, std::size_t item) const {
  const Impl::Column& c = impl_->columns[column];
  return word_of(c.item_type, c.items, item);
}

double Rows::item_real(std::size_t column, std::size_t item) const {
  return static_cast<const double*>(impl_->columns[column].items)[item];
}

std::optional<std::string> Rows::any(std::size_t column, std::size_t row) const {
  if (is_null(column, row)) return std::nullopt;
  std::string out;
  ValueWriter(out, false).write(impl_->columns[column].vector, row);
  return out;
}

bool Rows::is_literal(std::size_t column) const { return is_literal_type(impl_->columns[column].type); }
bool Rows::is_number(std::size_t column) const { return is_number_type(impl_->columns[column].type); }

struct Database::Impl {
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  std::string stream_begin;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (connection != nullptr) duckdb_disconnect(&connection);
    if (database != nullptr) duckdb_close(&database);
  }

  base::Result<void> open(const char* path, std::vector<std::pair<const char*, std::string>> settings) {
    duckdb_config config = nullptr;
    duckdb_create_config(&config);
    settings.insert(settings.end(), {{"threads", "1"},
                                     {"autoinstall_known_extensions", "false"},
                                     {"autoload_known_extensions", "false"},
                                     {"allow_community_extensions", "false"}});
    for (const auto& [name, value] : settings) {
      if (duckdb_set_config(config, name, value.c_str()) != DuckDBSuccess) {
        duckdb_destroy_config(&config);
        return base::Error{fmt::format("DuckDB does not know the setting {}", name), path == nullptr ? "" : path, ""};
      }
    }
    char* message = nullptr;
    const duckdb_state state = duckdb_open_ext(path, &database, config, &message);
    duckdb_destroy_config(&config);
    if (state != DuckDBSuccess) {
      base::Error error = explain(message == nullptr ? "" : message, path == nullptr ? "" : path);
      duckdb_free(message);
      database = nullptr;
      return error;
    }
    if (duckdb_connect(database, &connection) != DuckDBSuccess)
      return base::Error{"DuckDB gives no connection", path == nullptr ? "" : path, ""};
    return {};
  }
};

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

base::Result<Database> Database::open(std::size_t memory, const std::string& spill) {
  auto impl = std::make_unique<Impl>();
  auto opened = impl->open(nullptr, {{"memory_limit", fmt::format("{}KiB", memory / 1024)}, {"temp_directory", spill}});
  if (!opened) return opened.error();
  return Database(std::move(impl));
}

base::Result<Database> Database::open_file_to_read(const std::string& path, std::size_t memory) {
  auto impl = std::make_unique<Impl>();
  auto opened = impl->open(path.c_str(), {{"access_mode", "READ_ONLY"},
                                          {"memory_limit", fmt::format("{}KiB", memory / 1024)},
                                          {"temp_directory", ""},
                                          {"enable_external_access", "false"},
                                          {"lock_configuration", "true"}});
  if (!opened) return opened.error();
  return Database(std::move(impl));
}

_duckdb_connection* Database::connection() const { return impl_->connection; }

void Database::begin_streams_with(std::string sql) { impl_->stream_begin = std::move(sql); }

namespace {

base::Error failed(const char* message) { return {message == nullptr ? "the statement failed" : message, "", ""}; }

void bind(duckdb_prepared_statement statement, const std::vector<Parameter>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& p = parameters[i];
    switch (p.kind) {
      case Parameter::Kind::kNull:
        duckdb_bind_null(statement, i + 1);
        break;
      case Parameter::Kind::kText:
        duckdb_bind_varchar_length(statement, i + 1, p.text.data(), p.text.size());
        break;
      case Parameter::Kind::kUnsigned:
        duckdb_bind_uint64(statement, i + 1, p.word);
        break;
      case Parameter::Kind::kSigned:
        duckdb_bind_int64(statement, i + 1, static_cast<std::int64_t>(p.word));
        break;
      case Parameter::Kind::kDouble:
        duckdb_bind_double(statement, i + 1, p.real);
        break;
      case Parameter::Kind::kBool:
        duckdb_bind_boolean(statement, i + 1, p.word != 0);
        break;
      case Parameter::Kind::kTimestamp: {
        duckdb_value value = duckdb_create_timestamp_ns({static_cast<std::int64_t>(p.word)});
        duckdb_bind_value(statement, i + 1, value);
        duckdb_destroy_value(&value);
        break;
      }
    }
  }
}

base::Result<void> execute(duckdb_connection connection, const std::string& sql,
                           const std::vector<Parameter>& parameters, bool streaming, duckdb_result* result) {
  if (parameters.empty() && !streaming) {
    if (duckdb_query(connection, sql.c_str(), result) != DuckDBSuccess) return failed(duckdb_result_error(result));
    return {};
  }
  duckdb_prepared_statement statement = nullptr;
  if (duckdb_prepare(connection, sql.c_str(), &statement) != DuckDBSuccess) {
    base::Error error = failed(duckdb_prepare_error(statement));
    duckdb_destroy_prepare(&statement);
    return error;
  }
  bind(statement, parameters);
  duckdb_state state;
  if (streaming) {
    duckdb_pending_result pending = nullptr;
    state = duckdb_pending_prepared_streaming(statement, &pending);
    if (state == DuckDBSuccess) {
      state = duckdb_execute_pending(pending, result);
    } else {
      base::Error error = failed(duckdb_pending_error(pending));
      duckdb_destroy_pending(&pending);
      duckdb_destroy_prepare(&statement);
      return error;
    }
    duckdb_destroy_pending(&pending);
  } else {
    state = duckdb_execute_prepared(statement, result);
  }
  duckdb_destroy_prepare(&statement);
  if (state != DuckDBSuccess) return failed(duckdb_result_error(result));
  return {};
}

}  // namespace

base::Result<Rows> Database::query(const std::string& sql, const std::vector<Parameter>& parameters) {
  Rows rows;
  rows.impl_ = std::make_unique<Rows::Impl>();
  auto done = execute(impl_->connection, sql, parameters, false, &rows.impl_->result);
  if (!done) return done.error();
  rows.impl_->describe();
  return rows;
}

base::Result<Rows> Database::stream(const std::string& sql, const std::vector<Parameter>& parameters) {
  Rows rows;
  rows.impl_ = std::make_unique<Rows::Impl>();
  if (duckdb_connect(impl_->database, &rows.impl_->own_connection) != DuckDBSuccess)
    return failed("DuckDB gives no connection");
  if (!impl_->stream_begin.empty()) {
    duckdb_result begun{};
    auto done = execute(rows.impl_->own_connection, impl_->stream_begin, {}, false, &begun);
    duckdb_destroy_result(&begun);
    if (!done) return done.error();
  }
  auto done = execute(rows.impl_->own_connection, sql, parameters, true, &rows.impl_->result);
  if (!done) return done.error();
  rows.impl_->describe();
  return rows;
}

base::Result<void> Database::run(const std::string& sql, const std::vector<Parameter>& parameters) {
  auto rows = query(sql, parameters);
  if (!rows) return rows.error();
  return {};
}

struct RowAppender::Impl {
  duckdb_appender appender = nullptr;
  bool failed = false;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (appender != nullptr) duckdb_appender_destroy(&appender);
  }
  void note(duckdb_state state) { failed |= state != DuckDBSuccess; }
  /// Takes the value and its type.
  void value(duckdb_value v) {
    note(duckdb_append_value(appender, v));
    duckdb_destroy_value(&v);
  }
  template <class Make>
  void list(duckdb_type item_type, std::size_t n, Make make) {
    std::vector<duckdb_value> items(n + 1);  // never without memory: a null pointer gives no list
    items.resize(n);
    for (std::size_t i = 0; i < n; ++i) items[i] = make(i);
    const TypeHandle type(duckdb_create_logical_type(item_type));
    value(duckdb_create_list_value(type.type, items.data(), n));
    for (duckdb_value& item : items) duckdb_destroy_value(&item);
  }
};

RowAppender::RowAppender(Database& database, const std::string& catalog, const std::string& table)
    : impl_(std::make_unique<Impl>()) {
  impl_->note(
      duckdb_appender_create_ext(database.connection(), catalog.c_str(), "main", table.c_str(), &impl_->appender));
}
RowAppender::~RowAppender() = default;

RowAppender& RowAppender::text(std::string_view v) {
  // Bytes that are not UTF-8 would be refused: they are spelled as in the JSON logs.
  std::string spelled;
  if (!record::is_printable_ascii(v)) {
    record::append_presentable(spelled, v, true);
    v = spelled;
  }
  impl_->note(duckdb_append_varchar_length(impl_->appender, v.data() == nullptr ? "" : v.data(), v.size()));
  return *this;
}
RowAppender& RowAppender::number(std::uint64_t v) {
  impl_->note(duckdb_append_uint64(impl_->appender, v));
  return *this;
}
RowAppender& RowAppender::small(std::uint32_t v) {
  impl_->note(duckdb_append_uint32(impl_->appender, v));
  return *this;
}
RowAppender& RowAppender::real(double v) {
  impl_->note(duckdb_append_double(impl_->appender, v));
  return *this;
}
RowAppender& RowAppender::boolean(bool v) {
  impl_->note(duckdb_append_bool(impl_->appender, v));
  return *this;
}
RowAppender& RowAppender::time(std::int64_t ns) {
  impl_->value(duckdb_create_timestamp_ns({ns}));
  return *this;
}
RowAppender& RowAppender::null() {
  impl_->note(duckdb_append_null(impl_->appender));
  return *this;
}
RowAppender& RowAppender::texts(const std::vector<std::string>& v) {
  impl_->list(DUCKDB_TYPE_VARCHAR, v.size(), [&](std::size_t i) {
    std::string spelled;
    record::append_presentable(spelled, v[i], true);
    return duckdb_create_varchar_length(spelled.data(), spelled.size());
  });
  return *this;
}
RowAppender& RowAppender::smalls(const std::vector<std::uint32_t>& v) {
  impl_->list(DUCKDB_TYPE_UINTEGER, v.size(), [&](std::size_t i) { return duckdb_create_uint32(v[i]); });
  return *this;
}
void RowAppender::end_row() { impl_->note(duckdb_appender_end_row(impl_->appender)); }

base::Result<void> RowAppender::close() {
  impl_->note(duckdb_appender_close(impl_->appender));
  if (!impl_->failed) return {};
  const char* message = duckdb_appender_error(impl_->appender);
  return base::Error{message == nullptr ? "rows could not be appended" : message, "", ""};
}

base::Error explain(std::string_view message, const std::string& path) {
  const auto has = [&](std::string_view part) { return message.find(part) != std::string_view::npos; };
  if (has("No space left") || has("File too large") || has("Disk quota exceeded") || has("out of space"))
    return {"no space is left where the case is written; what was committed before stands", path,
            "free some space, or give another place with --case"};
  if (has("could not allocate") || has("Out of Memory"))
    return {"the store's share of memory does not suffice", path, "raise the memory limit"};
  if (has("Could not set lock") || has("Conflicting lock"))
    return {"the case is in use by another program", path, "wait until it has finished, or stop it"};
  if (has("Permission denied") || has("Read-only file system"))
    return {"the case cannot be opened: permission denied", path, "give another place with --case"};
  if (has("not a valid DuckDB database file") || has("unable to open database") || has("Failed to load metadata") ||
      has("Serialization Error") || has("checksum") || has("Corrupt"))
    return {fmt::format("this is no case, or it is damaged ({})", message.substr(0, message.find('\n'))), path,
            "give a file that `whodunit investigate` wrote"};
  if (has("older version") || has("newer version") || has("storage version"))
    return {"the case was written by a newer Whodunit", path, "open it with that version or a later one"};
  return {std::string(message.substr(0, message.find('\n'))), path, ""};
}

std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

}  // namespace whodunit::store::duckdb
