// The pcapng reader: as given, and behind a good section header and an interface.
#include "capture_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::compare({data, size});
  static constexpr std::uint8_t kStart[48] = {0x0a, 0x0d, 0x0d, 0x0a, 28,   0,    0,    0,    0x4d, 0x3c, 0x2b, 0x1a,
                                              1,    0,    0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                              28,   0,    0,    0,    1,    0,    0,    0,    20,   0,    0,    0,
                                              1,    0,    0,    0,    0,    0,    4,    0,    20,   0,    0,    0};
  std::vector<std::uint8_t> whole(kStart, kStart + sizeof kStart);
  whole.insert(whole.end(), data, data + size);
  whodunit::fuzz::compare(whole);
  return 0;
}
