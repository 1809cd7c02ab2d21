// ICMP datagrams.
#include "protocol_fuzz.h"

#include "protocol/icmp/icmp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::icmp::kDefinition, {data, size}, 0,
                            size != 0 && data[0] % 2 ? whodunit::packet::kIcmp : whodunit::packet::kIcmp6);
  return 0;
}
