// All that a run reads: captures, and logs of other sensors.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/capture.h"
#include "engine/engine.h"
#include "logs/logs.h"

namespace whodunit::engine {

struct Inputs {
  std::unique_ptr<capture::Source> packets;   ///< null where no input is a capture
  std::unique_ptr<logs::Source> logs;         ///< null where none is a log
  std::vector<std::string> logs_passed_over;  ///< names of logs in folders that there is no record type for

  bool empty() const { return packets == nullptr && logs == nullptr; }
  /// Captures first, then logs: by the ordinals that they have in the run.
  std::vector<capture::CaptureInfo> captures() const;
};

struct OpenedInputs {
  Inputs inputs;
  std::vector<base::Error> problems;
};

/// Opens files, folders and "-" (captures only). Each file is what its first bytes say.
OpenedInputs open_inputs(const std::vector<std::string>& inputs, const capture::OpenOptions& options);

/// Runs over the captures, then over the logs.
Summary run(Inputs& inputs, const Settings& settings, std::span<Consumer* const> consumers,
            const std::function<bool(const Progress&)>& keep_going);

}  // namespace whodunit::engine
