// DNS messages, as datagrams and as a stream in pieces.
#include "protocol_fuzz.h"

#include "protocol/dns/dns.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::dns::kOverUdp, {data, size}, size != 0 && data[0] % 2 ? 53 : 137);
  whodunit::fuzz::stream(whodunit::protocol::dns::kOverTcp, {data, size}, 53);
  return 0;
}
