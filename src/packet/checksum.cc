#include "packet/checksum.h"

namespace whodunit::packet {

std::uint64_t add_words(base::Bytes data, std::uint64_t sum) {
  const std::uint8_t* p = data.data();
  std::size_t left = data.size();
  // Eight bytes as two halves into sums of 64 bits: no carry is lost below 2^32 additions. Four sums, so that the
  // additions need not wait for one another.
  std::uint64_t a = 0, b = 0, c = 0, d = 0;
  for (; left >= 32; left -= 32, p += 32) {
    std::uint64_t w[4];
    std::memcpy(w, p, 32);
    a += (w[0] & 0xffffffff) + (w[0] >> 32);
    b += (w[1] & 0xffffffff) + (w[1] >> 32);
    c += (w[2] & 0xffffffff) + (w[2] >> 32);
    d += (w[3] & 0xffffffff) + (w[3] >> 32);
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
  return sum + a + b + c + d;
}

}  // namespace whodunit::packet
