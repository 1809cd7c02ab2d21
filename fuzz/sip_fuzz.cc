// SIP datagrams and streams.
#include "protocol_fuzz.h"

#include "protocol/sip/sip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::sip::kDefinition, {data, size}, 5060);
  whodunit::fuzz::stream(whodunit::protocol::sip::kDefinition, {data, size}, 5060);
  return 0;
}
