// IRC streams.
#include "protocol_fuzz.h"

#include "protocol/irc/irc.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::irc::kDefinition, {data, size}, 6666);
  return 0;
}
