// quic: Zeek's log of that name, and what we tell beyond it.
#pragma once

#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::quic {

using record::Text;

#define WHODUNIT_QUIC_FIELDS(FIELD)                                                                                  \
  FIELD(1, Text, version, "version", "Version of the first long header: 1, quicv2, draft-29, … (RFC 9000 15).")      \
  FIELD(1, Text, client_initial_dcid, "client_initial_dcid", "Connection id that the client addressed first, hex.")  \
  FIELD(1, Text, client_scid, "client_scid", "The client's own connection id, hex.")                                 \
  FIELD(1, Text, server_scid, "server_scid", "The server's own connection id, hex.")                                 \
  FIELD(1, Text, server_name, "server_name", "Host name that the client asked for (RFC 6066 3).")                    \
  FIELD(1, Text, client_protocol, "client_protocol", "The first application protocol that the client offered.")      \
  FIELD(1, Text, history, "history",                                                                                 \
        "Packets in order, upper case from the client: I initial, H handshake, Z 0-RTT, R retry, C close, S hello, " \
        "U unknown version, X discarded, O short headers at 1, 2, 4, 8, ….")                                         \
  FIELD(1, Text, ja4, "ja4", "JA4 of the ClientHello.")                                                              \
  FIELD(1, Text, user_agent, "user_agent", "The client's name for itself (Google's versions with tags: UAID).")
WHODUNIT_RECORD(Quic, "quic", 1, "One QUIC connection.", WHODUNIT_QUIC_FIELDS)

}  // namespace whodunit::protocol::quic
