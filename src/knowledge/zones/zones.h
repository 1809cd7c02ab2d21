// The defended networks and their zones, as the user configures them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace whodunit::knowledge {

/// How far inside a zone lies.
enum class ZoneLevel : std::uint8_t { kOuter, kInner, kCore };
std::string_view to_string(ZoneLevel level);

/// A named part of a defended network.
struct Zone {
  std::string organisation;
  std::string name;
  ZoneLevel level = ZoneLevel::kInner;
  std::vector<base::Network> networks;
  bool inferred = false;  ///< not configured: taken from the traffic, and said so
};

/// Immutable once made. The most specific network decides.
class Zones {
 public:
  /// Reads the `home`, `organisation` and `zone` parts of a TOML file (docs/intel.md, "Zones"); other keys are passed
  /// over. Errors name the line.
  static base::Result<Zones> parse_toml(std::string_view text, std::string_view where);
  static base::Result<Zones> load(const std::string& path);

  /// Adds a network without a zone's name: `--home NET`. The zone is named "home" and is of level inner.
  void add_home(const base::Network& network, bool inferred = false);
  base::Result<void> add(Zone zone);

  /// Null where the address is not defended. Lives until the next change.
  const Zone* zone_of(const base::Address& address) const;
  bool defended(const base::Address& address) const { return zone_of(address) != nullptr; }
  const std::vector<Zone>& all() const { return zones_; }
  bool empty() const { return zones_.empty(); }
  /// Canonical text: for the made-with block.
  std::string to_string() const;

 private:
  struct Entry {
    base::Network network;
    std::uint32_t zone;
  };
  std::vector<Zone> zones_;
  std::vector<Entry> entries_;  ///< longest prefix first
};

}  // namespace whodunit::knowledge
