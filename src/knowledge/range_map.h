// From addresses to the prefixes that hold them, innermost first. One binary search over segments.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/address.h"

namespace whodunit::knowledge {

/// Prefixes are nested or apart, never crossing; so each has at most one next outer one, and the innermost at an
/// address leads to all others. Built once, then immutable and safe from any thread.
class RangeMap {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::size_t kFew = 1024;

  struct Prefix {
    base::Network network;
    std::uint32_t value = kNone;   ///< what the owner stored; values of equal prefixes are chained by the owner
    std::uint32_t parent = kNone;  ///< the next outer prefix
  };

  /// Before `build`. The same network may be added once only: `find_or_add` tells.
  void add(const base::Network& network, std::uint32_t value) { prefixes_.push_back({network, value, kNone}); }

  /// Sorts and links. Of equal networks, `merge(kept, other)` gives the value to keep.
  template <class Merge>
  void build(Merge merge) {
    std::stable_sort(prefixes_.begin(), prefixes_.end(), [](const Prefix& a, const Prefix& b) {
      if (a.network.address() != b.network.address()) return a.network.address() < b.network.address();
      return a.network.bits128() < b.network.bits128();
    });
    std::vector<Prefix> kept;
    kept.reserve(prefixes_.size());
    for (const Prefix& p : prefixes_) {
      if (!kept.empty() && kept.back().network == p.network) {
        kept.back().value = merge(kept.back().value, p.value);
      } else {
        kept.push_back(p);
      }
    }
    prefixes_ = std::move(kept);
    prefixes_.shrink_to_fit();
    starts_.clear();
    inner_.clear();
    std::vector<std::uint32_t> open;  // nested prefixes, outermost first
    const auto close_until = [&](const base::Address* next) {
      while (!open.empty() && (next == nullptr || !prefixes_[open.back()].network.contains(*next))) {
        const std::uint32_t closing = open.back();
        open.pop_back();
        base::Address after = last_of(prefixes_[closing].network);
        if (!increment(after)) return;
        segment(after, open.empty() ? kNone : open.back());
      }
    };
    for (std::uint32_t i = 0; i < prefixes_.size(); ++i) {
      const base::Address& first = prefixes_[i].network.address();
      close_until(&first);
      prefixes_[i].parent = open.empty() ? kNone : open.back();
      segment(first, i);
      open.push_back(i);
    }
    close_until(nullptr);
    starts_.shrink_to_fit();
    inner_.shrink_to_fit();
    // IPv4 addresses lie together in the order: a table by their first 16 bits narrows the search to a few segments.
    // Not worth its 256 KiB where there are few.
    v4_index_.assign(starts_.size() < kFew ? 0 : 65537, 0);
    if (!v4_index_.empty()) {
      std::size_t at = 0;
      for (std::uint32_t high = 0; high < 65536; ++high) {
        const base::Address first = base::Address::v4(high << 16);
        while (at < starts_.size() && starts_[at] < first) ++at;
        v4_index_[high] = static_cast<std::uint32_t>(at);
      }
      const base::Address last = base::Address::v4(0xffffffffU);
      while (at < starts_.size() && starts_[at] <= last) ++at;
      v4_index_[65536] = static_cast<std::uint32_t>(at);
    }
  }

  /// The innermost prefix that holds `address`, or null; go on with `parent_of`.
  const Prefix* find(const base::Address& address) const {
    if (starts_.empty()) return nullptr;
    auto first = starts_.begin(), last = starts_.end();
    if (address.is_v4() && !v4_index_.empty()) {
      const std::uint32_t high = address.v4_value() >> 16;
      first = starts_.begin() + v4_index_[high];
      last = starts_.begin() + v4_index_[high + 1];
    }
    const auto at = std::upper_bound(first, last, address);
    if (at == starts_.begin()) return nullptr;
    const std::uint32_t inner = inner_[static_cast<std::size_t>(at - starts_.begin()) - 1];
    return inner == kNone ? nullptr : &prefixes_[inner];
  }
  const Prefix* parent_of(const Prefix& prefix) const {
    return prefix.parent == kNone ? nullptr : &prefixes_[prefix.parent];
  }

  const std::vector<Prefix>& prefixes() const { return prefixes_; }
  std::size_t size() const { return prefixes_.size(); }
  std::size_t memory() const {
    return prefixes_.capacity() * sizeof(Prefix) + starts_.capacity() * sizeof(base::Address) + inner_.capacity() * 4 +
           v4_index_.capacity() * 4;
  }

 private:
  static base::Address last_of(const base::Network& network) {
    std::array<std::uint8_t, 16> raw = network.address().bytes();
    for (unsigned i = 0; i < 16; ++i) {
      const unsigned keep = network.bits128() >= 8 * (i + 1) ? 8
                            : network.bits128() > 8 * i      ? network.bits128() - 8 * i
                                                             : 0;
      raw[i] = static_cast<std::uint8_t>(raw[i] | (0xffU >> keep));
    }
    return base::Address::v6(raw.data());
  }
  /// False where there is none after it.
  static bool increment(base::Address& address) {
    std::array<std::uint8_t, 16> raw = address.bytes();
    for (int i = 15; i >= 0; --i) {
      if (++raw[static_cast<std::size_t>(i)] != 0) {
        address = base::Address::v6(raw.data());
        return true;
      }
    }
    return false;
  }
  void segment(const base::Address& start, std::uint32_t inner) {
    if (!starts_.empty() && starts_.back() == start) {
      inner_.back() = inner;
      return;
    }
    starts_.push_back(start);
    inner_.push_back(inner);
  }

  std::vector<Prefix> prefixes_;
  std::vector<base::Address> starts_;  // of segments, ascending
  std::vector<std::uint32_t> inner_;   // innermost prefix per segment, kNone in gaps
  std::vector<std::uint32_t> v4_index_;
};

/// The prefixes that make up `first`–`last` (both included, one family); nothing where last is before first.
std::vector<base::Network> prefixes_of_range(const base::Address& first, const base::Address& last);

}  // namespace whodunit::knowledge
