// DNP3 over TCP and UDP.
#include "protocol_fuzz.h"

#include "protocol/dnp3/dnp3.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  if ((data[0] & 1) != 0)
    whodunit::fuzz::datagrams(whodunit::protocol::dnp3::kOverUdp, {data + 1, size - 1}, 20000);
  else
    whodunit::fuzz::stream(whodunit::protocol::dnp3::kOverTcp, {data + 1, size - 1}, 20000);
  return 0;
}
