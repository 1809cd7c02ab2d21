#include "packet/checksum.h"

#include <cstring>

namespace whodunit::packet {
namespace {

typedef std::uint32_t Lanes4 __attribute__((vector_size(16)));
typedef std::uint32_t Lanes8 __attribute__((vector_size(32)));

/// The words of `rounds` times two vectors of lanes, the two words of each lane apart.
template <class Lanes>
[[gnu::always_inline]] inline std::uint64_t add_lanes(const std::uint8_t* p, std::size_t rounds) {
  constexpr std::size_t kBytes = sizeof(Lanes);
  std::uint64_t sum = 0;
  while (rounds > 0) {
    Lanes low{}, high{}, low2{}, high2{};
    std::size_t now = rounds < 65536 ? rounds : 65536;  // a lane takes so many words before it overflows
    rounds -= now;
    for (; now > 0; --now, p += 2 * kBytes) {
      Lanes one, two;
      std::memcpy(&one, p, kBytes);
      std::memcpy(&two, p + kBytes, kBytes);
      low += one & 0xffff;
      high += one >> 16;
      low2 += two & 0xffff;
      high2 += two >> 16;
    }
    for (std::size_t i = 0; i < kBytes / 4; ++i) sum += std::uint64_t{low[i]} + high[i] + low2[i] + high2[i];
  }
  return sum;
}

#ifdef __x86_64__
[[gnu::target("avx2")]] std::uint64_t add_wide(const std::uint8_t* p, std::size_t rounds) {
  return add_lanes<Lanes8>(p, rounds);
}
bool has_wide() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}
#endif

}  // namespace

std::uint64_t add_words(base::Bytes data, std::uint64_t sum) {
  const std::uint8_t* p = data.data();
  std::size_t left = data.size();
  std::uint64_t a = 0;
#ifdef __x86_64__
  if (left >= 256 && has_wide()) {
    const std::size_t rounds = left / 64;
    a += add_wide(p, rounds);
    p += rounds * 64;
    left -= rounds * 64;
  }
#endif
  if (const std::size_t rounds = left / 32; rounds > 0) {
    a += add_lanes<Lanes4>(p, rounds);
    p += rounds * 32;
    left -= rounds * 32;
  }
  for (; left >= 4; left -= 4, p += 4) {
    std::uint32_t w;
    std::memcpy(&w, p, 4);
    a += w;
  }
  if (left >= 2) {
    std::uint16_t w;
    std::memcpy(&w, p, 2);
    a += w;
    p += 2;
    left -= 2;
  }
  if (left == 1) {
    std::uint16_t w = 0;
    std::memcpy(&w, p, 1);
    a += w;
  }
  return sum + a;
}

}  // namespace whodunit::packet
