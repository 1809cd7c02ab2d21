#include "knowledge/intel_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/hash.h"
#include "base/json.h"
#include "knowledge/json_access.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 100'000;

struct Found {
  std::string path;    // to read
  std::string name;    // relative to what was given
  bool named = false;  // given by the user himself, not found in a folder
};

/// Files that lie in feeds' repositories and are no feeds.
bool is_documentation(std::string_view name) {
  const std::string small = lower(name);
  for (const std::string_view prefix :
       {"readme", "license", "licence", "copying", "notice", "changelog", "contributing", "."}) {
    if (small.substr(0, prefix.size()) == prefix) return true;
  }
  for (const std::string_view suffix : {".md", ".py", ".sh", ".html", ".png", ".svg", ".pdf", ".yml", ".yaml"}) {
    if (small.size() > suffix.size() && small.substr(small.size() - suffix.size()) == suffix) return true;
  }
  return false;
}

void collect(const std::string& path, const std::string& name, int depth, std::vector<Found>& out) {
  if (depth > 32 || out.size() >= kMostFiles) return;
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return;
  std::set<std::string> names;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') names.insert(entry->d_name);
  }
  ::closedir(folder);
  for (const std::string& one : names) {
    struct stat status {};
    const std::string inner = path + '/' + one;
    // Links are not followed: they may lead in circles.
    if (::lstat(inner.c_str(), &status) != 0) continue;
    if (S_ISDIR(status.st_mode)) {
      collect(inner, name + '/' + one, depth + 1, out);
    } else if (S_ISREG(status.st_mode) && !is_documentation(one) && out.size() < kMostFiles) {
      out.push_back({inner, name + '/' + one, false});
    }
  }
}

/// The licence's short name from a LICENSE file in the folder or the one above.
std::string licence_beside(const std::string& path) {
  fs::path at(path);
  std::error_code ignored;
  if (!fs::is_directory(at, ignored)) at = at.parent_path();
  if (at.empty()) at = ".";
  for (int up = 0; up < 3; ++up) {
    for (const char* name : {"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"}) {
      const auto text = read_file((at / name).string(), std::size_t{1} << 20);
      if (!text) continue;
      static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
          {"Detection Rule License", "DRL 1.1"},
          {"Apache License", "Apache-2.0"},
          {"CC0 1.0", "CC0-1.0"},
          {"Attribution-NonCommercial", "CC BY-NC"},
          {"Attribution 4.0", "CC BY 4.0"},
          {"released into the public domain", "Unlicense"},
          {"GNU AFFERO", "AGPL-3.0"},
          {"GNU GENERAL PUBLIC", "GPL"},
          {"Permission is hereby granted, free of charge", "MIT"},
          {"MIT License", "MIT"},
          {"Redistribution and use in source", "BSD"}};
      for (const auto& [words, licence] : kNames) {
        if (contains_ignoring_case(std::string_view(*text).substr(0, 8192), words)) return std::string(licence);
      }
    }
    if (!at.has_parent_path() || at == at.parent_path()) break;
    at = at.parent_path();
  }
  return {};
}

std::string safe_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    out += good ? c : '-';
  }
  while (!out.empty() && (out.front() == '.' || out.front() == '-')) out.erase(0, 1);
  if (out.size() > 80) out.resize(80);
  return out;
}

/// "vpn-ipv4" of ".../vpn/ipv4.txt": names that say nothing take their folder's along.
std::string name_from_path(const std::string& path) {
  std::error_code ignored;
  fs::path absolute = fs::absolute(path, ignored).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  std::string stem = absolute.filename().string();
  for (const std::string_view suffix : {".gz", ".txt", ".csv", ".json", ".stix2", ".stix", ".netset", ".ipset", ".mmdb",
                                        ".list", ".yar", ".yara", ".tsv"}) {
    if (stem.size() > suffix.size() && lower(stem).substr(stem.size() - suffix.size()) == suffix)
      stem.resize(stem.size() - suffix.size());
  }
  static constexpr std::string_view kGeneric[] = {"ipv4",   "ipv6",    "ips",        "domains", "hosts", "list",
                                                  "lists",  "iocs",    "indicators", "feed",    "data",  "output",
                                                  "levels", "malware", "static",     "index",   "yara"};
  const bool generic =
      all_digits(stem) || std::find(std::begin(kGeneric), std::end(kGeneric), lower(stem)) != std::end(kGeneric);
  if (generic && absolute.parent_path().has_filename()) stem = absolute.parent_path().filename().string() + '-' + stem;
  return safe_name(stem);
}

