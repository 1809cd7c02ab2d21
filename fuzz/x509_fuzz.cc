// Certificates: parsed, matched with a host, held against themselves.
#include <cstdlib>

#include "protocol/x509/certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using whodunit::protocol::x509::Certificate;
  const auto certificate = Certificate::parse({data, size});
  if (certificate->malformed) return 0;
  (void)certificate->matches_host("www.example.test");
  if (certificate->issued_by(*certificate) != certificate->self_issued) std::abort();
  (void)certificate->signed_by(*certificate);
  return 0;
}
