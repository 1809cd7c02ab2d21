// Anomalies told once: a flood of malformed packets must not become a flood of rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <unordered_map>

#include "base/hash.h"
#include "packet/events.h"
#include "packet/table_seed.h"

namespace whodunit::packet {

/// Passes on events; an anomaly of the same name between the same addresses only once in ten minutes of packet time.
/// (Of a clock that only goes forward: where packets' times leap back, those ten minutes are not over.)
class ToldOnce final : public Events {
 public:
  /// Events go to `target` until the next call.
  Events& to(Events& target) {
    target_ = &target;
    return *this;
  }

  void weird(std::string_view name, std::string_view detail, std::string_view source, const Origin& origin,
             const record::Endpoints* ends) override {
    ++weirds_;
    std::uint64_t key = base::fast_hash(name, table_seed());
    if (ends != nullptr) {
      std::uint8_t bytes[36];
      std::memcpy(bytes, ends->orig_h.bytes().data(), 16);
      std::memcpy(bytes + 16, ends->resp_h.bytes().data(), 16);
      std::memcpy(bytes + 32, &ends->orig_p.value, 2);
      std::memcpy(bytes + 34, &ends->resp_p.value, 2);
      key = base::fast_hash(base::Bytes(bytes, sizeof bytes), key);
    }
    if (told_.size() >= kMost) told_.clear();  // bounded; what is told again then is told too often, never too seldom
    clock_ = std::max(clock_, origin.time);
    const auto [entry, fresh] = told_.try_emplace(key, clock_);
    if (!fresh) {
      if (clock_ - entry->second < kAgain) return;
      entry->second = clock_;
    }
    target_->weird(name, detail, source, origin, ends);
  }
  void tunnel(const TunnelEvent& event) override { target_->tunnel(event); }
  void arp(const Arp& message, const Origin& origin) override { target_->arp(message, origin); }

  /// All, told or not.
  std::uint64_t weirds() const { return weirds_; }

 private:
  static constexpr std::size_t kMost = 16384;
  static constexpr base::Duration kAgain = base::seconds(600);
  Events* target_ = nullptr;
  std::uint64_t weirds_ = 0;
  base::Time clock_;
  std::unordered_map<std::uint64_t, base::Time> told_;
};

}  // namespace whodunit::packet
