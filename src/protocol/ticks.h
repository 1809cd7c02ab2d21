// When tables that hold something across connections are looked through.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time.h"

namespace whodunit::protocol {

/// The run's clock in steps of ten seconds, as Zeek's tables have it (table_expire_interval): a step happens at the
/// first packet that is ten seconds or more behind the one of the step before. It runs over all packets, so that it is
/// the same whatever a worker sees of them. Written between batches, read within.
class Ticks {
 public:
  struct Tick {
    base::Time time;
    std::uint64_t run_number = 0;  ///< the packet's
  };

  /// Forgets steps that lie far behind.
  void begin_batch() {
    if (ticks_.size() > kKept) ticks_.erase(ticks_.begin(), ticks_.end() - kKept);
  }
  /// Every packet, in order.
  void packet(base::Time time, std::uint64_t run_number) {
    if (time < next_ && started_) return;
    if (!started_) start_ = time;
    started_ = true;
    next_ = time + kStep;
    ticks_.push_back({time, run_number});
  }
  /// The time of the run's first packet.
  base::Time start() const { return start_; }
  /// `time` of a packet where the clock never goes back, as far as the steps say.
  base::Time forward(base::Time time, std::uint64_t run_number) const {
    for (auto it = ticks_.rbegin(); it != ticks_.rend(); ++it)
      if (it->run_number <= run_number) return std::max(time, it->time);
    return time;
  }
  /// The steps of this batch and some before it, in order; none lies between them.
  std::span<const Tick> recent() const { return ticks_; }

 private:
  static constexpr base::Duration kStep = base::seconds(10);
  static constexpr std::ptrdiff_t kKept = 16;
  std::vector<Tick> ticks_;
  base::Time start_, next_;
  bool started_ = false;
};

}  // namespace whodunit::protocol
