#include "knowledge/networks/networks.h"

#include <maxminddb.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/hash.h"
#include "knowledge/actors/countries.h"
#include "knowledge/range_map.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

std::string_view to_string(NetworkKind kind) {
  static constexpr std::string_view kNames[] = {
      "unknown",          "residential", "hosting", "abuse-tolerant hosting", "VPN", "Tor", "CDN", "cloud",
      "research scanner", "blocklisted", "mobile"};
  return kind == NetworkKind::kCount ? std::string_view("unknown") : kNames[static_cast<std::size_t>(kind)];
}

NetworkKind network_kind(std::string_view word) {
  static constexpr std::pair<std::string_view, NetworkKind> kWords[] = {
      {"unknown", NetworkKind::kUnknown},
      {"residential", NetworkKind::kResidential},
      {"hosting", NetworkKind::kHosting},
      {"datacenter", NetworkKind::kHosting},
      {"data center", NetworkKind::kHosting},
      {"hoster", NetworkKind::kHosting},
      {"abuse", NetworkKind::kAbuseTolerant},
      {"abuse-tolerant", NetworkKind::kAbuseTolerant},
      {"abuse-tolerant hosting", NetworkKind::kAbuseTolerant},
      {"bulletproof", NetworkKind::kAbuseTolerant},
      {"vpn", NetworkKind::kVpn},
      {"proxy", NetworkKind::kVpn},
      {"tor", NetworkKind::kTor},
      {"cdn", NetworkKind::kCdn},
      {"cloud", NetworkKind::kCloud},
      {"scanner", NetworkKind::kScanner},
      {"research scanner", NetworkKind::kScanner},
      {"blocklist", NetworkKind::kBlocklisted},
      {"blocklisted", NetworkKind::kBlocklisted},
      {"blacklist", NetworkKind::kBlocklisted},
      {"mobile", NetworkKind::kMobile}};
  for (const auto& [name, kind] : kWords) {
    if (equal_ignoring_case(trimmed(word), name)) return kind;
  }
  return NetworkKind::kCount;
}

// --- what is said of an address
// -------------------------------------------------------------------------------------------

std::string_view AddressFacts::country() const {
  std::map<std::string_view, int> claims;
  for (const AddressCountry& c : countries) ++claims[c.country];
  std::string_view best;
  int most = 0;
  bool tie = false;
  for (const auto& [name, count] : claims) {
    tie = count == most || (tie && count < most);
    if (count > most) {
      most = count;
      best = name;
    }
  }
  return tie ? std::string_view{} : best;
}

bool AddressFacts::countries_agree() const {
  return std::all_of(countries.begin(), countries.end(),
                     [&](const AddressCountry& c) { return c.country == countries.front().country; });
}

std::string AddressFacts::country_words() const {
  if (countries.empty()) return "not known";
  std::map<std::string_view, std::size_t> claims;
  for (const AddressCountry& c : countries) ++claims[c.country];
  const std::size_t all = countries.size();
  if (claims.size() == 1) {
    return std::string(countries.front().country) +
           (all == 1 ? " (one source)" : " (" + std::to_string(all) + " of " + std::to_string(all) + " sources)");
  }
  const std::string_view leader = country();
  if (!leader.empty())
    return std::string(leader) + " (" + std::to_string(claims[leader]) + " of " + std::to_string(all) + " sources)";
  std::string out;
  for (const auto& [name, count] : claims) out += (out.empty() ? "" : " or ") + std::string(name);
  return out + " (sources disagree)";
}

bool AddressFacts::is(NetworkKind kind) const {
  return std::any_of(kinds.begin(), kinds.end(), [kind](const AddressKind& k) { return k.kind == kind; });
}

