// What the user has added with `whodunit intel add`: one folder per source, the originals and a parsed form.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "knowledge/date.h"
#include "knowledge/indicators/feed.h"
#include "knowledge/problem.h"

namespace whodunit::knowledge {

/// One file of a source.
struct IntelFile {
  std::string name;    ///< as given, relative to what was added
  std::string stored;  ///< its name in the source's folder
  FeedFormat format = FeedFormat::kUnknown;
  FeedRole role = FeedRole::kIndicators;
  std::uint64_t entries = 0;
};

struct IntelSource {
  std::string name;
  std::string licence;
  Date date;           ///< given, else the newest thing in its files
  std::string digest;  ///< over the files' contents
  bool allow_private = false;
  std::vector<IntelFile> files;
  std::size_t passed_over = 0;  ///< files found in folders that are no feeds; told by `add` only
  std::uint64_t problems = 0;   ///< lines and objects that could not be taken

  std::uint64_t entries() const;
};

/// What `add` is told.
struct IntelAddOptions {
  std::string name;     ///< "" : from the first path
  std::string licence;  ///< "" : from a LICENSE file beside it, or what the feed says
  bool allow_private = false;
  FeedOptions feed;
};

/// A source with its feeds in memory.
struct LoadedIntel {
  IntelSource source;
  std::vector<Feed> feeds;  ///< one per file, in order; empty of content for tables, rules and KEV
  std::string folder;       ///< where `stored` names are
};

class IntelStore {
 public:
  /// `folder` need not exist yet.
  explicit IntelStore(std::string folder) : folder_(std::move(folder)) {}

  /// Reads the files or folders (to any depth), and keeps them under one name; a source of that name is replaced, and
  /// `replaced` set. Problems are the lines and objects that were left out. Nothing is changed where it fails.
  base::Result<IntelSource> add(const std::vector<std::string>& paths, const IntelAddOptions& options,
                                Problems& problems, bool& replaced);
  /// All sources, sorted by name; broken ones are told in `problems`.
  std::vector<IntelSource> list(Problems& problems) const;
  base::Result<void> remove(const std::string& name);
  /// Everything, for a run. A parsed form that is damaged or of another version is made anew from the originals.
  std::vector<LoadedIntel> load(Problems& problems) const;

 private:
  std::string folder_;
};

/// The parsed form.
std::string pack_feeds(const std::vector<Feed>& feeds);
base::Result<std::vector<Feed>> unpack_feeds(std::string_view packed);

}  // namespace whodunit::knowledge
