// SSH streams. How bytes are cut into segments matters to what is inferred, but not to how many rows there are.
#include "protocol_fuzz.h"

#include "protocol/ssh/ssh.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::ssh::kDefinition, {data, size}, 22, false);
  return 0;
}
