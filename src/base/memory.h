// The one memory accountant: every table and buffer that grows with traffic is counted here.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace whodunit::base {

/// What memory is for. Lower classes are refused first, so that a flood of new connections cannot take what
/// established ones need.
enum class MemoryUse : std::uint8_t {
  kConnections,  ///< the tables of connections
  kParsers,      ///< parsers' state
  kReassembly,   ///< out-of-order segments and fragments, partial messages
  kFiles,        ///< extraction, decompression
  kRecords,      ///< batches on their way to the store
  kDetectors,    ///< detectors' tables
  kStore,        ///< the store's share (a fixed part, set when it opens)
  kCount,
};

/// Counts bytes against one limit. Thread-safe. `reserve` keeps a part for uses that are established already:
/// `take` of a new thing (`established` false) is refused once only the reserve is left.
class MemoryAccountant {
 public:
  /// `limit` and `reserve` in bytes; limit 0 means none.
  explicit MemoryAccountant(std::size_t limit = 0, std::size_t reserve = 0) : limit_(limit), reserve_(reserve) {}
  MemoryAccountant(const MemoryAccountant&) = delete;
  MemoryAccountant& operator=(const MemoryAccountant&) = delete;

  /// True and counted, or false, counted as refused, and nothing taken.
  bool take(MemoryUse use, std::size_t bytes, bool established = true) {
    const std::size_t now = total_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    if (limit_ != 0 && now > (established ? limit_ : limit_ - reserve_)) {
      total_.fetch_sub(bytes, std::memory_order_relaxed);
      refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    by_use_[static_cast<std::size_t>(use)].fetch_add(bytes, std::memory_order_relaxed);
    std::size_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
    return true;
  }
  void give_back(MemoryUse use, std::size_t bytes) {
    by_use_[static_cast<std::size_t>(use)].fetch_sub(bytes, std::memory_order_relaxed);
    total_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  std::size_t used() const { return total_.load(std::memory_order_relaxed); }
  std::size_t used(MemoryUse use) const {
    return by_use_[static_cast<std::size_t>(use)].load(std::memory_order_relaxed);
  }
  std::size_t peak() const { return peak_.load(std::memory_order_relaxed); }
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  std::size_t limit() const { return limit_; }

 private:
  std::size_t limit_;
  std::size_t reserve_;
  std::atomic<std::size_t> total_{0}, peak_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::size_t> by_use_[static_cast<std::size_t>(MemoryUse::kCount)]{};
};

}  // namespace whodunit::base
