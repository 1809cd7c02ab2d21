#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "base/hash.h"
#include "knowledge/indicators/indicators.h"
#include "knowledge/indicators/set_builder.h"
#include "knowledge/networks/networks.h"
#include "knowledge/range_map.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

std::string_view to_string(Exactness exactness) {
  static constexpr std::string_view kNames[] = {"exact",      "parent domain", "network",
                                                "other port", "path",          "without query"};
  return kNames[static_cast<std::size_t>(exactness)];
}

namespace {

constexpr std::uint32_t kNone = UINT32_MAX;

/// One indicator: 48 bytes. Text lies in one arena, shared text once.
struct Entry {
  std::uint32_t value = 0, report = 0, actor = 0, malware = 0, labels = 0;
  std::uint32_t next = kNone;  ///< the same value, said by another report
  Date date, until;            // 8 bytes each
  std::uint16_t source = 0;
  std::uint16_t port = 0;
  IndicatorKind kind = IndicatorKind::kAddress;
  std::uint8_t confidence = 0;  ///< in 1/200
  bool partial = false;
};
static_assert(sizeof(Entry) <= 48);

std::uint64_t key_of(IndicatorKind kind, std::string_view value) {
  return base::fast_hash(value, static_cast<std::uint64_t>(kind) + 1);
}

/// Text, length first, so that a number is enough to find it.
class Arena {
 public:
  Arena() { put(""); }
  std::uint32_t put(std::string_view text) {
    const auto at = static_cast<std::uint32_t>(bytes_.size());
    const auto size = static_cast<std::uint16_t>(std::min<std::size_t>(text.size(), 0xffff));
    bytes_.append(reinterpret_cast<const char*>(&size), 2);
    bytes_.append(text.substr(0, size));
    return at;
  }
  std::string_view get(std::uint32_t at) const {
    std::uint16_t size;
    std::memcpy(&size, bytes_.data() + at, 2);
    return {bytes_.data() + at + 2, size};
  }
  std::size_t size() const { return bytes_.size(); }
  std::size_t memory() const { return bytes_.capacity(); }
  void shrink() { bytes_.shrink_to_fit(); }

 private:
  std::string bytes_;
};

}  // namespace

struct IndicatorSet::Tables {
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t entry = kNone;
  };
  Arena arena;
  std::vector<Entry> entries;
  std::vector<Slot> slots;  // open addressing, a power of two, at most half full
  /// One bit per key and 16 bits of room each: most look-ups miss, and this is small enough to stay in the cache.
  std::vector<std::uint64_t> filter;
  RangeMap networks;  // value: first entry
  std::vector<IndicatorSource> sources;
  std::vector<Subtraction> subtractions;
  std::uint64_t by_kind[static_cast<std::size_t>(IndicatorKind::kCount)] = {};
  std::string digest;

  std::uint32_t find(IndicatorKind kind, std::string_view value) const {
    if (slots.empty() || by_kind[static_cast<std::size_t>(kind)] == 0) return kNone;
    const std::uint64_t key = key_of(kind, value);
    const std::uint64_t bit = key >> 20;
    if ((filter[(bit >> 6) & (filter.size() - 1)] >> (bit & 63) & 1) == 0) return kNone;
    const std::size_t mask = slots.size() - 1;
    const auto tag = static_cast<std::uint32_t>(key >> 32);
    for (std::size_t at = key & mask; slots[at].entry != kNone; at = (at + 1) & mask) {
      if (slots[at].tag != tag) continue;
      const Entry& entry = entries[slots[at].entry];
      if (entry.kind != kind) continue;
      const std::string_view stored = arena.get(entry.value);
      if ((kind == IndicatorKind::kAddress ? stored.substr(0, 16) : stored) == value) return slots[at].entry;
    }
    return kNone;
  }

  IndicatorHit hit(const Entry& entry, Exactness exactness) const {
    IndicatorHit out;
    out.kind = entry.kind;
    out.exactness = exactness;
    out.value = arena.get(entry.value);
    out.source = sources[entry.source].name;
    out.report = arena.get(entry.report);
    out.licence = sources[entry.source].licence;
    out.actor = arena.get(entry.actor);
    out.malware = arena.get(entry.malware);
    out.labels = arena.get(entry.labels);
    out.date = entry.date.known() ? entry.date : sources[entry.source].date;
    out.until = entry.until;
    out.confidence = static_cast<float>(entry.confidence) / 200.0F;
    out.port = entry.port;
    out.partial = entry.partial;
    return out;
  }
  void give(std::uint32_t first, Exactness exactness, std::size_t limit, std::vector<IndicatorHit>& out) const {
    for (std::uint32_t e = first; e != kNone && out.size() < limit; e = entries[e].next)
      out.push_back(hit(entries[e], exactness));
  }
  std::size_t memory() const {
    return arena.memory() + entries.capacity() * sizeof(Entry) + slots.capacity() * sizeof(Slot) +
           filter.capacity() * 8 + networks.memory();
  }
};

