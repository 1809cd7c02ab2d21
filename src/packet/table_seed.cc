#include "packet/table_seed.h"

#include <random>

namespace whodunit::packet {

std::uint64_t table_seed() {
  static const std::uint64_t seed = [] {
    std::random_device device;
    return static_cast<std::uint64_t>(device()) << 32 | device();
  }();
  return seed;
}

}  // namespace whodunit::packet