std::uint64_t entries_of(const Feed& feed) {
  std::uint64_t n = feed.indicators.size() + feed.networks.size() + feed.systems.size();
  for (const FeedWarnings& list : feed.warnings) n += list.entries.size();
  return n;
}

std::string write_source(const IntelSource& source, const FeedOptions& options) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object();
  json.key("version").number(1);
  json.key("name").string(source.name);
  json.key("licence").string(source.licence);
  json.key("date").string(source.date.to_string());
  json.key("digest").string(source.digest);
  json.key("allow_private").boolean(source.allow_private);
  json.key("problems").number(source.problems);
  json.key("options").begin_object();
  json.key("role").string(options.role);
  json.key("network_kind").string(options.network_kind);
  json.key("value_kind").string(options.value_kind);
  json.key("actor").string(options.actor);
  json.key("date").string(options.date.to_string());
  json.key("path_hint").string(options.path_hint);
  json.end_object();
  json.key("files").begin_array();
  for (const IntelFile& file : source.files) {
    json.begin_object();
    json.key("name").string(file.name);
    json.key("stored").string(file.stored);
    json.key("format").number(static_cast<int>(file.format));
    json.key("role").number(static_cast<int>(file.role));
    json.key("entries").number(file.entries);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return out + '\n';
}

base::Result<IntelSource> read_source(const std::string& path, FeedOptions* options) {
  auto text = read_file(path, std::size_t{64} << 20);
  if (!text) return text.error();
  dom::parser parser;
  dom::element root;
  dom::object json;
  if (parser.parse(*text).get(root) != simdjson::SUCCESS || root.get(json) != simdjson::SUCCESS)
    return base::Error{"damaged", path, "remove the source and add it again"};
  if (number_of(json, "version", 0) != 1)
    return base::Error{"of another version of the program", path, "remove the source and add it again"};
  IntelSource out;
  out.name = std::string(text_of(json, "name"));
  out.licence = std::string(text_of(json, "licence"));
  out.date = Date::parse(text_of(json, "date")).value_or(Date{});
  out.digest = std::string(text_of(json, "digest"));
  out.allow_private = true_of(json, "allow_private");
  out.problems = static_cast<std::uint64_t>(number_of(json, "problems", 0));
  each_object_of(json, "files", [&](const dom::object& file) {
    IntelFile one;
    one.name = std::string(text_of(file, "name"));
    one.stored = base_name(text_of(file, "stored"));
    const std::int64_t format = number_of(file, "format", 0), role = number_of(file, "role", 0);
    if (format >= 0 && format < static_cast<std::int64_t>(FeedFormat::kCount))
      one.format = static_cast<FeedFormat>(format);
    if (role >= 0 && role <= static_cast<std::int64_t>(FeedRole::kRules)) one.role = static_cast<FeedRole>(role);
    one.entries = static_cast<std::uint64_t>(number_of(file, "entries", 0));
    out.files.push_back(std::move(one));
  });
  dom::object told;
  if (options != nullptr && json["options"].get(told) == simdjson::SUCCESS) {
    options->role = std::string(text_of(told, "role"));
    options->network_kind = std::string(text_of(told, "network_kind"));
    options->value_kind = std::string(text_of(told, "value_kind"));
    options->actor = std::string(text_of(told, "actor"));
    options->date = Date::parse(text_of(told, "date")).value_or(Date{});
    options->path_hint = std::string(text_of(told, "path_hint"));
  }
  if (out.name.empty()) return base::Error{"damaged", path, "remove the source and add it again"};
  return out;
}

}  // namespace

std::uint64_t IntelSource::entries() const {
  std::uint64_t n = 0;
  for (const IntelFile& file : files) n += file.entries;
  return n;
}

