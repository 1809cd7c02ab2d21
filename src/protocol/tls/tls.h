// TLS and SSL over TCP (`ssl`), and DTLS over UDP (`dtls`): RFC 8446, 5246, 4346, 2246, 6101,
// draft-hickman-netscape-ssl-00; RFC 9147, 6347, 4347.
#pragma once

#include "protocol/parser.h"

namespace whodunit::protocol::tls {

extern const Definition kSsl;
extern const Definition kDtls;

}  // namespace whodunit::protocol::tls