NetworkKind AddressFacts::leading_kind() const {
  for (const NetworkKind kind : {NetworkKind::kTor, NetworkKind::kVpn, NetworkKind::kAbuseTolerant,
                                 NetworkKind::kScanner, NetworkKind::kCdn, NetworkKind::kCloud, NetworkKind::kHosting,
                                 NetworkKind::kMobile, NetworkKind::kResidential, NetworkKind::kBlocklisted}) {
    if (is(kind)) return kind;
  }
  return NetworkKind::kUnknown;
}

// --- reserved
// -------------------------------------------------------------------------------------------------------------

std::string_view Networks::reserved(const base::Address& address) {
  struct Entry {
    const char* network;
    std::string_view what;
  };
  // IANA's registries of special-purpose addresses (RFC 6890), and multicast.
  static constexpr Entry kEntries[] = {
      {"0.0.0.0/8", "this network (RFC 791)"},
      {"10.0.0.0/8", "private (RFC 1918)"},
      {"100.64.0.0/10", "carrier NAT (RFC 6598)"},
      {"127.0.0.0/8", "loopback (RFC 1122)"},
      {"169.254.0.0/16", "link-local (RFC 3927)"},
      {"172.16.0.0/12", "private (RFC 1918)"},
      {"192.0.0.0/24", "protocol assignments (RFC 6890)"},
      {"192.0.2.0/24", "documentation (RFC 5737)"},
      {"192.88.99.0/24", "6to4 relay (RFC 7526)"},
      {"192.168.0.0/16", "private (RFC 1918)"},
      {"198.18.0.0/15", "benchmarking (RFC 2544)"},
      {"198.51.100.0/24", "documentation (RFC 5737)"},
      {"203.0.113.0/24", "documentation (RFC 5737)"},
      {"224.0.0.0/4", "multicast (RFC 5771)"},
      {"240.0.0.0/4", "reserved (RFC 1112)"},
      {"255.255.255.255/32", "broadcast (RFC 919)"},
      {"::/128", "unspecified (RFC 4291)"},
      {"::1/128", "loopback (RFC 4291)"},
      {"64:ff9b::/96", "NAT64 (RFC 6052)"},
      {"64:ff9b:1::/48", "NAT64 (RFC 8215)"},
      {"100::/64", "discard (RFC 6666)"},
      {"2001::/32", "Teredo (RFC 4380)"},
      {"2001:2::/48", "benchmarking (RFC 5180)"},
      {"2001:10::/28", "ORCHID (RFC 4843)"},
      {"2001:20::/28", "ORCHIDv2 (RFC 7343)"},
      {"2001:db8::/32", "documentation (RFC 3849)"},
      {"2002::/16", "6to4 (RFC 3056)"},
      {"3fff::/20", "documentation (RFC 9637)"},
      {"fc00::/7", "private (RFC 4193)"},
      {"fe80::/10", "link-local (RFC 4291)"},
      {"ff00::/8", "multicast (RFC 4291)"},
  };
  static const RangeMap map = [] {
    RangeMap m;
    for (std::uint32_t i = 0; i < std::size(kEntries); ++i) m.add(*base::Network::parse(kEntries[i].network), i);
    m.build([](std::uint32_t kept, std::uint32_t) { return kept; });
    return m;
  }();
  const RangeMap::Prefix* found = map.find(address);
  return found == nullptr ? std::string_view{} : kEntries[found->value].what;
}

// --- tables
// ---------------------------------------------------------------------------------------------------------------

namespace {

/// An open MMDB file.
class Mmdb {
 public:
  Mmdb() = default;
  Mmdb(const Mmdb&) = delete;
  Mmdb& operator=(const Mmdb&) = delete;
  ~Mmdb() {
    if (open_) MMDB_close(&db_);
  }
  base::Result<void> open(const std::string& path) {
    const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &db_);
    if (status != MMDB_SUCCESS)
      return base::Error{std::string("no MMDB file: ") + MMDB_strerror(status), path,
                         "give a .mmdb file of MaxMind, IPinfo, DB-IP or ip-location-db"};
    open_ = true;
    return {};
  }
  const MMDB_s& db() const { return db_; }

