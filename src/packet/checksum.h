// The Internet checksum (RFC 1071).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace whodunit::packet {

/// The one's complement sum of the 16-bit words of `data` in this machine's byte order, not folded, added to `sum`. An
/// odd last byte counts as if a zero followed. Addition in one's complement does not mind the byte order (RFC 1071 2
/// B).
std::uint64_t add_words(base::Bytes data, std::uint64_t sum = 0);

/// The same for an IPv4 header of `size` bytes, a multiple of four.
inline std::uint64_t add_header(const std::uint8_t* p, std::size_t size) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < size; i += 4) sum += base::load_le32(p + i);
  return sum;
}

/// Folded to 16 bits: 0xffff for data with a right checksum in it.
inline std::uint16_t fold(std::uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

}  // namespace whodunit::packet
