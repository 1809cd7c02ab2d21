// DHCP datagrams.
#include "protocol_fuzz.h"

#include "protocol/dhcp/dhcp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::dhcp::kDefinition, {data, size}, 67);
  return 0;
}
