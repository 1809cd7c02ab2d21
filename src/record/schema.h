// One definition makes the struct, the tables, the JSON, Zeek's TSV and the docs.
//
// A record is declared by a list macro and WHODUNIT_RECORD:
/*
   #define WHODUNIT_DNS_FIELDS(FIELD)                                                        \
     FIELD(1, Opt<std::uint64_t>, trans_id, "trans_id", "The query's id (RFC 1035 4.1.1).")  \
     FIELD(1, Text, query, "query", "The name asked for.")
   WHODUNIT_RECORD(Dns, "dns", 1, "One DNS query with its answers.", WHODUNIT_DNS_FIELDS)
*/
// FIELD(since, type, member, name, doc): `since` is the table version that brought the field; fields are only ever
// added, at the end. `name` is Zeek's where Zeek has the field.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "record/types.h"

namespace whodunit::record {

enum class FieldType : std::uint8_t {
  kBool,
  kCount,  ///< unsigned 64 bit
  kInt,    ///< signed 64 bit
  kDouble,
  kTime,      ///< ns since the epoch
  kInterval,  ///< ns
  kAddress,   ///< 16 bytes
  kPort,
  kText,
  kUid,
  kFuid,
  kTexts,
  kIntervals,
  kCounts,
};

struct Field {
  std::string_view name;
  FieldType type;
  std::uint16_t since;
  std::string_view doc;
};

/// A record type. One object per type lives for the whole program.
struct Schema {
  std::string_view name;
  std::uint16_t version;
  std::string_view doc;
  std::span<const Field> fields;
  /// Dense number of this type in this run of the program, given by `register_schemas`; -1 before.
  int id = -1;
};

/// Numbers the schemas in the given order. Call once, before any thread starts and any record is made.
void register_schemas(std::span<Schema* const> schemas);
/// All registered schemas by id.
std::span<Schema* const> schemas();
/// nullptr where there is none of that name.
const Schema* find_schema(std::string_view name);

template <class T>
struct FieldTypeOf;
template <>
struct FieldTypeOf<bool> {
  static constexpr FieldType kValue = FieldType::kBool;
};
template <>
struct FieldTypeOf<std::uint64_t> {
  static constexpr FieldType kValue = FieldType::kCount;
};
template <>
struct FieldTypeOf<std::int64_t> {
  static constexpr FieldType kValue = FieldType::kInt;
};
template <>
struct FieldTypeOf<double> {
  static constexpr FieldType kValue = FieldType::kDouble;
};
template <>
struct FieldTypeOf<base::Time> {
  static constexpr FieldType kValue = FieldType::kTime;
};
template <>
struct FieldTypeOf<base::Duration> {
  static constexpr FieldType kValue = FieldType::kInterval;
};
template <>
struct FieldTypeOf<base::Address> {
  static constexpr FieldType kValue = FieldType::kAddress;
};
template <>
struct FieldTypeOf<Port> {
  static constexpr FieldType kValue = FieldType::kPort;
};
template <>
struct FieldTypeOf<Text> {
  static constexpr FieldType kValue = FieldType::kText;
};
template <>
struct FieldTypeOf<Uid> {
  static constexpr FieldType kValue = FieldType::kUid;
};
template <>
struct FieldTypeOf<Fuid> {
  static constexpr FieldType kValue = FieldType::kFuid;
};
template <>
struct FieldTypeOf<Texts> {
  static constexpr FieldType kValue = FieldType::kTexts;
};
template <>
struct FieldTypeOf<Durations> {
  static constexpr FieldType kValue = FieldType::kIntervals;
};
template <>
struct FieldTypeOf<Counts> {
  static constexpr FieldType kValue = FieldType::kCounts;
};
template <class T>
struct FieldTypeOf<std::optional<T>> : FieldTypeOf<T> {};

#define WHODUNIT_RECORD_MEMBER(since, type, member, name, doc) type member{};
#define WHODUNIT_RECORD_FIELD(since, type, member, name, doc) \
  ::whodunit::record::Field{name, ::whodunit::record::FieldTypeOf<type>::kValue, since, doc},
#define WHODUNIT_RECORD_APPEND(since, type, member, name, doc) batch.put(column++, member);
#define WHODUNIT_RECORD_READ(since, type, member, name, doc) batch.get(column++, row, out.member);

/// Declares `struct Type { Head head; …fields… }` with its schema and its way into and out of a Batch. Include
/// record/batch.h before using it.
#define WHODUNIT_RECORD(Type, table, table_version, table_doc, FIELDS)                         \
  struct Type {                                                                                \
    ::whodunit::record::Head head;                                                             \
    FIELDS(WHODUNIT_RECORD_MEMBER)                                                             \
    static constexpr ::whodunit::record::Field kFields[] = {FIELDS(WHODUNIT_RECORD_FIELD)};    \
    static inline ::whodunit::record::Schema schema{table, table_version, table_doc, kFields}; \
    /* Copies all of it; the views may go afterwards. */                                       \
    void append_to(::whodunit::record::Batch& batch, ::whodunit::record::Order order) const {  \
      batch.begin_row(head, order);                                                            \
      std::size_t column = 0;                                                                  \
      FIELDS(WHODUNIT_RECORD_APPEND)                                                           \
      (void)column;                                                                            \
    }                                                                                          \
    /* Texts and lists are views into the batch. */                                            \
    static Type read(const ::whodunit::record::Batch& batch, std::size_t row) {                \
      Type out;                                                                                \
      out.head = batch.head(row);                                                              \
      std::size_t column = 0;                                                                  \
      FIELDS(WHODUNIT_RECORD_READ)                                                             \
      (void)column;                                                                            \
      return out;                                                                              \
    }                                                                                          \
  };

}  // namespace whodunit::record
