// ONC RPC over UDP and TCP.
#include "protocol_fuzz.h"

#include "protocol/sunrpc/sunrpc.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::sunrpc::kOverUdp, {data, size}, 111);
  whodunit::fuzz::stream(whodunit::protocol::sunrpc::kOverTcp, {data, size}, 111);
  return 0;
}
