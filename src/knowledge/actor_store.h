// What the user has imported with `whodunit knowledge import`: one table of facts per import.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "knowledge/actors/actors.h"
#include "knowledge/problem.h"

namespace whodunit::knowledge {

struct ActorImport {
  std::string name;    ///< of the import: from the path
  std::string stored;  ///< path of the table
  std::size_t files = 0;
  bool replaced = false;
  std::shared_ptr<const Actors> facts;  ///< of this import alone
};

/// Reads a file or a folder, and keeps its facts in `folder` under the path's name; an earlier import of that name is
/// replaced. Nothing is changed where it fails.
base::Result<ActorImport> import_actors(const std::string& path, const std::string& folder, Problems& problems);
/// Knowledge for `diff` and `show`: "" or "current" is what is loaded for a run, "shipped" what ships, else a file or
/// folder that ActorsBuilder takes.
base::Result<std::shared_ptr<const Actors>> open_actors(const std::string& what, const std::string& folder,
                                                        Problems& problems);

}  // namespace whodunit::knowledge
