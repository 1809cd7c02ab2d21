// The parsed form of feeds: little-endian, counts and lengths as LEB128, a checksum at the end.
#include <cmath>

#include "base/bytes.h"
#include "base/hash.h"
#include "knowledge/intel_store.h"

namespace whodunit::knowledge {

namespace {

constexpr std::string_view kMagic = "WDINTEL2";

class Packer {
 public:
  void number(std::uint64_t n) {
    while (n >= 0x80) {
      out += static_cast<char>(n | 0x80);
      n >>= 7;
    }
    out += static_cast<char>(n);
  }
  void text(std::string_view s) {
    number(s.size());
    out += s;
  }
  void date(const Date& d) {
    out += static_cast<char>(d.precision);
    if (d.known()) number(static_cast<std::uint32_t>(d.day) ^ 0x80000000U);
  }
  std::string out;
};

class Unpacker {
 public:
  explicit Unpacker(base::Bytes data) : cursor_(data) {}
  std::uint64_t number() {
    std::uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = cursor_.u8();
      n |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return n;
    }
    cursor_.fail();
    return 0;
  }
  /// A number of things of at least one byte each.
  std::size_t count() {
    const std::uint64_t n = number();
    if (n > cursor_.left()) {
      cursor_.fail();
      return 0;
    }
    return static_cast<std::size_t>(n);
  }
  std::string text() { return std::string(cursor_.text(count())); }
  std::uint8_t byte() { return cursor_.u8(); }
  Date date() {
    Date d;
    const std::uint8_t precision = cursor_.u8();
    if (precision == 0) return d;
    if (precision > 3) {
      cursor_.fail();
      return d;
    }
    d.precision = static_cast<Date::Precision>(precision);
    d.day = static_cast<std::int32_t>(static_cast<std::uint32_t>(number()) ^ 0x80000000U);
    return d;
  }
  base::Network network() {
    const base::Bytes raw = cursor_.bytes(16);
    const std::uint8_t bits = cursor_.u8();
    if (!cursor_.ok() || bits > 128) {
      cursor_.fail();
      return {};
    }
    return {base::Address::v6(raw.data()), bits};
  }
  bool ok() const { return cursor_.ok(); }
  bool at_end() const { return cursor_.at_end(); }

 private:
  base::Cursor cursor_;
};

}  // namespace

std::string pack_feeds(const std::vector<Feed>& feeds) {
  Packer p;
  p.out = kMagic;
  p.number(feeds.size());
  for (const Feed& f : feeds) {
    p.text(f.name);
    p.out += static_cast<char>(f.format);
    p.out += static_cast<char>(f.role);
    p.out += static_cast<char>(f.network_kind);
    p.text(f.title);
    p.text(f.licence);
    p.date(f.date);
    p.number(f.strings.size());
    for (const std::string& s : f.strings) p.text(s);
    p.number(f.indicators.size());
    for (const FeedIndicator& i : f.indicators) {
      p.out += static_cast<char>(i.kind);
      p.out += static_cast<char>(i.partial);
      p.number(i.port);
      p.number(i.report);
      p.number(i.actor);
      p.number(i.malware);
      p.number(static_cast<std::uint64_t>(std::lround(i.confidence * 1000.0F)));
      p.date(i.date);
      p.date(i.until);
      p.text(i.value);
    }
    p.number(f.networks.size());
    for (const FeedNetwork& n : f.networks) {
      p.out.append(reinterpret_cast<const char*>(n.network.address().bytes().data()), 16);
      p.out += static_cast<char>(n.network.bits128());
      p.number(n.label);
    }
    p.number(f.systems.size());
    for (const FeedSystem& s : f.systems) {
      p.number(s.number);
      p.number(s.label);
    }
    p.number(f.warnings.size());
    for (const FeedWarnings& w : f.warnings) {
      p.text(w.name);
      p.text(w.type);
      p.text(w.category);
      p.number(w.entries.size());
      for (const std::string& entry : w.entries) p.text(entry);
    }
    p.number(f.passed_over.size());
    for (const auto& [what, n] : f.passed_over) {
      p.text(what);
      p.number(n);
    }
  }
  const std::uint64_t sum = base::fast_hash(p.out);
  for (int i = 0; i < 8; ++i) p.out += static_cast<char>(sum >> (8 * i));
  return std::move(p.out);
}

