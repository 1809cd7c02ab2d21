// RDP streams.
#include "protocol_fuzz.h"

#include "protocol/rdp/rdp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::rdp::kDefinition, {data, size}, 3389);
  return 0;
}
