// Syslog datagrams.
#include "protocol_fuzz.h"

#include "protocol/syslog/syslog.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::syslog::kDefinition, {data, size}, 514);
  return 0;
}
