// SMTP streams.
#include "protocol_fuzz.h"

#include "protocol/smtp/smtp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::smtp::kDefinition, {data, size}, 25);
  return 0;
}
