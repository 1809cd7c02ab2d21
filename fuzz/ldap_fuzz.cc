// LDAP over UDP and TCP.
#include "protocol_fuzz.h"

#include "protocol/ldap/ldap.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::datagrams(whodunit::protocol::ldap::kOverUdp, {data, size}, 389);
  whodunit::fuzz::stream(whodunit::protocol::ldap::kOverTcp, {data, size}, 389);
  return 0;
}
