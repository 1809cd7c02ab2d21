// The main job: captures in, a case out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "detect/detector.h"
#include "engine/inputs.h"
#include "investigation/case.h"

namespace whodunit::knowledge {
class IndicatorSet;
class Networks;
}  // namespace whodunit::knowledge
namespace whodunit::store {
class Store;
}
namespace whodunit::attribution {
class ActorTable;
}

namespace whodunit::investigation {

/// What is known before the run. Every pointer may be null; what is missing is said in the case's notes.
struct Knowledge {
  const knowledge::IndicatorSet* indicators = nullptr;
  const knowledge::Networks* networks = nullptr;
  const attribution::ActorTable* actors = nullptr;
  std::string digest;
};

struct Options {
  std::vector<base::Network> home;    ///< the defended networks; empty: inferred
  std::vector<incident::Zone> zones;  ///< configured zones
  engine::Settings engine;
  attribution::Settings attribution;
  std::string program;  ///< for made_with
  std::vector<attribution::ManualFact> manual;
};

/// The settings that bear on results, for made_with.
std::string settings_text(const Options& options);

/// The plan that the detectors and the inventory ask for, added to `engine`'s.
void add_needs(engine::Settings& engine, const Knowledge& knowledge);

/// A case that is added to: conclusions are drawn over all of it.
struct Whole {
  store::Store* store = nullptr;
  /// Called once the inputs have been read: makes their rows lasting, so that they are read back with the rest.
  std::function<base::Result<void>(const engine::Summary&)> settle;
};

/// Runs the engine over the inputs with the detectors, and draws the conclusions. `more` are further consumers of the
/// records (the store, logs); `keep_going` as in engine::run. With `whole`, the detectors then go over all that the
/// case holds, in time order, and earlier findings that cannot be made again (for want of the indicators of then) are
/// kept.
Case investigate(engine::Inputs& inputs, const Options& options, const Knowledge& knowledge,
                 std::span<engine::Consumer* const> more,
                 const std::function<bool(const engine::Progress&)>& keep_going, const Whole* whole = nullptr);

/// What the findings, incidents and networks say about the authors: the input of attribution.
attribution::CaseFacts facts_of(const Case& c, const incident::Incident* incident, const Knowledge& knowledge);

}  // namespace whodunit::investigation
