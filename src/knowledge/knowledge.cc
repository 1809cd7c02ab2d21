#include "knowledge/knowledge.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/hash.h"
#include "knowledge/indicators/set_builder.h"
#include "knowledge/intel_store.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

bool is_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}
bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string program_folder() {
  char buffer[4096];
  const ssize_t size = ::readlink("/proc/self/exe", buffer, sizeof buffer - 1);
  if (size <= 0) return {};
  const std::string path(buffer, static_cast<std::size_t>(size));
  return path.substr(0, path.rfind('/'));
}

/// The kind of network that a warning list of addresses speaks of; kUnknown where it says nothing about that.
NetworkKind kind_of_warnings(const FeedWarnings& list) {
  if (list.type != "cidr") return NetworkKind::kUnknown;
  for (const std::string_view word : {"cloudflare", "akamai", "fastly", "bunny", "stackpath", "cdn"}) {
    if (contains_ignoring_case(list.name, word)) return NetworkKind::kCdn;
  }
  std::string label;
  (void)WarningLists::effect(list, label);
  if (label == "VPN" || label == "relay") return NetworkKind::kVpn;
  if (label == "cloud") return NetworkKind::kCloud;
  if (label == "research scanner") return NetworkKind::kScanner;
  if (label == "shared hosting") return NetworkKind::kHosting;
  return NetworkKind::kUnknown;
}

}  // namespace

std::string home_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
  };
  if (std::string home = variable("WHODUNIT_HOME"); !home.empty()) return home;
  if (std::string data = variable("XDG_DATA_HOME"); !data.empty()) return data + "/whodunit";
  const std::string home = variable("HOME");
  return home.empty() ? std::string(".whodunit") : home + "/.local/share/whodunit";
}

std::string find_data_file(const std::string& file) {
  std::vector<std::string> folders;
  if (const char* named = std::getenv("WHODUNIT_DATA"); named != nullptr && *named != '\0') folders.emplace_back(named);
  if (const std::string here = program_folder(); !here.empty()) {
    folders.push_back(here + "/share/whodunit");
    folders.push_back(here + "/../share/whodunit");
  }
  folders.emplace_back("/usr/share/whodunit");
  for (const std::string& folder : folders) {
    std::string path = folder + '/' + file;
    if (is_file(path)) return path;
  }
  return {};
}

base::Result<std::shared_ptr<const Actors>> load_actors(const std::string& folder, Problems& problems) {
  ActorsBuilder builder;
  const std::string shipped = find_data_file("actors.tsv");
  if (!shipped.empty()) {
    if (auto taken = builder.add_path(shipped, problems); !taken) problems.add(taken.error().where, taken.error().what);
  }
  const std::string imported = folder.empty() ? home_folder() + "/knowledge" : folder;
  if (is_folder(imported)) {
    std::set<std::string> names;
    if (DIR* open = ::opendir(imported.c_str())) {
      while (const dirent* entry = ::readdir(open)) {
        const std::string_view name = entry->d_name;
        if (name[0] != '.' && name.size() > 4 && name.substr(name.size() - 4) == ".tsv")
          names.insert(std::string(name));
      }
      ::closedir(open);
    } else {
      return base::Error{std::strerror(errno), imported, ""};
    }
    for (const std::string& name : names) {
      if (auto taken = builder.add_path(imported + '/' + name, problems); !taken)
        problems.add(taken.error().where, taken.error().what);
    }
  }
  return builder.build();
}

