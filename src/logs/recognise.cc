// What a file is, by its first bytes; of what a Zeek JSON log is, by its first object and its name.
#include <simdjson.h>

#include <algorithm>

#include "logs/line.h"

namespace whodunit::logs {
namespace {

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// Zeek's name of a log from the name of its file: "conn.log", "conn.2024-01-02-03-00-00.log.gz", "site_dns.log",
/// "smb_files.ndjson". The longest record type that stands at the beginning or the end of the part before the first
/// ending.
const record::Schema* by_name(std::string_view name) {
  const std::string_view stem = name.substr(0, name.find('.'));
  const record::Schema* best = nullptr;
  for (const record::Schema* schema : record::schemas()) {
    const std::string_view word = schema->name;
    if (word.size() > stem.size() || (best != nullptr && word.size() <= best->name.size())) continue;
    const bool begins = stem.substr(0, word.size()) == word &&
                        (stem.size() == word.size() || (!is_word(stem[word.size()]) && stem[word.size()] != '_'));
    const std::size_t at = stem.size() - word.size();
    const bool ends = stem.substr(at) == word && (at == 0 || !is_word(stem[at - 1]));
    if (begins || ends) best = schema;
  }
  return best;
}

/// The record type that has most of the object's keys, if at least three and most of them.
const record::Schema* by_keys(const simdjson::dom::object& object) {
  const record::Schema* best = nullptr;
  std::size_t best_count = 2;
  for (const record::Schema* schema : record::schemas()) {
    std::size_t count = 0;
    for (const auto& [key, value] : object)
      count += std::any_of(schema->fields.begin(), schema->fields.end(),
                           [&, k = key](const record::Field& f) { return f.name == k; });
    if (count > best_count) {
      best = schema;
      best_count = count;
    }
  }
  return best;
}

}  // namespace

Recognised recognise(std::string_view head, std::string_view name) {
  Recognised out;
  if (head.substr(0, 3) == "\xef\xbb\xbf") head.remove_prefix(3);
  const std::size_t start = head.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return out;
  head.remove_prefix(start);
  if (head.substr(0, 10) == "#separator") {
    out.is_log = true;
    for (std::string_view rest = head; !rest.empty();) {
      std::string_view line = first_line(rest);
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (line.substr(0, 1) != "#") break;
      if (line.substr(0, 5) == "#path" && line.size() > 6) {
        out.path = line.substr(6, line.find_last_not_of("\r\t ") - 5);
        break;
      }
    }
    out.schema = record::find_schema(out.path);
    out.format = "zeek " + out.path;
    return out;
  }
  if (head.front() != '{') return out;
  std::string_view line = first_line(head);
  // The first object may be longer than what was looked at; the keys that tell stand at its beginning.
  const bool eve =
      line.find("\"event_type\"") != std::string_view::npos && line.find("\"timestamp\"") != std::string_view::npos;
  if (eve) {
    out.is_log = true;
    out.format = out.path = "eve";
    return out;
  }
  simdjson::dom::parser parser(2 * kLongestLine);
  simdjson::dom::object object;
  if (parser.parse(line.data(), line.size(), true).get(object) != simdjson::SUCCESS) return out;
  std::string_view path;
  simdjson::dom::element ts;
  if (object["ts"].get(ts) != simdjson::SUCCESS) return out;
  out.is_log = true;
  if (object["_path"].get(path) == simdjson::SUCCESS) {
    out.path = path.substr(0, 60);
    out.schema = record::find_schema(out.path);
  } else {
    out.schema = by_name(name);
    if (out.schema == nullptr) out.schema = by_keys(object);
    out.path = out.schema != nullptr ? std::string(out.schema->name) : std::string(name.substr(0, name.find('.')));
  }
  out.format = "zeek " + out.path + " json";
  return out;
}

std::unique_ptr<LineReader> make_line_reader(const Recognised& what) {
  if (what.format == "eve") return make_eve_reader();
  const bool json = what.format.size() > 5 && what.format.substr(what.format.size() - 5) == " json";
  return json ? make_zeek_json_reader(what.schema) : make_zeek_tsv_reader(what.schema);
}

}  // namespace whodunit::logs
