// DCE/RPC's interfaces and their operations by name, as Microsoft's Open Specifications number them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace whodunit::protocol::dce_rpc {

/// A UUID in the order in which its text is written.
using Uuid = std::array<std::uint8_t, 16>;

/// Reads 16 bytes as they stand on the wire ([C706] appendix A; the first three fields in the sender's byte order).
Uuid read_uuid(base::Bytes sixteen, bool little_endian);
std::string to_text(const Uuid& uuid);

/// "svcctl", "unknown-UUID".
std::string interface_name(const Uuid& uuid);
/// "CreateServiceW", "unknown-12".
std::string operation_name(const Uuid& uuid, std::uint16_t number);
/// The interface at home on a pipe ("\PIPE\svcctl", "svcctl"); false where none is.
bool interface_of_pipe(std::string_view pipe, Uuid& uuid);

}  // namespace whodunit::protocol::dce_rpc
