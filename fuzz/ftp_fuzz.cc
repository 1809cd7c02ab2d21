// FTP's control and data connections.
#include "protocol_fuzz.h"

#include "protocol/ftp/ftp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::ftp::kControl, {data, size}, 21);
  whodunit::fuzz::stream(whodunit::protocol::ftp::kData, {data, size}, 20);
  return 0;
}