 private:
  MMDB_s db_{};
  bool open_ = false;
};

sockaddr_storage socket_address(const base::Address& address) {
  sockaddr_storage storage{};
  if (address.is_v4()) {
    auto& in = reinterpret_cast<sockaddr_in&>(storage);
    in.sin_family = AF_INET;
    std::memcpy(&in.sin_addr, address.wire().data(), 4);
  } else {
    auto& in = reinterpret_cast<sockaddr_in6&>(storage);
    in.sin6_family = AF_INET6;
    std::memcpy(&in.sin6_addr, address.bytes().data(), 16);
  }
  return storage;
}

bool value_at(const MMDB_entry_s& entry, MMDB_entry_data_s& data, const char* const* path) {
  MMDB_entry_s copy = entry;
  return MMDB_aget_value(&copy, &data, path) == MMDB_SUCCESS && data.has_data;
}

std::string_view text_at(const MMDB_entry_s& entry, const char* const* path) {
  MMDB_entry_data_s data;
  if (!value_at(entry, data, path) || data.type != MMDB_DATA_TYPE_UTF8_STRING) return {};
  return {data.utf8_string, data.data_size};
}

bool flag_at(const MMDB_entry_s& entry, const char* name, const char* outer = nullptr) {
  const char* const direct[] = {name, nullptr};
  const char* const nested[] = {outer, name, nullptr};
  MMDB_entry_data_s data;
  if (!value_at(entry, data, outer == nullptr ? direct : nested)) return false;
  if (data.type == MMDB_DATA_TYPE_BOOLEAN) return data.boolean;
  if (data.type == MMDB_DATA_TYPE_UTF8_STRING) return std::string_view(data.utf8_string, data.data_size) == "true";
  return false;
}

}  // namespace

struct Networks::Tables {
  struct MmdbTable {
    Mmdb file;
    const NetworkSource* source = nullptr;
    bool has_country = false, has_system = false;
  };
  struct CsvRow {
    std::string country;
    std::uint32_t system = 0;
    std::uint32_t name = 0;  // into names
  };
  struct CsvTable {
    RangeMap map;
    std::vector<CsvRow> rows;
    const NetworkSource* source = nullptr;
    bool has_country = false, has_system = false;
  };
  struct ListRow {
    NetworkKind kind = NetworkKind::kUnknown;
    std::uint32_t label = 0;
    std::uint32_t source = 0;
    std::uint32_t next = UINT32_MAX;
  };

  std::vector<std::unique_ptr<NetworkSource>> sources;
  std::vector<std::unique_ptr<MmdbTable>> mmdb;
  std::vector<std::unique_ptr<CsvTable>> csv;
  RangeMap lists;
  std::vector<ListRow> list_rows;
  std::multimap<std::uint32_t, ListRow> systems;  // AS number → kind
  std::vector<std::string> names = {""};
  std::map<std::string, std::uint32_t, std::less<>> name_numbers;
  std::string digest;
  std::vector<std::string> parts;  // what the digest is made over

  std::uint32_t name(std::string_view text) {
    if (text.empty()) return 0;
    const auto found = name_numbers.find(text);
    if (found != name_numbers.end()) return found->second;
    names.emplace_back(text);
    name_numbers.emplace(std::string(text), static_cast<std::uint32_t>(names.size() - 1));
    return static_cast<std::uint32_t>(names.size() - 1);
  }
  const NetworkSource* source(NetworkSource s) {
    sources.push_back(std::make_unique<NetworkSource>(std::move(s)));
    return sources.back().get();
  }
};

Networks::Networks() : tables_(std::make_unique<Tables>()) {}
Networks::~Networks() = default;
Networks::Networks(Networks&&) noexcept = default;
Networks& Networks::operator=(Networks&&) noexcept = default;

