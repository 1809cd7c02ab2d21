#include "knowledge/actor_store.h"

#include <sys/stat.h>

#include <filesystem>

#include "knowledge/knowledge.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

base::Result<ActorImport> import_actors(const std::string& path, const std::string& folder, Problems& problems) {
  ActorsBuilder builder;
  auto taken = builder.add_path(path, problems);
  if (!taken) return taken.error();
  ActorImport out;
  out.files = *taken;
  out.facts = builder.build();
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  std::string stem = absolute.filename().string();
  // "enterprise-attack.json.gz" and "enterprise-attack.json" are one; "malware" of maltrail takes its folders along.
  for (const std::string_view suffix : {".gz", ".json", ".txt", ".tsv"}) {
    if (stem.size() > suffix.size() && lower(stem).substr(stem.size() - suffix.size()) == suffix)
      stem.resize(stem.size() - suffix.size());
  }
  if (stem == "malware" || stem == "static" || stem == "clusters") {
    for (fs::path up = absolute.parent_path(); up.has_filename(); up = up.parent_path()) {
      const std::string name = up.filename().string();
      if (name == "static" || name == "trails") continue;
      stem = name + '-' + stem;
      break;
    }
  }
  for (char& c : stem) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!good) c = '-';
  }
  out.name = stem.empty() || stem[0] == '.' ? "import" + stem : stem;
  const std::string into = folder.empty() ? home_folder() + "/knowledge" : folder;
  fs::create_directories(into, error);
  if (error)
    return base::Error{error.message(), into,
                       "give a folder that can be written to with --knowledge, or set WHODUNIT_HOME"};
  out.stored = into + '/' + out.name + ".tsv";
  out.replaced = fs::exists(out.stored, error);
  if (auto wrote = write_file(out.stored, write_table(*out.facts, true)); !wrote) return wrote.error();
  return out;
}

base::Result<std::shared_ptr<const Actors>> open_actors(const std::string& what, const std::string& folder,
                                                        Problems& problems) {
  if (what.empty() || what == "current") return load_actors(folder, problems);
  ActorsBuilder builder;
  if (what == "shipped") {
    const std::string table = find_data_file("actors.tsv");
    if (table.empty())
      return base::Error{"the table that ships is not installed", "actors.tsv",
                         "set WHODUNIT_DATA to the folder that holds it"};
    auto taken = builder.add_path(table, problems);
    if (!taken) return taken.error();
    return builder.build();
  }
  auto taken = builder.add_path(what, problems);
  if (!taken) return taken.error();
  return builder.build();
}

}  // namespace whodunit::knowledge
