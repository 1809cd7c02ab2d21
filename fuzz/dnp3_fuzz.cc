// DNP3 over TCP and UDP.
#include "protocol_fuzz.h"

#include "protocol/dnp3/dnp3.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::dnp3::kOverUdp, {data, size}, 20000);
  whodunit::fuzz::stream(whodunit::protocol::dnp3::kOverTcp, {data, size}, 20000);
  return 0;
}
