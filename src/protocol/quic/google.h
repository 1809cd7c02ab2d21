// Google's QUIC before the IETF's (Q024 to Q050): its first packets carry a hello of tags, in the clear up to Q046.
// "QUIC Wire Layout Specification" (Hamilton, Iyengar, Swett, Wilk; Google, 2016) and "QUIC Crypto" (Langley, Chang).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace whodunit::protocol::quic {

using base::Bytes;

/// "Q0" and two digits.
inline bool is_google(std::uint32_t version) {
  const auto digit = [](std::uint32_t c) { return c >= '0' && c <= '9'; };
  return version >> 16 == 0x5130 && digit(version >> 8 & 0xff) && digit(version & 0xff);
}
/// Its last version protects its Initial packets as the IETF's drafts do.
inline constexpr std::uint32_t kQ050 = 0x51303530;

/// What a client's first packet holds. Views into the packet.
struct GooglePacket {
  std::uint32_t version = 0;
  Bytes destination;  ///< connection ids
  Bytes source;
  Bytes stream;  ///< the crypto stream's first bytes; empty where there are none
};

/// Reads a client's packet that states its version (Q024 to Q046). False where it is none.
bool read_google(Bytes packet, GooglePacket& out);

struct GoogleHello {
  std::string_view server_name;  ///< tag SNI
  std::string_view user_agent;   ///< tag UAID
};

/// Reads a client hello of tags ("CHLO"). False where it is none; tags whose values were cut off are left out.
bool read_client_tags(Bytes message, GoogleHello& out);

}  // namespace whodunit::protocol::quic
