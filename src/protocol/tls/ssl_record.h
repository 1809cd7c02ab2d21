// ssl: Zeek's log of that name, and what we tell beyond it.
#pragma once

#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::tls {

using record::Counts;
using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_SSL_FIELDS(FIELD)                                                                                     \
  FIELD(1, Text, version, "version", "Version that the server chose: SSLv2 … TLSv13, DTLSv12 (RFC 8446 4.2.1).")       \
  FIELD(1, Text, cipher, "cipher", "Cipher suite that the server chose (IANA's name).")                                \
  FIELD(1, Text, curve, "curve", "Group that the server chose for the key exchange (RFC 8422 5.4, RFC 8446 4.2.8).")   \
  FIELD(1, Text, server_name, "server_name", "Host name that the client asked for (RFC 6066 3).")                      \
  FIELD(1, bool, resumed, "resumed", "An earlier session's keys were used again (session id, ticket or PSK).")         \
  FIELD(1, Text, last_alert, "last_alert", "The last alert sent in the clear (RFC 8446 6).")                           \
  FIELD(1, Text, next_protocol, "next_protocol",                                                                       \
        "Application protocol that the server chose in the clear (RFC 7301).")                                         \
  FIELD(1, bool, established, "established", "Both sides went on to encrypted data.")                                  \
  FIELD(1, Text, ssl_history, "ssl_history", "Messages in order, Zeek's letters, upper case from the client.")         \
  FIELD(1, Texts, cert_chain_fps, "cert_chain_fps", "SHA-256 of the server's certificates, in the order sent.")        \
  FIELD(1, Texts, client_cert_chain_fps, "client_cert_chain_fps", "SHA-256 of the client's certificates.")             \
  FIELD(1, Opt<bool>, sni_matches_cert, "sni_matches_cert",                                                            \
        "The server's certificate is good for server_name (RFC 6125).")                                                \
  FIELD(1, Text, subject, "subject", "Subject of the server's certificate.")                                           \
  FIELD(1, Text, issuer, "issuer", "Issuer of the server's certificate.")                                              \
  FIELD(1, Text, client_subject, "client_subject", "Subject of the client's certificate.")                             \
  FIELD(1, Text, client_issuer, "client_issuer", "Issuer of the client's certificate.")                                \
  FIELD(1, Text, ja3, "ja3", "JA3 of the first ClientHello: MD5, hex.")                                                \
  FIELD(1, Text, ja3s, "ja3s", "JA3S of the first ServerHello: MD5, hex.")                                             \
  FIELD(1, Text, ja4, "ja4", "JA4 of the first ClientHello.")                                                          \
  FIELD(1, Text, client_version, "client_version", "Highest version that the client offered.")                         \
  FIELD(1, Texts, orig_alpn, "orig_alpn", "Application protocols that the client offered (RFC 7301).")                 \
  FIELD(1, Counts, ssl_client_exts, "ssl_client_exts", "Extension types of the first ClientHello, in the order sent.") \
  FIELD(1, Opt<std::uint64_t>, dh_param_size, "dh_param_size",                                                         \
        "Bits of the server's finite-field Diffie-Hellman prime.")                                                     \
  FIELD(1, Opt<std::uint64_t>, heartbeat_excess, "heartbeat_excess",                                                   \
        "Most bytes that a heartbeat in the clear lacked of the payload it claimed and its 16 bytes of padding (RFC "  \
        "6520 4); set where any was sent.")
WHODUNIT_RECORD(Ssl, "ssl", 1, "One TLS, DTLS or SSL handshake.", WHODUNIT_SSL_FIELDS)

}  // namespace whodunit::protocol::tls