IndicatorSet::IndicatorSet() : tables_(std::make_unique<Tables>()) {}
IndicatorSet::~IndicatorSet() = default;
IndicatorSet::IndicatorSet(IndicatorSet&&) noexcept = default;
IndicatorSet& IndicatorSet::operator=(IndicatorSet&&) noexcept = default;

void IndicatorSet::find_address(const base::Address& address, std::uint16_t port,
                                std::vector<IndicatorHit>& out) const {
  const Tables& t = *tables_;
  const std::size_t limit = out.size() + kMaximumHits;
  // Addresses are held by their 16 bytes: no text is made for a look-up.
  const std::string_view raw(reinterpret_cast<const char*>(address.bytes().data()), 16);
  const std::uint32_t first = t.find(IndicatorKind::kAddress, raw);
  const auto pass = [&](bool other_port) {
    for (std::uint32_t e = first; e != kNone && out.size() < limit; e = t.entries[e].next) {
      const Entry& entry = t.entries[e];
      const bool differs = entry.port != 0 && port != 0 && entry.port != port;
      if (differs != other_port) continue;
      IndicatorHit hit = t.hit(entry, other_port ? Exactness::kOtherPort : Exactness::kExact);
      hit.value = t.arena.get(entry.value).substr(16);  // its text stands after the bytes
      out.push_back(hit);
    }
  };
  if (first != kNone) {
    pass(false);
    pass(true);
  }
  for (const RangeMap::Prefix* p = t.networks.find(address); p != nullptr && out.size() < limit;
       p = t.networks.parent_of(*p)) {
    t.give(p->value, Exactness::kNetwork, limit, out);
  }
}

void IndicatorSet::find_domain(std::string_view name, std::vector<IndicatorHit>& out) const {
  const Tables& t = *tables_;
  if (t.by_kind[static_cast<std::size_t>(IndicatorKind::kDomain)] == 0) return;
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return;
  char small[256];
  std::size_t dots = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    small[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    dots += c == '.' ? 1 : 0;
  }
  std::string_view rest(small, name.size());
  const std::size_t limit = out.size() + kMaximumHits;
  // No public suffix is ever in the set, so that the climb may go to two labels without asking what is registrable.
  for (Exactness exactness = Exactness::kExact; dots > 0; --dots, exactness = Exactness::kParent) {
    const std::uint32_t found = t.find(IndicatorKind::kDomain, rest);
    if (found != kNone) t.give(found, exactness, limit, out);
    rest.remove_prefix(rest.find('.') + 1);
  }
}

