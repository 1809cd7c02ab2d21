// DCE/RPC over TCP.
#include "protocol_fuzz.h"

#include "protocol/dce_rpc/dce_rpc.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::dce_rpc::kDefinition, {data, size}, 135);
  return 0;
}