base::Result<IntelSource> IntelStore::add(const std::vector<std::string>& paths, const IntelAddOptions& options,
                                          Problems& problems, bool& replaced) {
  replaced = false;
  std::vector<Found> found;
  for (const std::string& path : paths) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return base::Error{std::strerror(errno), path, ""};
    if (S_ISDIR(status.st_mode)) {
      collect(path, base_name(path), 0, found);
    } else {
      found.push_back({path, base_name(path), true});
    }
  }
  if (found.empty())
    return base::Error{"no file in it", paths.empty() ? "" : paths.front(), "give a file or a folder of feeds"};
  IntelSource source;
  source.name = options.name.empty() ? name_from_path(paths.front()) : safe_name(options.name);
  if (source.name.empty()) return base::Error{"no name can be made of this", paths.front(), "give one with --name"};
  source.licence = options.licence;
  source.allow_private = options.allow_private;
  const std::string final_folder = folder_ + '/' + source.name;
  const std::string temporary = folder_ + "/.new." + source.name + '.' + std::to_string(::getpid());
  std::error_code error;
  fs::create_directories(temporary, error);
  if (error)
    return base::Error{error.message(), folder_,
                       "give a folder that can be written to with --intel, or set WHODUNIT_HOME"};
  const auto give_up = [&](base::Error why) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    return why;
  };
  std::vector<Feed> feeds;
  std::string all_digests;
  for (const Found& file : found) {
    auto text = read_file(file.path);
    if (!text) {
      if (file.named) return give_up(text.error());
      problems.add(file.name, text.error().what);
      continue;
    }
    FeedOptions feed_options = options.feed;
    std::error_code ignored;
    feed_options.path_hint = fs::absolute(file.path, ignored).string();
    Feed feed;
    Problems own;
    auto read = read_feed(file.name, *text, feed_options, feed, own);
    if (!read) {
      // Files in a folder that are no feeds at all are passed over; feeds that could not be used are told.
      if (file.named) {
        problems.merge(own);
        return give_up(read.error());
      }
      if (feed.format == FeedFormat::kUnknown || feed.format == FeedFormat::kPlainList)
        ++source.passed_over;
      else
        problems.add(read.error().where, read.error().what);
      continue;
    }
    // A text of which most lines are no indicators is something else that lies in the folder.
    if (!file.named && feed.format == FeedFormat::kPlainList && own.count() > entries_of(feed)) {
      ++source.passed_over;
      continue;
    }
    problems.merge(own);
    std::string number = std::to_string(source.files.size());
    while (number.size() < 5) number.insert(0, 1, '0');
    IntelFile kept;
    kept.name = file.name;
    kept.stored = number + '-' + safe_name(base_name(file.name));
    kept.format = feed.format;
    kept.role = feed.role;
    kept.entries = entries_of(feed);
    if (auto wrote = write_file(temporary + '/' + kept.stored, *text, false); !wrote) return give_up(wrote.error());
    all_digests += base::digest_hex(base::DigestKind::kSha256, base::as_bytes(*text)) + ' ' + file.name + '\n';
    if (feed.date.known() && (!source.date.known() || source.date < feed.date)) source.date = feed.date;
    if (source.licence.empty() && !feed.licence.empty()) source.licence = feed.licence;
    source.files.push_back(std::move(kept));
    feeds.push_back(std::move(feed));
  }
  if (feeds.empty()) {
    return give_up({"no feed in it that is understood", paths.front(),
                    "formats: STIX 2.x, MISP events and warning lists, maltrail trails, CSV, plain lists, lists of "
                    "networks, KEV, YARA, MMDB"});
  }
  if (options.feed.date.known()) source.date = options.feed.date;
  if (options.licence.empty()) {
    const std::string beside = licence_beside(paths.front());
    if (!beside.empty()) source.licence = beside;
  }
  source.digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(all_digests));
  source.problems = problems.count();
  FeedOptions stored_options = options.feed;
  // Words in the path that told the kind of networks are needed again when the parsed form is made anew.
  stored_options.path_hint = fs::absolute(found.front().path, error).string();
  if (auto wrote = write_file(temporary + "/parsed", pack_feeds(feeds)); !wrote) return give_up(wrote.error());
  // All originals reach the disk before the file that names them.
  if (const int folder = ::open(temporary.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); folder >= 0) {
    (void)::syncfs(folder);
    ::close(folder);
  }
  if (auto wrote = write_file(temporary + "/source.json", write_source(source, stored_options)); !wrote)
    return give_up(wrote.error());
  if (fs::exists(final_folder, error)) {
    replaced = true;
    const std::string old = folder_ + "/.old." + source.name + '.' + std::to_string(::getpid());
    if (::rename(final_folder.c_str(), old.c_str()) != 0) return give_up({std::strerror(errno), final_folder, ""});
    if (::rename(temporary.c_str(), final_folder.c_str()) != 0) {
      const int why = errno;
      (void)::rename(old.c_str(), final_folder.c_str());
      return give_up({std::strerror(why), final_folder, ""});
    }
    fs::remove_all(old, error);
  } else if (::rename(temporary.c_str(), final_folder.c_str()) != 0) {
    return give_up({std::strerror(errno), final_folder, ""});
  }
  return source;
}

