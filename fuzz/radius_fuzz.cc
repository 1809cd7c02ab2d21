// RADIUS datagrams.
#include "protocol_fuzz.h"

#include "protocol/radius/radius.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::radius::kDefinition, {data, size}, 1812);
  return 0;
}
