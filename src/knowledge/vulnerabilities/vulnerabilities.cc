#include "knowledge/vulnerabilities/vulnerabilities.h"

#include "knowledge/json_access.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

/// "CVE-2021-44228" in capitals; empty where it is none.
std::string cve_id(std::string_view text) {
  std::string id = upper(trimmed(text));
  if (id.size() < 13 || id.size() > 20 || id.substr(0, 4) != "CVE-" || id[8] != '-') return {};
  if (!all_digits(std::string_view(id).substr(4, 4)) || !all_digits(std::string_view(id).substr(9))) return {};
  return id;
}

}  // namespace

base::Result<std::size_t> Vulnerabilities::add(std::string_view name, std::string_view text, std::string_view source,
                                               Problems& problems) {
  std::size_t taken = 0;
  const auto take = [&](Vulnerability one, const std::string& where, std::string_view raw_id) {
    one.cve = cve_id(raw_id);
    if (one.cve.empty()) {
      problems.add(where, "no CVE id: '" + std::string(raw_id.substr(0, 60)) + "'");
      return;
    }
    one.source = std::string(source);
    ++taken;
    const auto [at, fresh] = all_.emplace(one.cve, one);
    if (fresh) return;
    Vulnerability& known = at->second;
    known.added = earlier(known.added, one.added);
    known.public_ = earlier(known.public_, one.public_);
    known.ransomware = known.ransomware || one.ransomware;
    if (known.vendor.empty()) known.vendor = one.vendor;
    if (known.product.empty()) known.product = one.product;
    if (known.name.empty()) known.name = one.name;
  };
  const std::string_view start = trimmed(text.substr(0, 4096));
  if (!start.empty() && start[0] == '{') {
    dom::parser parser;
    dom::element root;
    const auto error = parser.parse(text.data(), text.size(), true).get(root);
    dom::object catalogue;
    if (error != simdjson::SUCCESS)
      return base::Error{std::string("no valid JSON: ") + simdjson::error_message(error), std::string(name),
                         "get the file again"};
    if (root.get(catalogue) != simdjson::SUCCESS)
      return base::Error{"no catalogue of vulnerabilities", std::string(name), ""};
    std::size_t position = 0;
    each_object_of(catalogue, "vulnerabilities", [&](const dom::object& json) {
      Vulnerability one;
      one.vendor = std::string(text_of(json, "vendorProject"));
      one.product = std::string(text_of(json, "product"));
      one.name = std::string(text_of(json, "vulnerabilityName"));
      if (const auto date = Date::parse(text_of(json, "dateAdded"))) one.added = *date;
      one.ransomware = equal_ignoring_case(text_of(json, "knownRansomwareCampaignUse"), "Known");
      take(std::move(one), std::string(name) + ", vulnerability " + std::to_string(++position), text_of(json, "cveID"));
    });
  } else {
    Csv csv(text);
    std::vector<std::string> row;
    int cve = -1, vendor = -1, product = -1, title = -1, added = -1, published = -1, ransomware = -1;
    if (csv.next(row)) {
      for (int i = 0; i < static_cast<int>(row.size()); ++i) {
        const std::string key = lower(row[static_cast<std::size_t>(i)]);
        if (key == "cveid" || key == "cve" || key == "cve_id")
          cve = i;
        else if (key == "vendorproject" || key == "vendor")
          vendor = i;
        else if (key == "product")
          product = i;
        else if (key == "vulnerabilityname" || key == "name")
          title = i;
        else if (key == "dateadded" || key == "date_added")
          added = i;
        else if (key == "datepublic" || key == "date_public" || key == "published")
          published = i;
        else if (key == "knownransomwarecampaignuse")
          ransomware = i;
      }
    }
    if (cve < 0)
      return base::Error{"has no column \"cveID\"", std::string(name),
                         "give CISA's known_exploited_vulnerabilities.csv, or a CSV with the columns cveID, dateAdded"};
    const auto cell = [&row](int i) {
      return i >= 0 && static_cast<std::size_t>(i) < row.size() ? row[static_cast<std::size_t>(i)] : std::string();
    };
    while (csv.next(row)) {
      if (row.size() == 1 && row[0].empty()) continue;
      Vulnerability one;
      one.vendor = cell(vendor);
      one.product = cell(product);
      one.name = cell(title);
      if (const auto date = Date::parse(cell(added))) one.added = *date;
      if (const auto date = Date::parse(cell(published))) one.public_ = *date;
      one.ransomware = equal_ignoring_case(cell(ransomware), "Known");
      const std::string where = std::string(name) + ':' + std::to_string(csv.line());
      if (added >= 0 && !cell(added).empty() && !one.added.known())
        problems.add(where, "no date: '" + cell(added).substr(0, 60) + "'");
      take(std::move(one), where, cell(cve));
    }
  }
  if (taken == 0) return base::Error{"no vulnerability in it could be taken", std::string(name), ""};
  return taken;
}

const Vulnerability* Vulnerabilities::find(std::string_view cve) const {
  const auto at = all_.find(upper(trimmed(cve)));
  return at == all_.end() ? nullptr : &at->second;
}

}  // namespace whodunit::knowledge