base::Result<std::vector<Feed>> unpack_feeds(std::string_view packed) {
  const base::Error broken{"damaged, or of another version of the program", "", ""};
  if (packed.size() < kMagic.size() + 8 || packed.substr(0, kMagic.size()) != kMagic) return broken;
  const std::string_view body = packed.substr(0, packed.size() - 8);
  if (base::load_le64(reinterpret_cast<const std::uint8_t*>(packed.data()) + body.size()) != base::fast_hash(body))
    return broken;
  Unpacker u(base::as_bytes(body.substr(kMagic.size())));
  std::vector<Feed> feeds;
  const std::size_t count = u.count();
  for (std::size_t k = 0; k < count && u.ok(); ++k) {
    Feed f;
    f.name = u.text();
    const std::uint8_t format = u.byte(), role = u.byte(), kind = u.byte();
    if (format >= static_cast<std::uint8_t>(FeedFormat::kCount) || role > static_cast<std::uint8_t>(FeedRole::kRules) ||
        kind > static_cast<std::uint8_t>(NetworkKind::kCount))
      return broken;
    f.format = static_cast<FeedFormat>(format);
    f.role = static_cast<FeedRole>(role);
    f.network_kind = static_cast<NetworkKind>(kind);
    f.title = u.text();
    f.licence = u.text();
    f.date = u.date();
    f.strings.clear();
    const std::size_t strings = u.count();
    for (std::size_t i = 0; i < strings && u.ok(); ++i) f.strings.push_back(u.text());
    if (f.strings.empty()) f.strings.emplace_back();
    const std::size_t indicators = u.count();
    if (u.ok()) f.indicators.reserve(indicators);
    for (std::size_t i = 0; i < indicators && u.ok(); ++i) {
      FeedIndicator one;
      const std::uint8_t what = u.byte();
      if (what >= static_cast<std::uint8_t>(IndicatorKind::kCount)) return broken;
      one.kind = static_cast<IndicatorKind>(what);
      one.partial = u.byte() != 0;
      one.port = static_cast<std::uint16_t>(u.number());
      one.report = static_cast<std::uint32_t>(u.number());
      one.actor = static_cast<std::uint32_t>(u.number());
      one.malware = static_cast<std::uint32_t>(u.number());
      one.confidence = static_cast<float>(u.number()) / 1000.0F;
      one.date = u.date();
      one.until = u.date();
      one.value = u.text();
      if (one.report >= f.strings.size() || one.actor >= f.strings.size() || one.malware >= f.strings.size())
        return broken;
      f.indicators.push_back(std::move(one));
    }
    const std::size_t networks = u.count();
    for (std::size_t i = 0; i < networks && u.ok(); ++i) {
      const base::Network network = u.network();
      const auto label = static_cast<std::uint32_t>(u.number());
      if (label >= f.strings.size()) return broken;
      f.networks.push_back({network, label});
    }
    const std::size_t systems = u.count();
    for (std::size_t i = 0; i < systems && u.ok(); ++i) {
      const auto number = static_cast<std::uint32_t>(u.number());
      const auto label = static_cast<std::uint32_t>(u.number());
      if (label >= f.strings.size()) return broken;
      f.systems.push_back({number, label});
    }
    const std::size_t warnings = u.count();
    for (std::size_t i = 0; i < warnings && u.ok(); ++i) {
      FeedWarnings w;
      w.name = u.text();
      w.type = u.text();
      w.category = u.text();
      const std::size_t entries = u.count();
      for (std::size_t e = 0; e < entries && u.ok(); ++e) w.entries.push_back(u.text());
      f.warnings.push_back(std::move(w));
    }
    const std::size_t passed = u.count();
    for (std::size_t i = 0; i < passed && u.ok(); ++i) {
      std::string what = u.text();
      f.passed_over[std::move(what)] = u.number();
    }
    feeds.push_back(std::move(f));
  }
  if (!u.ok() || !u.at_end() || feeds.size() != count) return broken;
  return feeds;
}

}  // namespace whodunit::knowledge
