// MQTT streams.
#include "protocol_fuzz.h"

#include "protocol/mqtt/mqtt.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::mqtt::kDefinition, {data, size}, 1883);
  return 0;
}
