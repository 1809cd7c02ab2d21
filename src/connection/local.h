// Which addresses are of the defended network, for conn.local_orig and conn.local_resp.
#pragma once

#include <span>

#include "base/address.h"

namespace whodunit::connection {

/// True for the blocks that are not routed over the Internet (IANA's special-purpose registries for IPv4 and IPv6, RFC
/// 6890; also within 6to4, RFC 3056): what Zeek takes for local where it is told nothing.
bool is_special_purpose(const base::Address& address);

/// In one of `networks`; where there are none, is_special_purpose.
bool is_local(std::span<const base::Network> networks, const base::Address& address);

}  // namespace whodunit::connection