AddressFacts Networks::facts(const base::Address& address) const {
  AddressFacts out;
  out.reserved = reserved(address);
  if (!out.reserved.empty()) return out;
  const Tables& t = *tables_;
  const auto add_kind = [&out](NetworkKind kind, std::string_view label, const base::Network& network,
                               std::uint32_t system, const NetworkSource* source) {
    out.kinds.push_back({kind, label, network, system, source});
  };
  for (const auto& table : t.mmdb) {
    const sockaddr_storage where = socket_address(address);
    int error = 0;
    const MMDB_lookup_result_s found =
        MMDB_lookup_sockaddr(&table->file.db(), reinterpret_cast<const sockaddr*>(&where), &error);
    if (error != MMDB_SUCCESS || !found.found_entry) continue;
    const MMDB_entry_s& entry = found.entry;
    static constexpr const char* kCountryPaths[][4] = {{"country_code", nullptr},
                                                       {"country", "iso_code", nullptr},
                                                       {"country", nullptr},
                                                       {"registered_country", "iso_code", nullptr}};
    for (const auto& path : kCountryPaths) {
      const std::string_view code = text_at(entry, path);
      if (code.size() != 2) continue;
      out.countries.push_back({code, table->source});
      break;
    }
    AddressSystem system;
    system.source = table->source;
    MMDB_entry_data_s number;
    static constexpr const char* kNumber[] = {"autonomous_system_number", nullptr};
    static constexpr const char* kTraits[] = {"traits", "autonomous_system_number", nullptr};
    if ((value_at(entry, number, kNumber) || value_at(entry, number, kTraits)) &&
        number.type == MMDB_DATA_TYPE_UINT32) {
      system.number = number.uint32;
    } else {
      static constexpr const char* kAsn[] = {"asn", nullptr};
      std::string_view text = text_at(entry, kAsn);
      if (equal_ignoring_case(text.substr(0, 2), "AS")) text.remove_prefix(2);
      if (all_digits(text) && text.size() <= 10)
        system.number = static_cast<std::uint32_t>(std::stoull(std::string(text)));
    }
    if (system.number != 0) {
      static constexpr const char* kNames[][3] = {{"autonomous_system_organization", nullptr},
                                                  {"traits", "autonomous_system_organization", nullptr},
                                                  {"as_name", nullptr},
                                                  {"name", nullptr}};
      for (const auto& path : kNames) {
        system.name = text_at(entry, path);
        if (!system.name.empty()) break;
      }
      out.systems.push_back(system);
    }
    const base::Network network(address, address.is_v4() && found.netmask >= 96 ? found.netmask
                                         : address.is_v4()                      ? found.netmask + 96U
                                                                                : found.netmask);
    struct Flag {
      const char* name;
      NetworkKind kind;
    };
    static constexpr Flag kFlags[] = {{"is_tor_exit_node", NetworkKind::kTor},
                                      {"tor", NetworkKind::kTor},
                                      {"is_anonymous_vpn", NetworkKind::kVpn},
                                      {"vpn", NetworkKind::kVpn},
                                      {"is_public_proxy", NetworkKind::kVpn},
                                      {"proxy", NetworkKind::kVpn},
                                      {"relay", NetworkKind::kVpn},
                                      {"is_hosting_provider", NetworkKind::kHosting},
                                      {"hosting", NetworkKind::kHosting},
                                      {"is_mobile", NetworkKind::kMobile}};
    for (const Flag& flag : kFlags) {
      if (flag_at(entry, flag.name) || flag_at(entry, flag.name, "traits"))
        add_kind(flag.kind, flag.name, network, 0, table->source);
    }
  }
  for (const auto& table : t.csv) {
    const RangeMap::Prefix* found = table->map.find(address);
    if (found == nullptr) continue;
    const Tables::CsvRow& row = table->rows[found->value];
    if (!row.country.empty()) out.countries.push_back({row.country, table->source});
    if (row.system != 0) out.systems.push_back({row.system, t.names[row.name], table->source});
  }
  for (const RangeMap::Prefix* p = t.lists.find(address); p != nullptr; p = t.lists.parent_of(*p)) {
    for (std::uint32_t r = p->value; r != UINT32_MAX; r = t.list_rows[r].next) {
      const Tables::ListRow& row = t.list_rows[r];
      add_kind(row.kind, t.names[row.label], p->network, 0, t.sources[row.source].get());
    }
  }
  std::vector<std::uint32_t> asked;
  for (const AddressSystem& system : out.systems) {
    if (std::find(asked.begin(), asked.end(), system.number) != asked.end()) continue;
    asked.push_back(system.number);
    const auto [first, last] = t.systems.equal_range(system.number);
    for (auto at = first; at != last; ++at) {
      add_kind(at->second.kind, t.names[at->second.label], base::Network(address, 128), system.number,
               t.sources[at->second.source].get());
    }
  }
  return out;
}

