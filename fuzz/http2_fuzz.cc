// HTTP/2 conversations in pieces, and header blocks by themselves.
#include <string>
#include <vector>

#include "protocol/http2/hpack.h"
#include "protocol/http2/http2.h"
#include "protocol_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whodunit;
  const base::Bytes input(data, size);
  fuzz::stream(protocol::http2::kDefinition, input, 80);

  protocol::http2::Hpack hpack;
  std::vector<protocol::http2::Field> fields;
  (void)hpack.decode(base::slice(input, 0, size / 2), fields);
  (void)hpack.decode(base::slice(input, size / 2), fields);
  if (hpack.size() > protocol::http2::Hpack::kMostTable) __builtin_trap();
  std::string text;
  (void)protocol::http2::huffman(input, 4096, text);
  if (text.size() > 4096) __builtin_trap();
  return 0;
}
