// NTP datagrams.
#include "protocol_fuzz.h"

#include "protocol/ntp/ntp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::ntp::kDefinition, {data, size}, 123);
  return 0;
}
