// Community ID v1: one id per flow that different tools agree on (https://github.com/corelight/community-id-spec).
#pragma once

#include <cstdint>
#include <string>

#include "base/address.h"

namespace whodunit::connection {

/// "1:" and the base64 of SHA-1 over seed 0, the ordered endpoints and the protocol. Ports only for TCP, UDP, SCTP and
/// ICMP; for ICMP give type and code (its counterpart type is found here).
std::string community_id(std::uint8_t protocol, const base::Address& source, const base::Address& destination,
                         std::uint16_t source_port, std::uint16_t destination_port);

}  // namespace whodunit::connection
