// The verdict into a case, behind the records that engine::StoreWriter keeps.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "investigation/case.h"
#include "store/store.h"

namespace whodunit::investigation {

/// Puts findings, incidents, assessments and the verdict's document (`json`, of to_json; `document`, the same parsed)
/// into the store, to be committed with the run's end. They replace those of earlier runs.
base::Result<void> put_verdict(store::Store& store, const Case& c, const std::string& json,
                               const nlohmann::ordered_json& document);

}  // namespace whodunit::investigation
