// SMB of all versions with what lies in it: DCE/RPC, SPNEGO, NTLM, Kerberos tickets.
#include "protocol_fuzz.h"

#include "protocol/smb/smb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::smb::kDefinition, {data, size}, 445);
  return 0;
}