void IndicatorSet::find_url(std::string_view host, std::uint16_t port, std::string_view path,
                            std::vector<IndicatorHit>& out) const {
  const Tables& t = *tables_;
  if (t.by_kind[static_cast<std::size_t>(IndicatorKind::kUrl)] == 0) return;
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  path = path.substr(0, path.find('#'));
  if (path.empty() || host.size() > 255 || path.size() > 8192) return;
  // A host header may bring its port along.
  if (!host.empty() && host.front() != '[') {
    const std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(':') == colon) {
      unsigned value = 0;
      const std::string_view digits = host.substr(colon + 1);
      if (!digits.empty() && digits.size() <= 5 && digits.find_first_not_of("0123456789") == std::string_view::npos) {
        for (const char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
        if (value <= 65535) port = static_cast<std::uint16_t>(value);
        host = host.substr(0, colon);
      }
    }
  }
  char buffer[256 + 8 + 8192];
  std::size_t size = 0;
  for (const char c : host) buffer[size++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const std::size_t host_size = size;
  const std::size_t limit = out.size() + kMaximumHits;
  const std::string_view bare = path.substr(0, path.find('?'));
  const auto look = [&](std::size_t prefix, std::string_view target, Exactness exactness) {
    std::memcpy(buffer + prefix, target.data(), target.size());
    const std::uint32_t found = t.find(IndicatorKind::kUrl, {buffer, prefix + target.size()});
    if (found == kNone) return;
    t.give(found, exactness, limit, out);
  };
  const bool queried = bare.size() != path.size();
  if (host_size > 0) {
    if (port != 0 && port != 80 && port != 443) {
      char digits[8];
      std::size_t n = 0;
      for (unsigned p = port; p > 0; p /= 10) digits[n++] = static_cast<char>('0' + p % 10);
      size = host_size;
      buffer[size++] = ':';
      while (n > 0) buffer[size++] = digits[--n];
      look(size, path, Exactness::kExact);
      if (queried) look(size, bare, Exactness::kNoQuery);
    }
    look(host_size, path, Exactness::kExact);
    if (queried) look(host_size, bare, Exactness::kNoQuery);
  }
  look(0, path, Exactness::kPath);
  if (queried) look(0, bare, Exactness::kPath);
}

namespace {

/// Lower-case hex without colons into `buffer`; its size, or 0 where it is no digest.
std::size_t hex_into(std::string_view text, char (&buffer)[65]) {
  std::size_t size = 0;
  for (const char c : text) {
    if (c == ':') continue;
    const char small = c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
    if (!((small >= '0' && small <= '9') || (small >= 'a' && small <= 'f')) || size == 64) return 0;
    buffer[size++] = small;
  }
  return size;
}

}  // namespace

void IndicatorSet::find_file(std::string_view hex, std::vector<IndicatorHit>& out) const {
  char buffer[65];
  const std::size_t size = hex_into(hex, buffer);
  const IndicatorKind kind = size == 32   ? IndicatorKind::kMd5
                             : size == 40 ? IndicatorKind::kSha1
                                          : IndicatorKind::kSha256;
  if (size != 32 && size != 40 && size != 64) return;
  tables_->give(tables_->find(kind, {buffer, size}), Exactness::kExact, out.size() + kMaximumHits, out);
}

void IndicatorSet::find_certificate(std::string_view hex, std::vector<IndicatorHit>& out) const {
  char buffer[65];
  const std::size_t size = hex_into(hex, buffer);
  if (size != 32 && size != 40 && size != 64) return;
  tables_->give(tables_->find(IndicatorKind::kCertificate, {buffer, size}), Exactness::kExact,
                out.size() + kMaximumHits, out);
}

void IndicatorSet::find_fingerprint(IndicatorKind kind, std::string_view value, std::vector<IndicatorHit>& out) const {
  if (value.empty() || value.size() > 64) return;
  char buffer[64];
  for (std::size_t i = 0; i < value.size(); ++i)
    buffer[i] = value[i] >= 'A' && value[i] <= 'Z' ? static_cast<char>(value[i] + 32) : value[i];
  tables_->give(tables_->find(kind, {buffer, value.size()}), Exactness::kExact, out.size() + kMaximumHits, out);
}

void IndicatorSet::find_email(std::string_view address, std::vector<IndicatorHit>& out) const {
  if (address.empty() || address.size() > 320) return;
  char buffer[320];
  for (std::size_t i = 0; i < address.size(); ++i)
    buffer[i] = address[i] >= 'A' && address[i] <= 'Z' ? static_cast<char>(address[i] + 32) : address[i];
  tables_->give(tables_->find(IndicatorKind::kEmail, {buffer, address.size()}), Exactness::kExact,
                out.size() + kMaximumHits, out);
}

void IndicatorSet::find_user_agent(std::string_view text, std::vector<IndicatorHit>& out) const {
  tables_->give(tables_->find(IndicatorKind::kUserAgent, trimmed(text)), Exactness::kExact, out.size() + kMaximumHits,
                out);
}

std::uint64_t IndicatorSet::size() const { return tables_->entries.size(); }
std::uint64_t IndicatorSet::size(IndicatorKind kind) const {
  return kind == IndicatorKind::kCount ? 0 : tables_->by_kind[static_cast<std::size_t>(kind)];
}
std::size_t IndicatorSet::memory() const { return tables_->memory(); }
const std::vector<IndicatorSource>& IndicatorSet::sources() const { return tables_->sources; }
const std::vector<Subtraction>& IndicatorSet::subtractions() const { return tables_->subtractions; }
const std::string& IndicatorSet::digest() const { return tables_->digest; }

// --- building
// -----------------------------------------------------------------------------------------------------------

struct IndicatorSetBuilder::Pending {
  std::unique_ptr<IndicatorSet::Tables> tables = std::make_unique<IndicatorSet::Tables>();
  std::unordered_map<std::string, std::uint32_t> texts;  // shared text → arena
  std::vector<bool> allow_private;                       // by source
  std::vector<std::string> values;                       // by entry; goes into the arena at the end

  std::uint32_t text(const std::string& s) {
    if (s.empty()) return 0;
    const auto [at, fresh] = texts.emplace(s, 0);
    if (fresh) at->second = tables->arena.put(s);
    return at->second;
  }
};

IndicatorSetBuilder::IndicatorSetBuilder(const PublicSuffixes& suffixes)
    : suffixes_(suffixes), pending_(std::make_unique<Pending>()) {}
IndicatorSetBuilder::~IndicatorSetBuilder() = default;

void IndicatorSetBuilder::source(std::string name, std::string licence, const Date& date, std::string digest,
                                 bool allow_private) {
  IndicatorSource source;
  source.name = std::move(name);
  source.licence = std::move(licence);
  source.date = date;
  source.digest = std::move(digest);
  pending_->tables->sources.push_back(std::move(source));
  pending_->allow_private.push_back(allow_private);
}

void IndicatorSetBuilder::add(const Feed& feed) {
  Pending& p = *pending_;
  if (p.tables->sources.empty() || p.tables->sources.size() > 0xffff) return;
  std::vector<std::uint32_t> map(feed.strings.size(), 0);
  for (std::size_t i = 1; i < feed.strings.size(); ++i) map[i] = p.text(feed.strings[i]);
  const auto mapped = [&map](std::uint32_t n) { return n < map.size() ? map[n] : 0; };
  for (const FeedIndicator& one : feed.indicators) {
    if (p.tables->entries.size() >= 20'000'000) break;
    Entry entry;
    entry.report = mapped(one.report);
    entry.actor = mapped(one.actor);
    entry.malware = mapped(one.malware);
    entry.date = one.date;
    entry.until = one.until;
    entry.source = static_cast<std::uint16_t>(p.tables->sources.size() - 1);
    entry.port = one.port;
    entry.kind = one.kind;
    entry.confidence = static_cast<std::uint8_t>(std::lround(std::clamp(one.confidence, 0.0F, 1.0F) * 200.0F));
    entry.partial = one.partial;
    p.tables->entries.push_back(entry);
    p.values.push_back(one.value);
  }
}

namespace {

/// Digests of files with nothing in them, and of single line ends: they match half the world.
bool is_empty_file(std::string_view hex) {
  static constexpr std::string_view kEmpty[] = {"d41d8cd98f00b204e9800998ecf8427e",
                                                "da39a3ee5e6b4b0d3255bfef95601890afd80709",
                                                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                                "68b329da9893e34099c7d8ad5cb9c940",
                                                "adc83b19e793491b1c6ea0fd8b46cd9f32e592fc",
                                                "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b"};
  return std::find(std::begin(kEmpty), std::end(kEmpty), hex) != std::end(kEmpty);
}

/// Addresses that mean something else in every network. Those of documentation stand in examples and exercises, and
/// harm nobody.
bool cannot_be_an_indicator(const base::Address& address, bool allow_private) {
  const std::string_view reserved = Networks::reserved(address);
  if (reserved.empty() || reserved.substr(0, 13) == "documentation" || reserved.substr(0, 12) == "benchmarking")
    return false;
  const bool local = reserved.substr(0, 7) == "private" || reserved.substr(0, 7) == "carrier" ||
                     reserved.substr(0, 10) == "link-local";
  return !(local && allow_private);
}

/// Reserved addresses, half the Internet, bare public suffixes, empty files.
bool cannot_be(IndicatorKind kind, const std::string& value, bool allow_private, const PublicSuffixes& suffixes) {
  switch (kind) {
    case IndicatorKind::kAddress: {
      const auto address = base::Address::parse(value);
      return !address || cannot_be_an_indicator(*address, allow_private);
    }
    case IndicatorKind::kNetwork: {
      const auto network = base::Network::parse(value);
      return !network || network->bits() < (network->address().is_v4() ? 8U : 16U) ||
             cannot_be_an_indicator(network->address(), allow_private);
    }
    case IndicatorKind::kDomain:
      return suffixes.is_public_suffix(value);
    case IndicatorKind::kMd5:
    case IndicatorKind::kSha1:
    case IndicatorKind::kSha256:
      return is_empty_file(value);
    default:
      return false;
  }
}

}  // namespace

IndicatorSet IndicatorSetBuilder::build() {
  IndicatorSet set;
  Pending& p = *pending_;
  IndicatorSet::Tables& t = *p.tables;
  std::vector<std::uint64_t> counts(warnings_ == nullptr ? 0 : warnings_->names().size(), 0);
  // By the hash of the value, so that what says the same lies together: a fixed order, and cheap to compare.
  std::vector<std::uint64_t> hash(t.entries.size());
  std::vector<std::uint32_t> order(t.entries.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    order[i] = i;
    hash[i] = key_of(t.entries[i].kind, p.values[i]);
  }
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (t.entries[a].kind != t.entries[b].kind) return t.entries[a].kind < t.entries[b].kind;
    if (hash[a] != hash[b]) return hash[a] < hash[b];
    const int compared = p.values[a].compare(p.values[b]);
    return compared != 0 ? compared < 0 : a < b;
  });
  std::vector<Entry> all;
  all.swap(t.entries);
  t.entries.reserve(all.size());
  std::size_t keys = 0;
  base::Digest digest(base::DigestKind::kSha256);
  std::vector<std::uint32_t> heads;
  std::vector<std::uint64_t> hashes;
  std::string line, stored;
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i;
    const std::string& value = p.values[order[i]];
    const IndicatorKind kind = all[order[i]].kind;
    while (end < order.size() && all[order[end]].kind == kind && hash[order[end]] == hash[order[i]] &&
           p.values[order[end]] == value)
      ++end;
    const std::size_t begin = i;
    i = end;
    WarningLists::Verdict verdict;
    if (warnings_ != nullptr && !warnings_->empty()) verdict = warnings_->check(kind, value, suffixes_);
    const std::uint32_t labels = verdict.subtract ? 0 : p.text(verdict.labels);
    std::uint32_t text = kNone;
    std::uint64_t key_hash = 0;
    const auto head = static_cast<std::uint32_t>(t.entries.size());
    for (std::size_t k = begin; k < end; ++k) {
      Entry entry = all[order[k]];
      IndicatorSource& source = t.sources[entry.source];
      if (value.empty() || cannot_be(kind, value, p.allow_private[entry.source], suffixes_)) {
        ++source.refused;
        continue;
      }
      if (verdict.subtract) {
        ++counts[verdict.list];
        ++source.subtracted;
        continue;
      }
      if (text == kNone) {
        // The table's key of an address is its 16 bytes, with the text behind them.
        stored = value;
        key_hash = hash[order[begin]];
        if (kind == IndicatorKind::kAddress) {
          const auto address = base::Address::parse(value);
          stored.insert(0, reinterpret_cast<const char*>(address->bytes().data()), 16);
          key_hash = key_of(kind, std::string_view(stored).substr(0, 16));
        }
        text = t.arena.put(stored);
      }
      entry.value = text;
      entry.labels = labels;
      bool twice = false;
      for (std::size_t m = head; m < t.entries.size() && m < head + 64; ++m) {
        const Entry& other = t.entries[m];
        twice = twice || (other.source == entry.source && other.report == entry.report && other.actor == entry.actor &&
                          other.malware == entry.malware && other.port == entry.port);
      }
      if (twice) continue;
      line.assign(to_string(kind));
      for (const std::string_view field :
           {std::string_view(value), std::string_view(source.name), t.arena.get(entry.report), t.arena.get(entry.actor),
            t.arena.get(entry.malware)}) {
        line += '\t';
        line += field;
      }
      for (const std::int64_t number :
           {static_cast<std::int64_t>(entry.port), static_cast<std::int64_t>(entry.date.day),
            static_cast<std::int64_t>(entry.until.day), static_cast<std::int64_t>(entry.confidence)}) {
        line += '\t';
        line += std::to_string(number);
      }
      line += '\n';
      digest.update(base::as_bytes(line));
      if (t.entries.size() > head) t.entries.back().next = static_cast<std::uint32_t>(t.entries.size());
      entry.next = kNone;
      t.entries.push_back(entry);
      ++t.by_kind[static_cast<std::size_t>(kind)];
      ++source.indicators;
    }
    if (t.entries.size() == head) continue;
    if (kind == IndicatorKind::kNetwork) {
      t.networks.add(*base::Network::parse(value), head);
    } else {
      heads.push_back(head);
      hashes.push_back(key_hash);
      ++keys;
    }
  }
  t.entries.shrink_to_fit();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) t.subtractions.push_back({warnings_->names()[i], counts[i]});
  }
  std::stable_sort(t.subtractions.begin(), t.subtractions.end(),
                   [](const Subtraction& a, const Subtraction& b) { return a.count > b.count; });
  std::size_t size = 16;
  while (size < keys * 2) size *= 2;
  t.slots.assign(size, {});
  std::size_t bits = 1024;
  while (bits < keys * 16) bits *= 2;
  t.filter.assign(bits / 64, 0);
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const std::uint64_t key = hashes[i];
    std::size_t at = key & (size - 1);
    while (t.slots[at].entry != kNone) at = (at + 1) & (size - 1);
    t.slots[at] = {static_cast<std::uint32_t>(key >> 32), heads[i]};
    const std::uint64_t bit = key >> 20;
    t.filter[(bit >> 6) & (t.filter.size() - 1)] |= std::uint64_t{1} << (bit & 63);
  }
  t.networks.build([](std::uint32_t kept_value, std::uint32_t) { return kept_value; });
  t.arena.shrink();
  t.digest = digest.hex();
  set.tables_ = std::move(p.tables);
  pending_ = std::make_unique<Pending>();
  return set;
}

}  // namespace whodunit::knowledge
