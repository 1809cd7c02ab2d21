#include "knowledge/range_map.h"

namespace whodunit::knowledge {

namespace {

struct Wide {
  std::uint64_t high, low;
  bool operator<=(const Wide& o) const { return high != o.high ? high < o.high : low <= o.low; }
};
Wide wide(const base::Address& a) { return {a.high(), a.low()}; }
base::Address narrow(const Wide& w) {
  std::uint8_t raw[16];
  for (int i = 0; i < 8; ++i) {
    raw[i] = static_cast<std::uint8_t>(w.high >> (56 - 8 * i));
    raw[8 + i] = static_cast<std::uint8_t>(w.low >> (56 - 8 * i));
  }
  return base::Address::v6(raw);
}
unsigned trailing_zeros(const Wide& w) {
  if (w.low != 0) return static_cast<unsigned>(__builtin_ctzll(w.low));
  if (w.high != 0) return 64 + static_cast<unsigned>(__builtin_ctzll(w.high));
  return 128;
}
/// w + 2^bits − 1.
Wide block_end(const Wide& w, unsigned bits) {
  Wide out = w;
  if (bits >= 64) {
    out.low = ~std::uint64_t{0};
    if (bits >= 128)
      out.high = ~std::uint64_t{0};
    else if (bits > 64)
      out.high |= (std::uint64_t{1} << (bits - 64)) - 1;
  } else {
    out.low |= (std::uint64_t{1} << bits) - 1;
  }
  return out;
}

}  // namespace

std::vector<base::Network> prefixes_of_range(const base::Address& first, const base::Address& last) {
  std::vector<base::Network> out;
  if (first.is_v4() != last.is_v4() || last < first) return out;
  Wide at = wide(first);
  const Wide end = wide(last);
  const unsigned most = first.is_v4() ? 32 : 128;
  for (;;) {
    unsigned bits = std::min(trailing_zeros(at), most);
    while (bits > 0 && !(block_end(at, bits) <= end)) --bits;
    out.emplace_back(narrow(at), 128 - bits);
    const Wide done = block_end(at, bits);
    if (end <= done) break;
    at = done;
    if (++at.low == 0) ++at.high;
  }
  return out;
}

}  // namespace whodunit::knowledge
