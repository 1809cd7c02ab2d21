// Shells in the clear.
#include "protocol_fuzz.h"

#include "protocol/shell/shell.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::shell::kDefinition, {data, size}, 4444);
  return 0;
}