const std::vector<std::unique_ptr<NetworkSource>>& Networks::sources() const { return tables_->sources; }

bool Networks::has_countries() const {
  return std::any_of(tables_->mmdb.begin(), tables_->mmdb.end(), [](const auto& t) { return t->has_country; }) ||
         std::any_of(tables_->csv.begin(), tables_->csv.end(), [](const auto& t) { return t->has_country; });
}
bool Networks::has_systems() const {
  return std::any_of(tables_->mmdb.begin(), tables_->mmdb.end(), [](const auto& t) { return t->has_system; }) ||
         std::any_of(tables_->csv.begin(), tables_->csv.end(), [](const auto& t) { return t->has_system; });
}

std::size_t Networks::memory() const {
  std::size_t out = tables_->lists.memory() + tables_->list_rows.capacity() * sizeof(Tables::ListRow);
  for (const auto& table : tables_->csv) out += table->map.memory() + table->rows.capacity() * sizeof(Tables::CsvRow);
  for (const std::string& name : tables_->names) out += sizeof(std::string) + (name.size() > 15 ? name.size() : 0);
  return out;
}
const std::string& Networks::digest() const { return tables_->digest; }

// --- building
// -------------------------------------------------------------------------------------------------------------

NetworksBuilder::NetworksBuilder() : tables_(std::make_unique<Networks::Tables>()) {}
NetworksBuilder::~NetworksBuilder() = default;

base::Result<void> NetworksBuilder::add_mmdb(const std::string& path, NetworkSource source) {
  auto table = std::make_unique<Networks::Tables::MmdbTable>();
  if (auto opened = table->file.open(path); !opened) return opened.error();
  const MMDB_s& db = table->file.db();
  const std::string type = db.metadata.database_type == nullptr ? std::string() : db.metadata.database_type;
  if (source.name.empty()) source.name = type.empty() || type == "ip" ? base_name(path) : type;
  const auto epoch = static_cast<std::int64_t>(db.metadata.build_epoch);
  if (!source.date.known() && epoch > 0 && epoch < 100'000'000'000)
    source.date = Date::of_day(static_cast<std::int32_t>(epoch / 86400));
  // What it has, from one address of each large region; types' names are not told by all makers.
  for (const char* probe :
       {"8.8.8.8", "193.0.6.139", "202.12.29.1", "1.0.0.1", "41.0.0.1", "200.160.0.1", "2001:4860:4860::8888"}) {
    const sockaddr_storage where = socket_address(*base::Address::parse(probe));
    int error = 0;
    const MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&db, reinterpret_cast<const sockaddr*>(&where), &error);
    if (error != MMDB_SUCCESS || !found.found_entry) continue;
    static constexpr const char* kPaths[][3] = {
        {"country_code", nullptr}, {"country", "iso_code", nullptr}, {"country", nullptr}};
    for (const auto& p : kPaths) table->has_country = table->has_country || text_at(found.entry, p).size() == 2;
    MMDB_entry_data_s data;
    static constexpr const char* kNumber[] = {"autonomous_system_number", nullptr};
    static constexpr const char* kAsn[] = {"asn", nullptr};
    table->has_system = table->has_system || value_at(found.entry, data, kNumber) || value_at(found.entry, data, kAsn);
  }
  tables_->parts.push_back(
      "mmdb " + source.name + ' ' + source.date.to_string() + ' ' + std::to_string(db.file_size) + ' ' +
      base::to_base62(base::fast_hash(base::Bytes{db.file_content, static_cast<std::size_t>(db.file_size)})));
  table->source = tables_->source(std::move(source));
  tables_->mmdb.push_back(std::move(table));
  return {};
}

