// Languages and locales on the wire: keyboard layouts, Accept-Language, code pages, banners, time zones. One click to
// forge: capped near 1/0.7.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "attribution/evidence/kinds.h"
#include "base/text.h"

namespace whodunit::attribution {
namespace {

// Countries whose people use it, among those that actors are ascribed to. Keyboard layouts: the low word of Windows'
// input locale identifiers.
const std::map<std::string, std::vector<std::string>, std::less<>>& countries_of_language() {
  static const std::map<std::string, std::vector<std::string>, std::less<>> table = {
      {"zh", {"CN", "TW"}},
      {"ru", {"RU", "BY", "UA"}},
      {"fa", {"IR"}},
      {"ko", {"KP", "KR"}},
      {"ar", {"LB", "PS", "SY", "SA", "AE", "EG", "TN"}},
      {"he", {"IL"}},
      {"tr", {"TR"}},
      {"vi", {"VN"}},
      {"hi", {"IN"}},
      {"ur", {"PK"}},
      {"uk", {"UA"}},
      {"es", {"ES", "CO", "VE"}},
      {"fr", {"FR"}},
      {"pt", {"BR"}},
      {"ja", {"JP"}},
      {"be", {"BY"}},
      {"gb2312", {"CN"}},
      {"gbk", {"CN"}},
      {"gb18030", {"CN"}},
      {"big5", {"TW"}},
      {"koi8-r", {"RU"}},
      {"windows-1251", {"RU", "BY", "UA"}},
      {"windows-1256", {"IR", "LB", "PS", "SY", "SA", "AE", "EG"}},
      {"euc-kr", {"KP", "KR"}},
      {"ks_c_5601-1987", {"KP", "KR"}},
      {"0x0804", {"CN"}},
      {"0x0404", {"TW"}},
      {"0x0419", {"RU"}},
      {"0x0429", {"IR"}},
      {"0x0412", {"KP", "KR"}},
      {"0x040d", {"IL"}},
      {"0x041f", {"TR"}},
      {"0x042a", {"VN"}},
      {"0x0422", {"UA"}},
      {"0x0423", {"BY"}},
      {"0x0401", {"SA"}},
      {"0x0420", {"PK"}},
      {"0x0439", {"IN"}},
      {"0x0411", {"JP"}},
  };
  return table;
}

}  // namespace

std::vector<Item> language_items(const EvidenceInput& input) {
  std::vector<Item> items;
  for (const LanguageFact& f : input.facts.languages) {
    std::string key = base::lower(f.value);
    if (key.size() == 10 && key.starts_with("0x")) key = "0x" + key.substr(6);  // the low word names the language
    const auto& table = countries_of_language();
    auto it = table.find(key);
    if (it == table.end()) it = table.find(key.substr(0, key.find_first_of("-_")));
    Item item;
    std::string countries;
    if (it != table.end()) {
      for (const std::string& country : it->second) {
        countries += (countries.empty() ? "" : ", ") + country;
        for (const std::uint32_t a : actors_of_country(input.table, country)) item.actors[a] = std::log(3.0);
      }
    }
    item.evidence =
        make_evidence("language", Channel::kLanguage, f.where + "=" + f.value,
                      countries.empty() ? fmt::format("{} said {}.", f.where, f.value)
                                        : fmt::format("{} said {}, common in {}.", f.where, f.value, countries),
                      f.support);
    item.evidence.forgeability = 0.7;
    item.evidence.grade = {'C', 3};
    item.evidence.source = "judgement, declared in docs/attribution.md";
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace whodunit::attribution
