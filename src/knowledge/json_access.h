// Short forms for reading JSON whose shape nobody guarantees: what is missing or of another type is empty.
// For .cc files only.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace whodunit::knowledge {

namespace dom = simdjson::dom;

/// The text as JSON, in `parser`'s memory. Error: why it is none, of the file `name`.
inline base::Result<dom::element> parse_json(dom::parser& parser, std::string_view name, std::string_view text) {
  dom::element root;
  const auto error = parser.parse(text.data(), text.size(), true).get(root);
  if (error == simdjson::SUCCESS) return root;
  return base::Error{std::string("no valid JSON: ") + simdjson::error_message(error), std::string(name),
                     "get the file again"};
}

inline std::string_view text_of(const dom::element& value) {
  std::string_view out;
  return value.get(out) == simdjson::SUCCESS ? out : std::string_view{};
}
inline std::string_view text_of(const dom::object& object, std::string_view key) {
  std::string_view out;
  return object[key].get(out) == simdjson::SUCCESS ? out : std::string_view{};
}
inline bool true_of(const dom::object& object, std::string_view key) {
  bool out = false;
  return object[key].get(out) == simdjson::SUCCESS && out;
}
inline bool has(const dom::object& object, std::string_view key) { return object[key].error() == simdjson::SUCCESS; }
/// Integers, and numbers written as text; `otherwise` where it is neither.
inline std::int64_t number_of(const dom::object& object, std::string_view key, std::int64_t otherwise) {
  std::int64_t n = 0;
  if (object[key].get(n) == simdjson::SUCCESS) return n;
  double d = 0;
  if (object[key].get(d) == simdjson::SUCCESS && d > -9e15 && d < 9e15) return static_cast<std::int64_t>(d);
  const std::string_view text = text_of(object, key);
  if (text.empty() || text.size() > 15) return otherwise;
  for (const char c : text) {
    if (c < '0' || c > '9') return otherwise;
    n = n * 10 + (c - '0');
  }
  return n;
}
/// Calls `each` with every element of the array at `key`; a single value counts as an array of one.
template <class Each>
void each_of(const dom::object& object, std::string_view key, Each each) {
  const auto found = object[key];
  if (found.error() != simdjson::SUCCESS) return;
  const dom::element value = found.value_unsafe();
  dom::array array;
  if (value.get(array) == simdjson::SUCCESS) {
    for (const dom::element element : array) each(element);
  } else if (!value.is_null()) {
    each(value);
  }
}
/// The same for strings; other elements are passed over.
template <class Each>
void each_text_of(const dom::object& object, std::string_view key, Each each) {
  each_of(object, key, [&](const dom::element& element) {
    std::string_view text;
    if (element.get(text) == simdjson::SUCCESS) each(text);
  });
}
template <class Each>
void each_object_of(const dom::object& object, std::string_view key, Each each) {
  each_of(object, key, [&](const dom::element& element) {
    dom::object inner;
    if (element.get(inner) == simdjson::SUCCESS) each(inner);
  });
}

}  // namespace whodunit::knowledge
