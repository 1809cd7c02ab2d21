// ICMP and ICMPv6 datagrams: each begins with its type and code.
#include "protocol_fuzz.h"

#include "protocol/icmp/icmp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::icmp::kDefinition, {data, size}, 0, whodunit::packet::kIcmp);
  whodunit::fuzz::datagrams(whodunit::protocol::icmp::kDefinition, {data, size}, 0, whodunit::packet::kIcmp6);
  return 0;
}
