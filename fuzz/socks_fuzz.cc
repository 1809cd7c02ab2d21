// SOCKS streams.
#include "protocol_fuzz.h"

#include "protocol/socks/socks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::socks::kDefinition, {data, size}, 1080);
  return 0;
}
