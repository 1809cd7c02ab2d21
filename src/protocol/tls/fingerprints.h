// Fingerprints of TLS implementations: JA3 and JA3S (Salesforce, BSD), JA4 for clients (FoxIO, BSD). The other JA4+
// methods are not open source and are not made.
#pragma once

#include <string>

#include "protocol/tls/hello.h"

namespace whodunit::protocol::tls {

/// "version,ciphers,extensions,groups,point formats" in decimal, GREASE left out.
std::string ja3_text(const ClientHello& hello);
/// Its MD5 in hex.
std::string ja3(const ClientHello& hello);
/// MD5 of "version,cipher,extensions".
std::string ja3s(const ServerHello& hello);

/// What carries the handshake: the first letter of a JA4.
enum class Carrier : char { kTcp = 't', kQuic = 'q', kDtls = 'd' };
/// "t13d1516h2_8daaf6152771_e5627efa2ab1".
std::string ja4(const ClientHello& hello, Carrier carrier);

}  // namespace whodunit::protocol::tls
