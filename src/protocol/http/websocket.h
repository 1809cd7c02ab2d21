// WebSocket (RFC 6455): the handshake's row, which HTTP makes, and the frames that follow.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::http {

// clang-format off
#define WHODUNIT_WEBSOCKET_FIELDS(FIELD)                                                                              \
  FIELD(1, record::Text, host, "host", "Host of the handshake's request.")                                            \
  FIELD(1, record::Text, uri, "uri", "Its target.")                                                                   \
  FIELD(1, record::Text, user_agent, "user_agent", "Its User-Agent.")                                                 \
  FIELD(1, record::Text, subprotocol, "subprotocol", "Sec-WebSocket-Protocol that the server chose.")                 \
  FIELD(1, record::Texts, client_protocols, "client_protocols", "Those that the client offered; bearer tokens left out.") \
  FIELD(1, record::Texts, server_extensions, "server_extensions", "Sec-WebSocket-Extensions of the server.")          \
  FIELD(1, record::Texts, client_extensions, "client_extensions", "Those that the client offered.")
// clang-format on
WHODUNIT_RECORD(Websocket, "websocket", 1, "One WebSocket that was opened.", WHODUNIT_WEBSOCKET_FIELDS)

/// Reads frames; HTTP hands over to it.
extern const Definition kWebsocket;

}  // namespace whodunit::protocol::http