namespace {

/// An address as text, or an IPv4 address as a number (IP2Location's form).
std::optional<base::Address> read_address(std::string_view text) {
  if (const auto address = base::Address::parse(text)) return address;
  if (!all_digits(text) || text.size() > 10) return std::nullopt;
  const unsigned long long value = std::stoull(std::string(text));
  if (value > 0xffffffffULL) return std::nullopt;
  return base::Address::v4(static_cast<std::uint32_t>(value));
}

}  // namespace

base::Result<void> NetworksBuilder::add_csv(std::string_view name, std::string_view text, NetworkSource source,
                                            Problems& problems) {
  auto table = std::make_unique<Networks::Tables::CsvTable>();
  // ',' unless another separates the first line.
  const std::string_view first_line = text.substr(0, text.find('\n'));
  const char separator = first_line.find(',') != std::string_view::npos    ? ','
                         : first_line.find('\t') != std::string_view::npos ? '\t'
                         : first_line.find(';') != std::string_view::npos  ? ';'
                                                                           : ',';
  Csv csv(text, separator);
  std::vector<std::string> row;
  std::size_t prefixes = 0;
  bool first_row = true;
  while (csv.next(row)) {
    if (row.empty() || (row.size() == 1 && row[0].empty()) || row[0].substr(0, 1) == "#") continue;
    const std::string where = std::string(name) + ':' + std::to_string(csv.line());
    std::size_t next = 0;
    std::vector<base::Network> networks;
    const auto network = row[0].find('/') == std::string::npos ? std::nullopt : base::Network::parse(row[0]);
    if (network) {
      networks.push_back(*network);
      next = 1;
    } else if (row.size() >= 3) {
      const auto first = read_address(row[0]), last = read_address(row[1]);
      if (first && last) {
        networks = prefixes_of_range(*first, *last);
        if (networks.empty()) {
          problems.add(where, "a range whose end is before its start");
          first_row = false;
          continue;
        }
        next = 2;
      }
    }
    if (networks.empty()) {
      if (!first_row)
        problems.add(where, "no range of addresses: '" + row[0].substr(0, 60) + "'");  // the first may be the header
      first_row = false;
      continue;
    }
    first_row = false;
    Networks::Tables::CsvRow out;
    for (std::size_t i = next; i < row.size(); ++i) {
      const std::string_view cell = trimmed(row[i]);
      if (cell.empty()) continue;
      std::string_view number = equal_ignoring_case(cell.substr(0, 2), "AS") ? cell.substr(2) : cell;
      if (out.system == 0 && all_digits(number) && number.size() <= 10) {
        const unsigned long long value = std::stoull(std::string(number));
        if (value <= 0xffffffffULL) out.system = static_cast<std::uint32_t>(value);
      } else if (out.country.empty() && cell.size() == 2 && !country_code(cell).empty()) {
        out.country = std::string(country_code(cell));
      } else if (out.system != 0 && out.name == 0) {
        out.name = tables_->name(cell.substr(0, 200));
      }
    }
    if (out.country.empty() && out.system == 0) {
      problems.add(where, "neither a country nor the number of an autonomous system");
      continue;
    }
    table->has_country = table->has_country || !out.country.empty();
    table->has_system = table->has_system || out.system != 0;
    prefixes += networks.size();
    if (prefixes > 32'000'000) return base::Error{"more than 32 million prefixes", std::string(name), ""};
    for (const base::Network& n : networks) table->map.add(n, static_cast<std::uint32_t>(table->rows.size()));
    table->rows.push_back(std::move(out));
  }
  if (table->rows.empty())
    return base::Error{"a table in which no line names a range and a country or AS", std::string(name),
                       "columns: first address, last address (or a network), country or AS number, AS name"};
  table->map.build([](std::uint32_t, std::uint32_t other) { return other; });
  if (source.name.empty()) source.name = std::string(name);
  tables_->parts.push_back("csv " + source.name + ' ' + source.date.to_string() + ' ' + std::to_string(text.size()) +
                           ' ' + base::to_base62(base::fast_hash(text)));
  table->source = tables_->source(std::move(source));
  tables_->csv.push_back(std::move(table));
  return {};
}

