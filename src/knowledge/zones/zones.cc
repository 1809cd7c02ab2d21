#include "knowledge/zones/zones.h"

#include <toml++/toml.h>

#include <algorithm>

#include "knowledge/text.h"

namespace whodunit::knowledge {

std::string_view to_string(ZoneLevel level) {
  static constexpr std::string_view kNames[] = {"outer", "inner", "core"};
  return kNames[static_cast<std::size_t>(level)];
}

namespace {

std::string place(std::string_view where, const toml::node& node) {
  return std::string(where) + ':' + std::to_string(node.source().begin.line);
}

/// Strings of an array, or one string.
base::Result<std::vector<base::Network>> read_networks(const toml::node& node, std::string_view where,
                                                       const std::string& key) {
  std::vector<base::Network> out;
  const auto one = [&](const toml::node& value) -> base::Result<void> {
    const auto text = value.value<std::string>();
    if (!text)
      return base::Error{"\"" + key + "\" holds something that is no text", place(where, value),
                         "write networks as \"192.0.2.0/24\""};
    const auto network = base::Network::parse(*text);
    if (!network)
      return base::Error{"no network: \"" + *text + "\"", place(where, value),
                         "write networks as \"192.0.2.0/24\", \"2001:db8::/32\", or an address"};
    out.push_back(*network);
    return {};
  };
  if (const toml::array* array = node.as_array()) {
    for (const toml::node& value : *array) {
      if (auto read = one(value); !read) return read.error();
    }
  } else if (auto read = one(node); !read) {
    return read.error();
  }
  return out;
}

base::Result<Zone> read_zone(const toml::table& table, const std::string& organisation, std::string_view where) {
  Zone zone;
  zone.organisation = organisation;
  bool level = false, networks = false;
  for (const auto& [key, node] : table) {
    if (key == "name") {
      zone.name = node.value_or(std::string());
    } else if (key == "organisation" || key == "organization") {
      zone.organisation = node.value_or(std::string());
    } else if (key == "level") {
      const std::string word = node.value_or(std::string());
      level = true;
      if (word == "outer")
        zone.level = ZoneLevel::kOuter;
      else if (word == "inner")
        zone.level = ZoneLevel::kInner;
      else if (word == "core")
        zone.level = ZoneLevel::kCore;
      else
        return base::Error{"no level: \"" + word + "\"", place(where, node),
                           "a zone's level is \"outer\", \"inner\" or \"core\""};
    } else if (key == "networks" || key == "network") {
      auto read = read_networks(node, where, std::string(key.str()));
      if (!read) return read.error();
      zone.networks = std::move(*read);
      networks = !zone.networks.empty();
    } else {
      return base::Error{"unknown key \"" + std::string(key.str()) + "\" in a zone", place(where, node),
                         "a zone has name, level, networks"};
    }
  }
  if (zone.name.empty()) return base::Error{"a zone without a name", place(where, table), "add: name = \"dmz\""};
  if (!level)
    return base::Error{"zone \"" + zone.name + "\" without a level", place(where, table),
                       "add: level = \"outer\", \"inner\" or \"core\""};
  if (!networks)
    return base::Error{"zone \"" + zone.name + "\" without networks", place(where, table),
                       "add: networks = [\"192.0.2.0/24\"]"};
  return zone;
}

}  // namespace

base::Result<Zones> Zones::parse_toml(std::string_view text, std::string_view where) {
  toml::table root;
  try {
    root = toml::parse(text, std::string(where));
  } catch (const toml::parse_error& error) {
    return base::Error{"no valid TOML: " + std::string(error.description()),
                       std::string(where) + ':' + std::to_string(error.source().begin.line),
                       "docs/intel.md, \"Zones\", shows the form"};
  }
  Zones out;
  // In the file's order: tables of toml++ are sorted by key, so the parts are asked for by name.
  if (const toml::node* node = root.get("home")) {
    auto networks = read_networks(*node, where, "home");
    if (!networks) return networks.error();
    for (const base::Network& network : *networks) out.add_home(network);
  }
  const auto add_zone = [&](const toml::node& node, const std::string& organisation) -> base::Result<void> {
    const toml::table* table = node.as_table();
    if (table == nullptr)
      return base::Error{"a zone that is no table", place(where, node), "write [[organisation.zone]] or [[zone]]"};
    auto zone = read_zone(*table, organisation, where);
    if (!zone) return zone.error();
    if (auto added = out.add(std::move(*zone)); !added)
      return base::Error{added.error().what, place(where, *table), added.error().hint};
    return {};
  };
  const auto each = [](const toml::node& node, auto use) -> base::Result<void> {
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& one : *array) {
        if (auto used = use(one); !used) return used;
      }
      return {};
    }
    return use(node);
  };
  for (const char* key : {"organisation", "organization"}) {
    const toml::node* organisations = root.get(key);
    if (organisations == nullptr) continue;
    auto read = each(*organisations, [&](const toml::node& node) -> base::Result<void> {
      const toml::table* table = node.as_table();
      if (table == nullptr)
        return base::Error{"an organisation that is no table", place(where, node), "write [[organisation]]"};
      const std::string name = (*table)["name"].value_or(std::string());
      if (name.empty())
        return base::Error{"an organisation without a name", place(where, *table), "add: name = \"Ministry of …\""};
      for (const auto& [inner, value] : *table) {
        if (inner != "name" && inner != "zone" && inner != "home") {
          return base::Error{"unknown key \"" + std::string(inner.str()) + "\" in an organisation", place(where, value),
                             "an organisation has name, home, zone"};
        }
      }
      if (const toml::node* home = table->get("home")) {
        Zone zone;
        zone.organisation = name;
        zone.name = "home";
        auto networks = read_networks(*home, where, "home");
        if (!networks) return networks.error();
        zone.networks = std::move(*networks);
        if (auto added = out.add(std::move(zone)); !added)
          return base::Error{added.error().what, place(where, *home), added.error().hint};
      }
      if (const toml::node* zones = table->get("zone"))
        return each(*zones, [&](const toml::node& zone) { return add_zone(zone, name); });
      return {};
    });
    if (!read) return read.error();
  }
  if (const toml::node* zones = root.get("zone")) {
    auto read = each(*zones, [&](const toml::node& zone) { return add_zone(zone, ""); });
    if (!read) return read.error();
  }
  return out;
}

