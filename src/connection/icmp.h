// ICMP's pairs of request and reply.
#pragma once

#include <cstdint>

namespace whodunit::connection {

/// The type that answers `type` (or that it answers); -1 where it stands alone. As Zeek and Community ID have them.
int icmp_counterpart(std::uint8_t protocol, std::uint8_t type);

}  // namespace whodunit::connection
