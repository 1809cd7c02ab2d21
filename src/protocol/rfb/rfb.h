// RFB (RFC 6143), VNC's protocol: versions, how the login went, the desktop.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::rfb {

using record::Opt;
using record::Text;

#define WHODUNIT_RFB_FIELDS(FIELD)                                                                           \
  FIELD(1, Text, client_major_version, "client_major_version", "The client's version, before the dot.")      \
  FIELD(1, Text, client_minor_version, "client_minor_version", "The client's version, behind the dot.")      \
  FIELD(1, Text, server_major_version, "server_major_version", "The server's version, before the dot.")      \
  FIELD(1, Text, server_minor_version, "server_minor_version", "The server's version, behind the dot.")      \
  FIELD(1, Text, authentication_method, "authentication_method", "How the client logs in (RFC 6143 7.1.2).") \
  FIELD(1, Opt<bool>, auth, "auth", "The login succeeded.")                                                  \
  FIELD(1, Opt<bool>, share_flag, "share_flag", "The client leaves others connected.")                       \
  FIELD(1, Text, desktop_name, "desktop_name", "The desktop's name.")                                        \
  FIELD(1, Opt<std::uint64_t>, width, "width", "The desktop's width, pixels.")                               \
  FIELD(1, Opt<std::uint64_t>, height, "height", "The desktop's height, pixels.")
WHODUNIT_RECORD(Rfb, "rfb", 1, "One RFB (VNC) connection.", WHODUNIT_RFB_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::rfb
