// Shells in the clear.
#include "protocol_fuzz.h"

#include "protocol/shell/shell.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Not pure: a prompt is what waits at the end of a segment, so that another cut may show or hide one.
  whodunit::fuzz::stream(whodunit::protocol::shell::kDefinition, {data, size}, 4444, false);
  return 0;
}
