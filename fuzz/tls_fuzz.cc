// TLS streams in pieces, and DTLS datagrams.
#include "protocol_fuzz.h"

#include "protocol/tls/tls.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::tls::kSsl, {data, size}, 443);
  whodunit::fuzz::datagrams(whodunit::protocol::tls::kDtls, {data, size}, 443);
  return 0;
}
