// QUIC over UDP: RFC 9000, 9001, 9369, and drafts 22 to 34. Initial packets are opened; what follows is only counted.
#pragma once

#include "protocol/parser.h"

namespace whodunit::protocol::quic {

extern const Definition kQuic;

}  // namespace whodunit::protocol::quic
