// The pcap reader: as given, and behind a good file header.
#include "capture_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::compare({data, size});
  static constexpr std::uint8_t kHeader[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2,    0,    4, 0, 0, 0, 0, 0,
                                               0,    0,    0,    0,    0xff, 0xff, 0, 0, 1, 0, 0, 0};
  std::vector<std::uint8_t> whole(kHeader, kHeader + sizeof kHeader);
  whole.insert(whole.end(), data, data + size);
  whodunit::fuzz::compare(whole);
  return 0;
}
