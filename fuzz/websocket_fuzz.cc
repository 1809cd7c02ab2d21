// WebSocket frames.
#include "protocol_fuzz.h"

#include "protocol/http/websocket.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::http::kWebsocket, {data, size}, 80);
  return 0;
}
