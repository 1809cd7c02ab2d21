// Bytes that come in pieces and in any order, put in place: DTLS's handshake fragments, QUIC's CRYPTO frames.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/memory.h"

namespace whodunit::protocol::tls {

/// A fixed number of bytes of parser's state, counted for as long as this lives.
class Counted {
 public:
  Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() {
    if (memory_ != nullptr) memory_->give_back(base::MemoryUse::kParsers, bytes_);
  }
  /// Once. False where the accountant refuses.
  bool take(base::MemoryAccountant& memory, std::size_t bytes, bool established) {
    if (!memory.take(base::MemoryUse::kParsers, bytes, established)) return false;
    memory_ = &memory;
    bytes_ = bytes;
    return true;
  }

 private:
  base::MemoryAccountant* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Counted by the memory accountant; gives back what it took when it goes. Where pieces overlap, the first one stands.
class Assembly {
 public:
  Assembly() = default;
  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;
  ~Assembly() { clear(); }

  /// False where it is not taken: past `limit` bytes, too many holes, or no memory left.
  bool put(base::MemoryAccountant& memory, std::size_t offset, base::Bytes data, std::size_t limit) {
    if (offset > limit || data.size() > limit - offset) return false;
    const std::size_t end = offset + data.size();
    if (end > bytes_.size()) {
      if (!memory.take(base::MemoryUse::kReassembly, end - bytes_.size())) return false;
      memory_ = &memory;
      bytes_.resize(end);
    }
    if (data.empty()) return true;
    // Copy what no earlier piece covers, then join the ranges.
    std::size_t at = offset;
    std::size_t from = offset, to = end;
    std::vector<Range> joined;
    for (const Range& r : ranges_) {
      if (r.second < offset || r.first > end) {
        joined.push_back(r);
        continue;
      }
      if (at < r.first) copy(data, offset, at, std::min(r.first, end));
      at = std::max(at, r.second);
      from = std::min(from, r.first);
      to = std::max(to, r.second);
    }
    if (at < end) copy(data, offset, at, end);
    joined.emplace_back(from, to);
    std::sort(joined.begin(), joined.end());
    ranges_ = std::move(joined);
    return ranges_.size() <= kMaxRanges;
  }
  /// What is there from the beginning, without a hole.
  base::Bytes whole() const {
    if (ranges_.empty() || ranges_[0].first != 0) return {};
    return base::Bytes(bytes_).subspan(0, ranges_[0].second);
  }
  void clear() {
    if (memory_ != nullptr) memory_->give_back(base::MemoryUse::kReassembly, bytes_.size());
    memory_ = nullptr;
    bytes_ = {};
    ranges_ = {};
  }

 private:
  using Range = std::pair<std::size_t, std::size_t>;  // [from, to), ordered, apart
  static constexpr std::size_t kMaxRanges = 64;
  void copy(base::Bytes data, std::size_t offset, std::size_t from, std::size_t to) {
    std::copy(data.begin() + static_cast<std::ptrdiff_t>(from - offset),
              data.begin() + static_cast<std::ptrdiff_t>(to - offset),
              bytes_.begin() + static_cast<std::ptrdiff_t>(from));
  }
  std::vector<std::uint8_t> bytes_;
  std::vector<Range> ranges_;
  base::MemoryAccountant* memory_ = nullptr;
};

}  // namespace whodunit::protocol::tls
