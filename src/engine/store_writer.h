// The run's records into a case, committed as the run goes on.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "capture/capture.h"
#include "engine/consumer.h"
#include "engine/inputs.h"
#include "store/store.h"

namespace whodunit::engine {

/// The captures of a source as a case remembers them; the first gets the ordinal `first`.
std::vector<store::Capture> captures_for_case(const std::vector<capture::CaptureInfo>& captures, std::uint32_t first);

/// The way back.
std::vector<capture::CaptureInfo> captures_of_case(std::span<const store::Capture> captures);

/// Appends every batch, and commits when the store says that it pays. The store outlives it.
class StoreWriter final : public Consumer {
 public:
  explicit StoreWriter(store::Store& store) : store_(&store) {}

  bool take(const record::Batch& batch) override;
  bool round(std::uint64_t packets_done) override;

  /// What is known of the captures so far, for the next commit. Call it from the thread that reads, now and then.
  void observe(const Inputs& inputs);
  /// Commits the rest with the last word on the captures. After the run, before findings are put.
  base::Result<void> finish(const std::vector<capture::CaptureInfo>& captures, const store::Progress& progress);
  /// Why no more could be taken.
  const std::optional<base::Error>& error() const { return error_; }

 private:
  bool keep(const base::Result<void>& done);

  store::Store* store_;
  std::optional<base::Error> error_;
  base::Time last_;
  std::mutex mutex_;  // of seen_: read where records are written, set where packets are read
  std::vector<store::Capture> seen_;
  std::uint64_t observed_ = 0;
};

}  // namespace whodunit::engine
