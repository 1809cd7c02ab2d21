#include "report/atom.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/hash.h"
#include "report/html.h"

namespace whodunit::report {
namespace {

struct Entry {
  std::string id, title, updated, published, summary, category;
};

/// XML takes no control characters but tab and line ends (XML 1.0 2.2), however they are written.
std::string xml(const std::string& s) {
  std::string plain;
  for (const char c : s)
    if (static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n') plain += c;
  return escape(plain);
}

}  // namespace

std::string atom_feed(const Document& d) {
  std::string captures, digests;
  for (const Document& c : list(d, "captures")) {
    captures += (captures.empty() ? "" : ", ") + text(c, "name");
    digests += text(c, "name") + text(c, "sha256");
  }
  // A tag of the case's own (RFC 4151 asks for a domain that one holds): a name-based urn instead.
  const std::string digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(digests));
  const auto urn = [&](const std::string& part) {
    const std::string h = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(digest + part));
    // RFC 9562 5.8: a version 8 UUID holds whatever its maker says.
    return fmt::format("urn:uuid:{}-{}-8{}-a{}-{}", h.substr(0, 8), h.substr(8, 4), h.substr(12, 3), h.substr(15, 3),
                       h.substr(18, 12));
  };
  std::vector<Entry> entries;
  for (const Document& i : list(d, "incidents"))
    entries.push_back({text(i, "id"), text(i, "headline"), text(i, "last"), text(i, "first"),
                       fmt::format("Incident {}: {}. {}", text(i, "id"), text(i, "phase"), text(i, "depth_statement")),
                       text(i, "severity")});
  for (const Document& f : list(d, "findings")) {
    std::string techniques;
    for (const Document& t : list(f, "techniques"))
      if (t.is_string()) techniques += " " + t.get<std::string>();
    entries.push_back({text(f, "id"), text(f, "statement"), text(f, "last"), text(f, "first"),
                       fmt::format("Finding {} of {}: {}, {}, confidence {:.2f}.{}", text(f, "id"), text(f, "detector"),
                                   text(f, "phase"), text(f, "outcome"), real(f, "confidence"),
                                   techniques.empty() ? "" : " ATT&CK" + techniques + "."),
                       text(f, "severity")});
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.updated > b.updated; });
  std::string updated = entries.empty() ? "" : entries.front().updated;
  for (const Document& c : list(d, "captures")) updated = std::max(updated, text(c, "last"));
  if (updated.empty()) updated = "1970-01-01T00:00:00Z";
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<title>{}</title>\n"
      "<id>{}</id>\n<updated>{}</updated>\n<author><name>{}</name></author>\n",
      xml("Whodunit: " + captures), urn("feed"), xml(updated), xml(text(d.at("made_with"), "program")));
  for (const Entry& e : entries)
    out += fmt::format(
        "<entry>\n<id>{}</id>\n<title>{}</title>\n<updated>{}</updated>\n<published>{}</published>\n"
        "<category term=\"{}\"/>\n<summary>{}</summary>\n</entry>\n",
        urn(e.id), xml(e.title), xml(e.updated), xml(e.published), xml(e.category), xml(e.summary));
  return out + "</feed>\n";
}

}  // namespace whodunit::report
