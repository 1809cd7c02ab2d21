// Networks: what tables say about an address: country, autonomous system, what kind of network it lies in. All sources
// are kept with their dates; where they disagree both are said. Context: alone it is never a finding.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "knowledge/date.h"
#include "knowledge/problem.h"

namespace whodunit::knowledge {

enum class NetworkKind : std::uint8_t {
  kUnknown,  ///< no list speaks: residential, business, or simply not listed
  kResidential,
  kHosting,
  kAbuseTolerant,  ///< "bulletproof": hosters that lists name for not acting on complaints
  kVpn,
  kTor,
  kCdn,  ///< fronts: many sites behind one address
  kCloud,
  kScanner,      ///< research scanners that say who they are
  kBlocklisted,  ///< addresses that lists of recent attackers name
  kMobile,
  kCount,
};
std::string_view to_string(NetworkKind kind);
/// Reads to_string's words, and "bulletproof", "abuse", "datacenter", "proxy", …; kCount where none.
NetworkKind network_kind(std::string_view word);

/// Where a claim comes from.
struct NetworkSource {
  std::string name;
  Date date;
  std::string licence;
  std::string note;  ///< known weakness: "known errors, no longer updated"; may be empty
};

struct AddressCountry {
  std::string_view country;  ///< ISO 3166-1 alpha-2
  const NetworkSource* source = nullptr;
};
struct AddressSystem {
  std::uint32_t number = 0;
  std::string_view name;  ///< may be empty
  const NetworkSource* source = nullptr;
};
struct AddressKind {
  NetworkKind kind = NetworkKind::kUnknown;
  std::string_view label;    ///< the list's own word for it ("linode"); may be empty
  base::Network network;     ///< that holds the address; all bits where the list names the address
  std::uint32_t system = 0;  ///< where the list names an autonomous system instead of a network
  const NetworkSource* source = nullptr;
};

/// All that is said about one address. Pointers and views live as long as the Networks.
struct AddressFacts {
  /// "private (RFC 1918)", "documentation (RFC 5737)", …: then nothing else is looked up. Empty for public addresses.
  std::string_view reserved;
  std::vector<AddressCountry> countries;  ///< one per table that knows, in the order of the tables' names
  std::vector<AddressSystem> systems;
  std::vector<AddressKind> kinds;

  /// The country that most tables claim; empty where none does or two claim equally often.
  std::string_view country() const;
  /// "NL (2 of 3 sources)", "NL or DE (sources disagree)", "not known".
  std::string country_words() const;
  bool countries_agree() const;
  const AddressSystem* system() const { return systems.empty() ? nullptr : &systems.front(); }
  bool is(NetworkKind kind) const;
  /// The most telling kind: Tor, VPN, abuse-tolerant, CDN, cloud, hosting, scanner, …, unknown.
  NetworkKind leading_kind() const;
};

/// Immutable, safe from any thread.
class Networks {
 public:
  Networks();
  ~Networks();
  Networks(Networks&&) noexcept;
  Networks& operator=(Networks&&) noexcept;

  AddressFacts facts(const base::Address& address) const;
  /// The special-purpose registry's word (RFC 6890 and its successors) for an address, or "".
  static std::string_view reserved(const base::Address& address);

  const std::vector<std::unique_ptr<NetworkSource>>& sources() const;
  bool has_countries() const;
  bool has_systems() const;
  std::size_t memory() const;
  /// Over names, dates and contents of all tables.
  const std::string& digest() const;

 private:
  friend class NetworksBuilder;
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

/// Collects tables and lists.
class NetworksBuilder {
 public:
  NetworksBuilder();
  ~NetworksBuilder();

  /// An MMDB file of MaxMind, IPinfo, DB-IP or ip-location-db: country, AS, hosting flags, whichever it has. It is
  /// kept open (memory-mapped) for the life of the Networks. An empty name or an unknown date is taken from the file.
  base::Result<void> add_mmdb(const std::string& path, NetworkSource source);
  /// Ranges as CSV: first, last (or a network), then a country, or an AS number and name. Columns are recognised, with
  /// a header or without.
  base::Result<void> add_csv(std::string_view name, std::string_view text, NetworkSource source, Problems& problems);
  /// Networks and addresses of one kind; `label` as the list says it.
  struct ListEntry {
    base::Network network;
    std::string label;
  };
  void add_list(NetworkKind kind, const std::vector<ListEntry>& entries, NetworkSource source);
  /// Autonomous systems of one kind.
  struct SystemEntry {
    std::uint32_t number;
    std::string label;
  };
  void add_systems(NetworkKind kind, const std::vector<SystemEntry>& entries, NetworkSource source);
  Networks build();

 private:
  std::unique_ptr<Networks::Tables> tables_;
};

}  // namespace whodunit::knowledge
