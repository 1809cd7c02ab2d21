// All that is known before a run: loaded once, immutable in a run, digested.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "knowledge/actors/actors.h"
#include "knowledge/domains/public_suffix.h"
#include "knowledge/indicators/indicators.h"
#include "knowledge/networks/networks.h"
#include "knowledge/problem.h"
#include "knowledge/vulnerabilities/vulnerabilities.h"

namespace whodunit::knowledge {

/// `${WHODUNIT_HOME}`, else `${XDG_DATA_HOME}/whodunit`, else `~/.local/share/whodunit`.
std::string home_folder();
/// The first of: `${WHODUNIT_DATA}`, share/whodunit beside the program or one level up (build and relocatable trees),
/// /usr/share/whodunit, that holds `file`; the path of the file, or "" where none does.
std::string find_data_file(const std::string& file);

struct KnowledgeSettings {
  std::string intel_folder;   ///< "" : home_folder()/intel
  std::string actors_folder;  ///< "" : home_folder()/knowledge
  bool with_actors = true;
  /// Use only what ships: for tests and for runs that must not depend on the user's folder.
  bool shipped_only = false;
};

/// Everything. Move-only; hand out as shared_ptr<const Knowledge>.
struct Knowledge {
  IndicatorSet indicators;
  Networks networks;
  Vulnerabilities vulnerabilities;
  PublicSuffixes suffixes;
  std::shared_ptr<const Actors> actors;  ///< never null; empty where not asked for
  std::vector<std::string> yara_files;   ///< paths of YARA rules that were added, sorted
  /// For the made-with block: over all of the above.
  std::string digest;
  /// What could not be loaded, in words; the rest was.
  Problems problems;
};

/// Loads what ships and what the user has added. Fails only where a folder that was named explicitly cannot be read.
base::Result<std::shared_ptr<const Knowledge>> load_knowledge(const KnowledgeSettings& settings);
/// Only the actors: what ships and what was imported.
base::Result<std::shared_ptr<const Actors>> load_actors(const std::string& folder, Problems& problems);

}  // namespace whodunit::knowledge
