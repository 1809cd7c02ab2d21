#include "packet/checksum.h"

namespace whodunit::packet {

std::uint64_t add_words(base::Bytes data, std::uint64_t sum) {
  const std::uint8_t* p = data.data();
  std::size_t left = data.size();
  std::uint64_t a = 0;
  if (left >= 32) {
    // Sixteen bytes at a time, the two words of each lane apart: a lane takes 65536 of them before it overflows.
    typedef std::uint32_t Lanes __attribute__((vector_size(16)));
    while (left >= 32) {
      Lanes low{}, high{}, low2{}, high2{};
      std::size_t rounds = left / 32;
      if (rounds > 65536) rounds = 65536;
      left -= rounds * 32;
      for (; rounds > 0; --rounds, p += 32) {
        Lanes one, two;
        std::memcpy(&one, p, 16);
        std::memcpy(&two, p + 16, 16);
        low += one & 0xffff;
        high += one >> 16;
        low2 += two & 0xffff;
        high2 += two >> 16;
      }
      for (int i = 0; i < 4; ++i) a += std::uint64_t{low[i]} + high[i] + low2[i] + high2[i];
    }
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
