#include "report/document.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace whodunit::report {

base::Result<Document> parse_document(std::string_view json) {
  Document d = Document::parse(json, nullptr, false);
  if (d.is_discarded() || !d.is_object() || !d.contains("version"))
    return base::Error{"the case holds no verdict (its run did not finish)", "",
                       "run whodunit investigate again with --force"};
  if (!d["version"].is_number_integer())
    return base::Error{"the case's verdict is damaged", "", "run whodunit investigate again with --force"};
  if (d["version"].get<int>() > 1)
    return base::Error{fmt::format("the case document has version {}, this program knows 1", d["version"].get<int>()),
                       "", "use a newer whodunit"};
  return d;
}

std::string text(const Document& d, const char* key) {
  const auto at = d.find(key);
  return at != d.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::uint64_t number(const Document& d, const char* key) {
  const auto at = d.find(key);
  return at != d.end() && at->is_number() ? at->get<std::uint64_t>() : 0;
}

double real(const Document& d, const char* key) {
  const auto at = d.find(key);
  return at != d.end() && at->is_number() ? at->get<double>() : 0;
}

const Document& list(const Document& d, const char* key) {
  static const Document kNone = Document::array();
  const auto at = d.find(key);
  return at != d.end() && at->is_array() ? *at : kNone;
}

bool accuses(const Document& d) {
  for (const Document& f : list(d, "findings"))
    if (text(f, "severity") != "informational") return true;
  return !list(d, "incidents").empty();
}

std::string grouped(std::uint64_t n) {
  std::string s = fmt::format("{}", n);
  for (int i = static_cast<int>(s.size()) - 3; i > 0; i -= 3) s.insert(static_cast<std::size_t>(i), ",");
  return s;
}

std::string human_bytes(std::uint64_t n) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double v = static_cast<double>(n);
  std::size_t unit = 0;
  while (v >= 1000 && unit + 1 < std::size(kUnits)) {
    v /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", n) : fmt::format("{:.{}f} {}", v, v < 10 ? 1 : 0, kUnits[unit]);
}

std::string counted(std::uint64_t n, std::string_view singular) {
  return fmt::format("{} {}{}", grouped(n), singular, n == 1 ? "" : "s");
}

}  // namespace whodunit::report
