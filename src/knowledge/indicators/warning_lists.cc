#include "knowledge/indicators/warning_lists.h"

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "knowledge/domains/public_suffix.h"
#include "knowledge/range_map.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

struct Rule {
  std::string_view word;  // in the list's name, lower case
  WarningLists::Effect effect;
  std::string_view label;
};

// The first that fits decides. Where nobody in particular is at home an indicator can be right: it is labelled. Where
// the owner is known and harmless, or where everything lives behind one address, it is subtracted.
constexpr Rule kRules[] = {
    {"phone", WarningLists::Effect::kIgnore, ""},
    {"azure applica", WarningLists::Effect::kIgnore, ""},
    {"vpn", WarningLists::Effect::kLabel, "VPN"},
    {"icloud private relay", WarningLists::Effect::kLabel, "relay"},
    {"dynamic dns", WarningLists::Effect::kLabel, "dynamic DNS"},
    {"university", WarningLists::Effect::kLabel, "university"},
    {"disposable", WarningLists::Effect::kLabel, "disposable e-mail"},
    {"url shortener", WarningLists::Effect::kLabel, "URL shortener"},
    {"link in bio", WarningLists::Effect::kLabel, "link page"},
    {"living off trusted", WarningLists::Effect::kLabel, "trusted site, abused"},
    {"ipfs", WarningLists::Effect::kLabel, "IPFS gateway"},
    {"scann", WarningLists::Effect::kLabel, "research scanner"},
    {"census", WarningLists::Effect::kLabel, "research scanner"},
    {"sensors", WarningLists::Effect::kLabel, "research scanner"},
    {"xpanse", WarningLists::Effect::kLabel, "research scanner"},
    {"connection-attempt", WarningLists::Effect::kLabel, "research scanner"},
    {"attack simulator", WarningLists::Effect::kLabel, "phishing exercise"},
    {"azure", WarningLists::Effect::kLabel, "cloud"},
    {"amazon aws", WarningLists::Effect::kLabel, "cloud"},
    {"google cloud", WarningLists::Effect::kLabel, "cloud"},
    {"gcp", WarningLists::Effect::kLabel, "cloud"},
    {"oracle cloud", WarningLists::Effect::kLabel, "cloud"},
    {"ovh", WarningLists::Effect::kLabel, "shared hosting"},
    {"cortex cloud", WarningLists::Effect::kLabel, "cloud"},
    {"github", WarningLists::Effect::kLabel, "code hosting"},
    {"smtp", WarningLists::Effect::kLabel, "mail service"},
    {"sinkhole", WarningLists::Effect::kSubtract, ""},
};

/// "Top 20 000 websites", "Top 10K most-used": how many, or 0.
std::uint64_t top_count(std::string_view name) {
  const std::size_t at = name.find("top ");
  if (at == std::string_view::npos) return 0;
  std::uint64_t n = 0;
  std::size_t i = at + 4;
  for (; i < name.size() && n < 1'000'000'000; ++i) {
    const char c = name[i];
    if (c >= '0' && c <= '9')
      n = n * 10 + static_cast<std::uint64_t>(c - '0');
    else if ((c == ' ' || c == ',') && i + 1 < name.size() && name[i + 1] >= '0' && name[i + 1] <= '9')
      continue;
    else
      break;
  }
  if (n > 0 && i < name.size() && name[i] == 'k') n *= 1000;
  return n;
}

struct Entry {
  std::uint32_t list = 0;
  std::uint32_t next = UINT32_MAX;
};

