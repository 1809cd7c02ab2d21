// HTTP/2 in clear (RFC 9113): known beforehand (3.3) or agreed on by HTTP/1's Upgrade, as gRPC, proxies' back ends and
// decrypted captures have it. Its streams give rows of `http`, as HTTP/1 does.
#pragma once

#include "protocol/parser.h"

namespace whodunit::protocol::http2 {

extern const Definition kDefinition;

}  // namespace whodunit::protocol::http2