base::Result<Zones> Zones::load(const std::string& path) {
  auto text = read_file(path, std::size_t{16} << 20);
  if (!text) return text.error();
  return parse_toml(*text, path);
}

void Zones::add_home(const base::Network& network, bool inferred) {
  for (std::uint32_t i = 0; i < zones_.size(); ++i) {
    Zone& zone = zones_[i];
    if (zone.name != "home" || !zone.organisation.empty() || zone.inferred != inferred) continue;
    zone.networks.push_back(network);
    entries_.push_back({network, i});
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const Entry& a, const Entry& b) { return a.network.bits128() > b.network.bits128(); });
    return;
  }
  Zone zone;
  zone.name = "home";
  zone.networks.push_back(network);
  zone.inferred = inferred;
  (void)add(std::move(zone));
}

base::Result<void> Zones::add(Zone zone) {
  for (const Zone& other : zones_) {
    if (other.name == zone.name && other.organisation == zone.organisation && other.inferred == zone.inferred) {
      return base::Error{
          "zone \"" + zone.name + "\" stands twice" + (zone.organisation.empty() ? "" : " in " + zone.organisation), "",
          "give each zone a name of its own"};
    }
  }
  for (const base::Network& network : zone.networks) {
    for (const Entry& entry : entries_) {
      const Zone& other = zones_[entry.zone];
      if (entry.network == network && !zone.inferred && !other.inferred) {
        return base::Error{
            "network " + network.to_string() + " lies in two zones: \"" + other.name + "\" and \"" + zone.name + "\"",
            "", "take it out of one of them"};
      }
    }
  }
  const auto number = static_cast<std::uint32_t>(zones_.size());
  // What is configured decides before what was inferred, where both name the same network.
  for (const base::Network& network : zone.networks) entries_.push_back({network, number});
  zones_.push_back(std::move(zone));
  std::stable_sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
    if (a.network.bits128() != b.network.bits128()) return a.network.bits128() > b.network.bits128();
    return !zones_[a.zone].inferred && zones_[b.zone].inferred;
  });
  return {};
}

const Zone* Zones::zone_of(const base::Address& address) const {
  for (const Entry& entry : entries_) {
    if (entry.network.contains(address)) return &zones_[entry.zone];
  }
  return nullptr;
}

std::string Zones::to_string() const {
  std::vector<std::string> lines;
  for (const Zone& zone : zones_) {
    std::vector<std::string> networks;
    for (const base::Network& network : zone.networks) networks.push_back(network.to_string());
    std::sort(networks.begin(), networks.end());
    std::string line = zone.organisation + '/' + zone.name + ' ' + std::string(knowledge::to_string(zone.level)) +
                       (zone.inferred ? " inferred" : "");
    for (const std::string& network : networks) line += ' ' + network;
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += line + '\n';
  return out;
}

}  // namespace whodunit::knowledge