void NetworksBuilder::add_list(NetworkKind kind, const std::vector<ListEntry>& entries, NetworkSource source) {
  Networks::Tables& t = *tables_;
  std::string content;
  const NetworkSource* kept = t.source(std::move(source));
  const auto number = static_cast<std::uint32_t>(t.sources.size() - 1);
  for (const ListEntry& entry : entries) {
    Networks::Tables::ListRow row;
    row.kind = kind;
    row.label = t.name(entry.label);
    row.source = number;
    t.lists.add(entry.network, static_cast<std::uint32_t>(t.list_rows.size()));
    t.list_rows.push_back(row);
    content += entry.network.to_string();
    content += '\t';
    content += entry.label;
    content += '\n';
  }
  t.parts.push_back("list " + kept->name + ' ' + std::string(to_string(kind)) + ' ' + kept->date.to_string() + ' ' +
                    base::to_base62(base::fast_hash(content)));
}

void NetworksBuilder::add_systems(NetworkKind kind, const std::vector<SystemEntry>& entries, NetworkSource source) {
  Networks::Tables& t = *tables_;
  std::string content;
  const NetworkSource* kept = t.source(std::move(source));
  for (const SystemEntry& entry : entries) {
    Networks::Tables::ListRow row;
    row.kind = kind;
    row.label = t.name(entry.label);
    row.source = static_cast<std::uint32_t>(t.sources.size() - 1);
    t.systems.emplace(entry.number, row);
    content += std::to_string(entry.number) + '\t' + entry.label + '\n';
  }
  t.parts.push_back("systems " + kept->name + ' ' + std::string(to_string(kind)) + ' ' +
                    base::to_base62(base::fast_hash(content)));
}

Networks NetworksBuilder::build() {
  Networks::Tables& t = *tables_;
  std::vector<Networks::Tables::ListRow>& rows = t.list_rows;
  // Several lists name the same network: their rows are chained, in the order of adding.
  std::vector<std::uint32_t> last(rows.size());
  for (std::uint32_t i = 0; i < last.size(); ++i) last[i] = i;
  t.lists.build([&](std::uint32_t kept, std::uint32_t other) {
    if (rows[last[kept]].source == rows[other].source && rows[last[kept]].kind == rows[other].kind &&
        rows[last[kept]].label == rows[other].label)
      return kept;
    rows[last[kept]].next = other;
    last[kept] = other;
    return kept;
  });
  // Tables in the order of their names, whatever came first.
  const auto by_name = [](const auto& a, const auto& b) { return a->source->name < b->source->name; };
  std::stable_sort(t.mmdb.begin(), t.mmdb.end(), by_name);
  std::stable_sort(t.csv.begin(), t.csv.end(), by_name);
  std::sort(t.parts.begin(), t.parts.end());
  std::string all;
  for (const std::string& part : t.parts) all += part + '\n';
  t.digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(all));
  Networks out;
  out.tables_ = std::move(tables_);
  tables_ = std::make_unique<Networks::Tables>();
  return out;
}

}  // namespace whodunit::knowledge
