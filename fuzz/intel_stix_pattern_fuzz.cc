// STIX patterns.
#include <string_view>

#include "knowledge/indicators/stix_pattern.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)whodunit::knowledge::parse_stix_pattern({reinterpret_cast<const char*>(data), size});
  return 0;
}