namespace {

std::vector<std::string> source_folders(const std::string& folder) {
  std::set<std::string> names;
  if (DIR* open = ::opendir(folder.c_str())) {
    while (const dirent* entry = ::readdir(open)) {
      if (entry->d_name[0] != '.') names.insert(entry->d_name);
    }
    ::closedir(open);
  }
  std::vector<std::string> out;
  struct stat status {};
  for (const std::string& name : names) {
    const std::string path = folder + '/' + name;
    if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) out.push_back(path);
  }
  return out;
}

}  // namespace

std::vector<IntelSource> IntelStore::list(Problems& problems) const {
  std::vector<IntelSource> out;
  for (const std::string& folder : source_folders(folder_)) {
    auto source = read_source(folder + "/source.json", nullptr);
    if (source)
      out.push_back(std::move(*source));
    else
      problems.add(source.error().where, source.error().what);
  }
  return out;
}

base::Result<void> IntelStore::remove(const std::string& name) {
  const std::string path = folder_ + '/' + name;
  std::error_code error;
  if (name.empty() || name != safe_name(name) || !fs::exists(path + "/source.json", error)) {
    std::string known;
    Problems ignored;
    for (const IntelSource& source : list(ignored)) known += (known.empty() ? "" : ", ") + source.name;
    return base::Error{"no source is called so", name, known.empty() ? "there are none" : "there are: " + known};
  }
  fs::remove_all(path, error);
  if (error) return base::Error{error.message(), path, ""};
  return {};
}

std::vector<LoadedIntel> IntelStore::load(Problems& problems) const {
  std::vector<LoadedIntel> out;
  for (const std::string& folder : source_folders(folder_)) {
    FeedOptions options;
    auto source = read_source(folder + "/source.json", &options);
    if (!source) {
      problems.add(source.error().where, source.error().what);
      continue;
    }
    LoadedIntel loaded;
    loaded.source = std::move(*source);
    loaded.folder = folder;
    bool good = false;
    if (auto packed = read_file(folder + "/parsed")) {
      if (auto feeds = unpack_feeds(*packed); feeds && feeds->size() == loaded.source.files.size()) {
        loaded.feeds = std::move(*feeds);
        good = true;
      }
    }
    if (!good) {
      for (const IntelFile& file : loaded.source.files) {
        Feed feed;
        auto text = read_file(folder + '/' + file.stored);
        if (!text) {
          problems.add(text.error().where, text.error().what);
        } else {
          Problems ignored;  // they were told when it was added
          FeedOptions own = options;
          if (file.name.find('/') != std::string::npos) own.path_hint = file.name;
          if (auto read = read_feed(file.name, *text, own, feed, ignored); !read)
            problems.add(read.error().where, read.error().what);
        }
        loaded.feeds.push_back(std::move(feed));
      }
    }
    out.push_back(std::move(loaded));
  }
  return out;
}

}  // namespace whodunit::knowledge
