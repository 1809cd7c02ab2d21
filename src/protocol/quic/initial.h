// The protection of QUIC's Initial packets, whose keys follow from what is on the wire: RFC 9001 5, RFC 9369 3.3.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace whodunit::protocol::quic {

using base::Bytes;

inline constexpr std::size_t kMaxConnectionId = 20;  // RFC 9000 17.2

/// "1", "quicv2", "draft-29", "mvfst-faceb002", "unknown-1a2a3a4a".
std::string version_name(std::uint32_t version);
/// Initial packets of this version can be opened.
bool is_known(std::uint32_t version);
/// A version that asks for a negotiation (RFC 9000 15): its packets look like those of a version that the client knows.
inline bool is_reserved(std::uint32_t version) { return (version & 0x0f0f0f0f) == 0x0a0a0a0a; }
/// Google's last versions (T05x with TLS, Q050 with tags): their CRYPTO frame has another number.
inline bool has_google_frames(std::uint32_t version) { return version >> 16 == 0x5430 || version == 0x51303530; }
/// Packet types are numbered as RFC 9369 3.2 does.
bool is_version_2(std::uint32_t version);

/// Keys of both sides' Initial packets.
class InitialKeys {
 public:
  /// From the connection id that the client addressed first. `version` must be known.
  InitialKeys(std::uint32_t version, Bytes connection_id);

  /// Opens a packet: `packet` from its first byte to the end of its payload, `number_offset` where its packet number
  /// begins. The plaintext, or nothing where it does not authenticate.
  std::optional<std::vector<std::uint8_t>> open(Bytes packet, std::size_t number_offset, bool from_client) const;

 private:
  struct Side {
    std::array<std::uint8_t, 16> key, header_key;
    std::array<std::uint8_t, 12> iv;
  };
  Side sides_[2];  // the client's, the server's
};

}  // namespace whodunit::protocol::quic
