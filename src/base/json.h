// A small JSON writer for hot paths and for deterministic output.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace whodunit::base {

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become "\\xNN" as Zeek writes them (a
/// backslash of the text itself is doubled by JSON's own rule, so that the two can be told apart only by context).
void append_json_string(std::string& out, std::string_view text);

/// Writes one JSON value, member by member; puts the commas. No checks that calls are balanced, beyond asserts.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view value);
  JsonWriter& number(std::uint64_t value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(std::uint32_t value) { return number(static_cast<std::uint64_t>(value)); }
  JsonWriter& number(int value) { return number(static_cast<std::int64_t>(value)); }
  /// The shortest decimal that reads back the same; null where not finite.
  JsonWriter& number(double value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  /// `text` is a JSON value already.
  JsonWriter& raw(std::string_view text);

 private:
  JsonWriter& open(char c);
  JsonWriter& close(char c);
  void comma();
  std::string& out_;
  bool first_ = true;
  bool after_key_ = false;
};

}  // namespace whodunit::base
