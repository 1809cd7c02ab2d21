// The values that records are made of.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/hash.h"
#include "base/time.h"

namespace whodunit::record {

/// The id of a connection: a hash of the five-tuple, the tunnel it lies in, its first packet's time and an ordinal for
/// ties: the same in any run. Written "C" and eleven characters of base 62.
struct Uid {
  std::uint64_t value = 0;
  auto operator<=>(const Uid&) const = default;
  explicit operator bool() const { return value != 0; }
  std::string to_string(char prefix = 'C') const { return prefix + base::to_base62(value); }
  /// 0 where the text is no uid.
  static Uid parse(std::string_view text) { return {text.size() == 12 ? base::from_base62(text.substr(1)) : 0}; }
};

/// The id of a file that crossed the wire: written "F" and eleven characters.
struct Fuid {
  std::uint64_t value = 0;
  auto operator<=>(const Fuid&) const = default;
  explicit operator bool() const { return value != 0; }
  std::string to_string() const { return Uid{value}.to_string('F'); }
};

/// A transport port, in host order.
struct Port {
  std::uint16_t value = 0;
  auto operator<=>(const Port&) const = default;
};

/// Where a thing stands: from packet `first` of capture `capture_first` to packet `last` of capture `capture_last`.
/// Captures are counted from 0 in the order of the run (the table `captures` of a case gives their names and digests);
/// packets from 1, as Wireshark's frame.number counts them in that file. For things that came in as logs, "capture" is
/// the file and "packet" the line.
struct Place {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint32_t capture_first = 0;
  std::uint32_t capture_last = 0;
  auto operator<=>(const Place&) const = default;
};

/// Makes `p` reach over `q` too.
inline void extend(Place& p, const Place& q) {
  if (q.first == 0) return;
  if (p.first == 0) {
    p = q;
    return;
  }
  if (q.capture_first < p.capture_first || (q.capture_first == p.capture_first && q.first < p.first)) {
    p.capture_first = q.capture_first;
    p.first = q.first;
  }
  if (q.capture_last > p.capture_last || (q.capture_last == p.capture_last && q.last > p.last)) {
    p.capture_last = q.capture_last;
    p.last = q.last;
  }
}

/// The two ends of a connection, in Zeek's words: the originator sent the first packet.
struct Endpoints {
  base::Address orig_h;
  base::Address resp_h;
  Port orig_p;
  Port resp_p;
  auto operator<=>(const Endpoints&) const = default;
};

/// What every record begins with.
struct Head {
  base::Time ts;
  Uid uid;  ///< 0 where the record is about no connection
  Endpoints id;
  Place place;
};

/// False where `id` says nothing: the record is about no connection.
inline bool is_about_endpoints(const Head& head) { return static_cast<bool>(head.uid) || head.id != Endpoints{}; }

// Optional fields: `std::optional`, but for text and lists, where a null data() says unset.
template <class T>
using Opt = std::optional<T>;
using Text = std::string_view;
using Texts = std::span<const std::string_view>;
using Durations = std::span<const base::Duration>;
using Counts = std::span<const std::uint64_t>;

}  // namespace whodunit::record
