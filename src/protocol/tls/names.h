// Names of TLS's numbers: versions, cipher suites, groups, alerts; spelled as Zeek's ssl log spells them.
#pragma once

#include <cstdint>
#include <string>

namespace whodunit::protocol::tls {

struct CipherName {
  std::uint16_t number;
  const char* name;
};
/// Sorted by number (ciphers.cc).
extern const CipherName kCipherNames[];
extern const std::size_t kCipherCount;

// Versions on the wire.
inline constexpr std::uint16_t kSsl2 = 0x0002;
inline constexpr std::uint16_t kSsl3 = 0x0300;
inline constexpr std::uint16_t kTls10 = 0x0301;
inline constexpr std::uint16_t kTls11 = 0x0302;
inline constexpr std::uint16_t kTls12 = 0x0303;
inline constexpr std::uint16_t kTls13 = 0x0304;
inline constexpr std::uint16_t kDtls10 = 0xfeff;
inline constexpr std::uint16_t kDtls12 = 0xfefd;
inline constexpr std::uint16_t kDtls13 = 0xfefc;

/// A draft of TLS 1.3: 0x7f00 | draft (draft-ietf-tls-tls13-18 4.2.1).
inline bool is_tls13_draft(std::uint16_t version) { return version >> 8 == 0x7f; }
/// TLS 1.3, its drafts, or DTLS 1.3.
inline bool is_13(std::uint16_t version) { return version == kTls13 || version == kDtls13 || is_tls13_draft(version); }
/// RFC 8701: 0x0a0a, 0x1a1a, … 0xfafa.
inline bool is_grease(std::uint16_t v) { return (v & 0x0f0f) == 0x0a0a && (v >> 8) == (v & 0xff); }

/// "TLSv12", "TLSv13-draft23", "DTLSv12", "unknown-1234".
std::string version_name(std::uint16_t version);
/// "TLS_AES_128_GCM_SHA256"; three-byte numbers are SSLv2's ("SSLv20_CK_RC4_128_WITH_MD5"); "unknown-1234".
std::string cipher_name(std::uint32_t cipher);
/// "secp256r1", "x25519", "X25519MLKEM768", "ffdhe2048", "grease_0x0A0A", "unknown-1234".
std::string group_name(std::uint16_t group);
/// "handshake_failure", "unknown-123".
std::string alert_name(std::uint16_t description);

}  // namespace whodunit::protocol::tls
