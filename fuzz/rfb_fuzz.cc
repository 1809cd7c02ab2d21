// RFB streams.
#include "protocol_fuzz.h"

#include "protocol/rfb/rfb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::rfb::kDefinition, {data, size}, 5900);
  return 0;
}
