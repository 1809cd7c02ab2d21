// FTP's control connection.
#include "protocol_fuzz.h"

#include "protocol/ftp/ftp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::ftp::kControl, {data, size}, 21);
  return 0;
}