/// From the hash of a text to the first of its entries. Texts themselves are not kept: two of them with one hash would
/// at worst lend each other a warning.
class HashIndex {
 public:
  /// The place for `text`, made if it is not there: UINT32_MAX then.
  std::uint32_t& operator[](std::string_view text) {
    if ((used_ + 1) * 2 > slots_.size()) grow();
    Slot& slot = at(hash_of(text));
    if (slot.hash == 0) {
      slot.hash = hash_of(text);
      ++used_;
    }
    return slot.entry;
  }
  std::uint32_t find(std::string_view text) const {
    if (slots_.empty()) return UINT32_MAX;
    return const_cast<HashIndex*>(this)->at(hash_of(text)).entry;
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;  // 0: free
    std::uint32_t entry = UINT32_MAX;
  };
  static std::uint64_t hash_of(std::string_view text) {
    const std::uint64_t hash = base::fast_hash(text, 0x57a12);
    return hash == 0 ? 1 : hash;
  }
  Slot& at(std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = hash & mask;
    while (slots_[i].hash != 0 && slots_[i].hash != hash) i = (i + 1) & mask;
    return slots_[i];
  }
  void grow() {
    std::vector<Slot> old(std::move(slots_));
    slots_.assign(old.empty() ? 1024 : old.size() * 2, Slot{});
    for (const Slot& slot : old) {
      if (slot.hash != 0) at(slot.hash) = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

}  // namespace

struct WarningLists::Tables {
  struct List {
    std::string name;
    Effect effect;
    std::string label;
  };
  std::vector<List> lists;
  std::vector<std::string> names;
  // Names as they are, and suffixes of names (without a dot before them).
  HashIndex exact, suffix;
  std::vector<Entry> entries;
  RangeMap ranges;

  void insert(HashIndex& table, std::string_view key, std::uint32_t list) {
    std::uint32_t& first = table[key];
    for (std::uint32_t e = first; e != UINT32_MAX; e = entries[e].next) {
      if (entries[e].list == list) return;
    }
    entries.push_back({list, first});
    first = static_cast<std::uint32_t>(entries.size() - 1);
  }
};

WarningLists::WarningLists() : tables_(std::make_unique<Tables>()) {}
WarningLists::~WarningLists() = default;
WarningLists::WarningLists(WarningLists&&) noexcept = default;

WarningLists::Effect WarningLists::effect(const FeedWarnings& list, std::string& label) {
  if (list.category == "known_identifier") {
    label = list.name;
    for (const Rule& rule : kRules) {
      if (rule.effect == Effect::kLabel && lower(list.name).find(rule.word) != std::string::npos)
        label = std::string(rule.label);
    }
    return Effect::kLabel;
  }
  if (list.type == "regex") return Effect::kIgnore;
  const std::string name = lower(list.name);
  for (const Rule& rule : kRules) {
    if (name.find(rule.word) == std::string::npos) continue;
    label = std::string(rule.label);
    return rule.effect;
  }
  // The long tail of popular sites is no proof of innocence.
  if (top_count(name) > 10'000) {
    label = "popular";
    return Effect::kLabel;
  }
  return Effect::kSubtract;
}

void WarningLists::add(const FeedWarnings& list) {
  std::string label;
  const Effect what = effect(list, label);
  if (what == Effect::kIgnore) return;
  const auto number = static_cast<std::uint32_t>(tables_->lists.size());
  tables_->lists.push_back({list.name, what, label});
  tables_->names.push_back(list.name);
  for (const std::string& raw : list.entries) {
    if (list.type == "cidr") {
      if (const auto network = base::Network::parse(raw)) {
        tables_->entries.push_back({number, UINT32_MAX});
        tables_->ranges.add(*network, static_cast<std::uint32_t>(tables_->entries.size() - 1));
      }
      continue;
    }
    std::string entry = lower(raw);
    // A list of addresses may call itself one of strings.
    if (const auto address = base::Address::parse(entry)) {
      tables_->entries.push_back({number, UINT32_MAX});
      tables_->ranges.add(base::Network(*address, 128), static_cast<std::uint32_t>(tables_->entries.size() - 1));
      continue;
    }
    const bool dotted = entry[0] == '.';
    if (dotted) entry.erase(0, 1);
    if (!entry.empty() && entry.back() == '.') entry.pop_back();
    if (const auto name = normalised_domain(entry)) entry = *name;
    tables_->insert(tables_->exact, entry, number);
    // Substrings are broad; as names of hosts they are meant as the ends of names.
    if (dotted || list.type == "hostname" || list.type == "substring") tables_->insert(tables_->suffix, entry, number);
  }
}

void WarningLists::finish() {
  std::vector<Entry>& entries = tables_->entries;
  tables_->ranges.build([&entries](std::uint32_t kept, std::uint32_t other) {
    std::uint32_t last = kept;
    while (entries[last].next != UINT32_MAX) last = entries[last].next;
    entries[last].next = other;
    return kept;
  });
}

bool WarningLists::empty() const { return tables_->lists.empty(); }
const std::vector<std::string>& WarningLists::names() const { return tables_->names; }

WarningLists::Verdict WarningLists::check(IndicatorKind kind, std::string_view value,
                                          const PublicSuffixes& suffixes) const {
  Verdict verdict;
  if (tables_->lists.empty()) return verdict;
  const Tables& t = *tables_;
  std::set<std::string_view> labels;
  const auto weigh = [&](std::uint32_t first, bool may_subtract) {
    for (std::uint32_t e = first; e != UINT32_MAX; e = t.entries[e].next) {
      const Tables::List& list = t.lists[t.entries[e].list];
      if (list.effect == Effect::kLabel) {
        labels.insert(list.label);
      } else if (may_subtract && (!verdict.subtract || t.entries[e].list < verdict.list)) {
        verdict.subtract = true;
        verdict.list = t.entries[e].list;
      }
    }
  };
  const auto names = [&](std::string_view name, bool may_subtract) {
    weigh(t.exact.find(name), may_subtract);
    // Parents: first whether the name lies where anybody can have one.
    bool shared = false;
    for (std::string_view parent = name;;) {
      const std::size_t dot = parent.find('.');
      if (dot == std::string_view::npos) break;
      parent.remove_prefix(dot + 1);
      const std::uint32_t first = t.suffix.find(parent);
      for (std::uint32_t e = first; e != UINT32_MAX; e = t.entries[e].next) {
        const std::string& label = t.lists[t.entries[e].list].label;
        shared = shared || label == "dynamic DNS" || label == "trusted site, abused" || label == "IPFS gateway";
      }
      if (suffixes.is_public_suffix(parent)) shared = true;
      if (parent.find('.') == std::string_view::npos) break;
      weigh(first, may_subtract && !shared);
    }
  };
  switch (kind) {
    case IndicatorKind::kAddress: {
      const auto address = base::Address::parse(value);
      if (!address) break;
      for (const RangeMap::Prefix* p = t.ranges.find(*address); p != nullptr; p = t.ranges.parent_of(*p))
        weigh(p->value, true);
      break;
    }
    case IndicatorKind::kNetwork: {
      const auto network = base::Network::parse(value);
      if (!network) break;
      for (const RangeMap::Prefix* p = t.ranges.find(network->address()); p != nullptr; p = t.ranges.parent_of(*p)) {
        if (p->network.bits128() <= network->bits128()) weigh(p->value, true);
      }
      break;
    }
    case IndicatorKind::kDomain:
      names(value, true);
      break;
    case IndicatorKind::kUrl: {
      // A path on a harmless site can be an indicator: the site only labels it.
      const std::string_view host = value.substr(0, value.find_first_of(":/"));
      if (!host.empty()) names(host, false);
      weigh(t.exact.find(lower(value)), true);
      break;
    }
    default: {
      const std::string key = lower(value);
      weigh(t.exact.find(key), true);
      // Of an address of e-mail, the host only labels it.
      if (const std::size_t at = key.find('@'); kind == IndicatorKind::kEmail && at != std::string::npos)
        names(std::string_view(key).substr(at + 1), false);
      break;
    }
  }
  for (const std::string_view label : labels) {
    verdict.labels += verdict.labels.empty() ? "" : "; ";
    verdict.labels += label;
  }
  return verdict;
}

}  // namespace whodunit::knowledge
