// Who takes the run's records: detectors, the store, writers of logs.
#pragma once

#include "record/batch.h"

namespace whodunit::engine {

/// Called from one thread, in the order of emission per record type. The sequence of calls is the same with any number
/// of threads.
class Consumer {
 public:
  virtual ~Consumer() = default;
  /// The rows live for the call only. False: the consumer can take no more (a full disk), and the run stops.
  virtual bool take(const record::Batch& batch) = 0;
  /// After each round of batches: a good moment to commit.
  virtual bool round(std::uint64_t packets_done) {
    (void)packets_done;
    return true;
  }
};

}  // namespace whodunit::engine
