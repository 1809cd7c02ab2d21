// ClientHello and ServerHello: pure functions from a message's bytes to structs. TLS, DTLS and QUIC share them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace whodunit::protocol::tls {

using base::Bytes;

/// Numbers of IANA's "TLS ExtensionType Values" that are read here.
enum ExtensionType : std::uint16_t {
  kServerName = 0,                // RFC 6066 3
  kSupportedGroups = 10,          // RFC 8422 5.1.1
  kPointFormats = 11,             // RFC 8422 5.1.2
  kSignatureAlgorithms = 13,      // RFC 8446 4.2.3
  kAlpn = 16,                     // RFC 7301 3.1
  kSessionTicket = 35,            // RFC 5077 3.2
  kKeyShareOld = 40,              // key_share up to draft 22
  kPreSharedKey = 41,             // RFC 8446 4.2.11
  kSupportedVersions = 43,        // RFC 8446 4.2.1
  kKeyShare = 51,                 // RFC 8446 4.2.8
  kQuicTransportParameters = 57,  // RFC 9001 8.2
};

/// RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 6347 4.2.1. Views live as long as the message's bytes.
struct ClientHello {
  std::uint16_t version = 0;  ///< legacy_version: what the hello itself says
  Bytes random;
  Bytes session_id;
  std::vector<std::uint16_t> ciphers;
  std::vector<std::uint16_t> extensions;  ///< types, in the order sent, GREASE included
  std::string_view server_name;           ///< the first host name; empty: none
  bool has_server_name = false;           ///< the extension is there
  std::vector<std::string_view> alpn;
  std::vector<std::uint16_t> groups;
  std::vector<std::uint8_t> point_formats;
  std::vector<std::uint16_t> signature_algorithms;
  std::vector<std::uint16_t> supported_versions;
  bool session_ticket = false;  ///< a ticket that is not empty
  bool pre_shared_key = false;
  bool malformed = false;  ///< an extension's inside did not add up; what was read before it stands
};

/// Reads a ClientHello's body (without the handshake header). False where it cannot be one.
bool parse_client_hello(Bytes body, bool datagram, ClientHello& out);

/// RFC 8446 4.1.3, RFC 5246 7.4.1.3.
struct ServerHello {
  std::uint16_t version = 0;           ///< legacy_version
  std::uint16_t selected_version = 0;  ///< of supported_versions; 0: none
  Bytes random;
  Bytes session_id;
  std::uint16_t cipher = 0;
  std::vector<std::uint16_t> extensions;
  std::string_view alpn;
  std::uint16_t group = 0;  ///< of key_share; 0: none
  bool pre_shared_key = false;
  bool hello_retry_request = false;  ///< by its magic random (RFC 8446 4.1.3)
  bool malformed = false;
};

bool parse_server_hello(Bytes body, ServerHello& out);

}  // namespace whodunit::protocol::tls