base::Result<std::shared_ptr<const Knowledge>> load_knowledge(const KnowledgeSettings& settings) {
  auto out = std::make_shared<Knowledge>();
  out->suffixes = PublicSuffixes::load();
  std::vector<LoadedIntel> loaded;
  if (!settings.shipped_only) {
    const std::string folder = settings.intel_folder.empty() ? home_folder() + "/intel" : settings.intel_folder;
    if (!settings.intel_folder.empty() && !is_folder(folder)) {
      return base::Error{"no such folder", folder, "whodunit intel add --intel " + folder + " … makes it"};
    }
    loaded = IntelStore(folder).load(out->problems);
  }
  WarningLists warnings;
  NetworksBuilder networks;
  for (const LoadedIntel& intel : loaded) {
    for (const Feed& feed : intel.feeds) {
      for (const FeedWarnings& list : feed.warnings) warnings.add(list);
    }
  }
  warnings.finish();
  IndicatorSetBuilder indicators(out->suffixes);
  indicators.warnings(&warnings);
  for (LoadedIntel& intel : loaded) {
    const IntelSource& source = intel.source;
    bool any = false;
    for (const Feed& feed : intel.feeds) any = any || !feed.indicators.empty();
    if (any) indicators.source(source.name, source.licence, source.date, source.digest, source.allow_private);
    for (std::size_t i = 0; i < intel.feeds.size(); ++i) {
      Feed& feed = intel.feeds[i];
      const IntelFile& file = source.files[i];
      const std::string path = intel.folder + '/' + file.stored;
      // A source of many files names the one that speaks.
      const std::string name = source.files.size() == 1 ? source.name : source.name + '/' + file.name;
      const NetworkSource network_source{name, feed.date.known() ? feed.date : source.date, source.licence, ""};
      if (!feed.indicators.empty()) {
        indicators.add(feed);
        feed.indicators = {};
      }
      if (!feed.networks.empty()) {
        std::vector<NetworksBuilder::ListEntry> entries;
        for (const FeedNetwork& network : feed.networks)
          entries.push_back({network.network, feed.strings[network.label]});
        networks.add_list(feed.network_kind, entries, network_source);
      }
      if (!feed.systems.empty()) {
        std::vector<NetworksBuilder::SystemEntry> entries;
        for (const FeedSystem& system : feed.systems) entries.push_back({system.number, feed.strings[system.label]});
        networks.add_systems(feed.network_kind, entries, network_source);
      }
      for (const FeedWarnings& list : feed.warnings) {
        const NetworkKind kind = kind_of_warnings(list);
        if (kind == NetworkKind::kUnknown) continue;
        std::vector<NetworksBuilder::ListEntry> entries;
        for (const std::string& entry : list.entries) {
          if (const auto network = base::Network::parse(entry)) entries.push_back({*network, ""});
        }
        networks.add_list(kind, entries, {list.name, feed.date, source.licence, ""});
      }
      base::Result<void> done;
      if (file.format == FeedFormat::kMmdb) {
        done = networks.add_mmdb(path, {source.name, source.date, source.licence, ""});
      } else if (file.format == FeedFormat::kRangeTable) {
        auto text = read_file(path);
        if (text)
          done = networks.add_csv(file.name, *text, network_source, out->problems);
        else
          done = text.error();
      } else if (file.format == FeedFormat::kVulnerabilities) {
        auto text = read_file(path);
        if (!text)
          done = text.error();
        else if (auto taken = out->vulnerabilities.add(file.name, *text, source.name, out->problems); !taken)
          done = taken.error();
      } else if (file.format == FeedFormat::kYara) {
        out->yara_files.push_back(path);
      }
      if (!done) out->problems.add(done.error().where, done.error().what);
    }
  }
  // A fresh install knows countries, from a table that says its age and doubt.
  const std::string shipped = find_data_file("geo-whois-asn-country.mmdb");
  if (!shipped.empty()) {
    NetworkSource source{"ip-location-db geo-whois-asn-country",
                         {},
                         "CC0-1.0",
                         "known errors, no longer updated: a default, not the only source to rely on"};
    if (auto added = networks.add_mmdb(shipped, std::move(source)); !added)
      out->problems.add(added.error().where, added.error().what);
  }
  out->indicators = indicators.build();
  out->networks = networks.build();
  if (settings.with_actors) {
    if (settings.shipped_only) {
      ActorsBuilder builder;
      if (const std::string table = find_data_file("actors.tsv"); !table.empty()) {
        if (auto taken = builder.add_path(table, out->problems); !taken)
          out->problems.add(taken.error().where, taken.error().what);
      }
      out->actors = builder.build();
    } else {
      auto actors = load_actors(settings.actors_folder, out->problems);
      if (!actors) return actors.error();
      out->actors = std::move(*actors);
    }
  } else {
    out->actors = ActorsBuilder().build();
  }
  std::string all = out->indicators.digest() + '\n' + out->networks.digest() + '\n';
  if (settings.with_actors) all += out->actors->digest();
  for (const auto& [id, v] : out->vulnerabilities.all())
    all += '\n' + id + ' ' + v.added.to_string() + ' ' + v.public_.to_string();
  for (const LoadedIntel& intel : loaded) {
    for (const IntelFile& file : intel.source.files) {
      if (file.format == FeedFormat::kYara) {
        all += "\nyara " + intel.source.digest;
        break;
      }
    }
  }
  out->digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(all));
  return std::shared_ptr<const Knowledge>(std::move(out));
}

}  // namespace whodunit::knowledge
