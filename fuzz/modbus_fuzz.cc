// MODBUS streams.
#include "protocol_fuzz.h"

#include "protocol/modbus/modbus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::modbus::kDefinition, {data, size}, 502);
  return 0;
}
