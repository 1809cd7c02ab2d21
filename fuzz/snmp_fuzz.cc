// SNMP datagrams.
#include "protocol_fuzz.h"

#include "protocol/snmp/snmp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::snmp::kDefinition, {data, size}, 161);
  return 0;
}
