// Kerberos over UDP and TCP.
#include "protocol_fuzz.h"

#include "protocol/krb/krb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::krb::kOverUdp, {data, size}, 88);
  whodunit::fuzz::stream(whodunit::protocol::krb::kOverTcp, {data, size}, 88);
  return 0;
}
