// RDP ([MS-RDPBCGR]): the account in the cookie, which protection is agreed on, and, where it is none of TLS, what the
// client says of itself: its keyboard layout tells of language.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::rdp {

using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_RDP_FIELDS(FIELD)                                                                                   \
  FIELD(1, Text, cookie, "cookie", "The account, cut to nine letters by many clients ([MS-RDPBCGR] 2.2.1.1).")       \
  FIELD(1, Text, result, "result", "encrypted, Success, or the reason of a refusal.")                                \
  FIELD(1, Text, security_protocol, "security_protocol", "RDP, SSL, HYBRID or HYBRID_EX (2.2.1.2.1).")               \
  FIELD(1, Texts, client_channels, "client_channels", "Virtual channels that the client asks for.")                  \
  FIELD(1, Text, keyboard_layout, "keyboard_layout", "The client's keyboard layout (2.2.1.3.2).")                    \
  FIELD(1, Text, client_build, "client_build", "The client's version.")                                              \
  FIELD(1, Text, client_name, "client_name", "The client's name.")                                                   \
  FIELD(1, Text, client_dig_product_id, "client_dig_product_id", "The client's product id.")                         \
  FIELD(1, Opt<std::uint64_t>, desktop_width, "desktop_width", "Width asked for, pixels.")                           \
  FIELD(1, Opt<std::uint64_t>, desktop_height, "desktop_height", "Height asked for, pixels.")                        \
  FIELD(1, Text, requested_color_depth, "requested_color_depth", "Colour depth asked for.")                          \
  FIELD(1, Opt<std::uint64_t>, keyboard_layout_id, "keyboard_layout_id", "The layout's number.")                     \
  FIELD(2, Text, encryption_level, "encryption_level",                                                               \
        "Where it is not TLS: None, Low, Client compatible, High or FIPS (2.2.1.4.3).")                              \
  FIELD(2, Text, encryption_method, "encryption_method", "Where it is not TLS: None, 40bit, 56bit, 128bit or FIPS.") \
  FIELD(2, Opt<std::uint64_t>, cert_count, "cert_count", "Certificates that the server sent outside of TLS.")        \
  FIELD(2, Text, cert_type, "cert_type", "RSA (proprietary) or X.509.")                                              \
  FIELD(2, Opt<bool>, cert_permanent, "cert_permanent", "It is no temporary one.")
WHODUNIT_RECORD(Rdp, "rdp", 2, "One RDP connection.", WHODUNIT_RDP_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::rdp
