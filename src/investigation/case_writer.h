// The run's records and the verdict, into a case.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "capture/capture.h"
#include "engine/consumer.h"
#include "investigation/case.h"
#include "store/store.h"

namespace whodunit::investigation {

/// Appends each batch to the store and commits when it pays, with the word of how far the run is.
class CaseWriter : public engine::Consumer {
 public:
  /// Both outlive the writer.
  CaseWriter(store::Store& store, const capture::Source& source) : store_(store), source_(source) {}
  bool take(const record::Batch& batch) override;
  bool round(std::uint64_t packets_done) override;
  /// The verdict, and the end of the run. An error where something could not be written; what was committed stands.
  base::Result<void> finish(const Case& c, const std::string& json);
  const std::optional<base::Error>& error() const { return error_; }

 private:
  std::vector<store::Capture> captures() const;
  bool fail(const base::Result<void>& result);
  store::Store& store_;
  const capture::Source& source_;
  std::optional<base::Error> error_;
  store::Progress progress_;
};

}  // namespace whodunit::investigation
