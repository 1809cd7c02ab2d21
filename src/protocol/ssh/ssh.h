// SSH (RFC 4253; version 1 as in draft-ylonen-ssh-protocol-00): what stands in the clear, and how the login went,
// inferred from the sizes of what does not.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::ssh {

using record::Opt;
using record::Text;

#define WHODUNIT_SSH_FIELDS(FIELD)                                                                            \
  FIELD(1, Opt<std::uint64_t>, version, "version",                                                            \
        "Major version agreed on: 1, 2, or 0 where there is none in common.")                                 \
  FIELD(1, Opt<bool>, auth_success, "auth_success",                                                           \
        "The login succeeded or failed: inferred from sizes of encrypted packets.")                           \
  FIELD(1, std::uint64_t, auth_attempts, "auth_attempts",                                                     \
        "Attempts to log in, inferred likewise; the first refusal (of method none) is not counted.")          \
  FIELD(1, Text, direction, "direction", "INBOUND or OUTBOUND, where exactly one end has a private address.") \
  FIELD(1, Text, client, "client", "The client's identification string (RFC 4253 4.2).")                      \
  FIELD(1, Text, server, "server", "The server's identification string.")                                     \
  FIELD(1, Text, cipher_alg, "cipher_alg", "Cipher agreed on (RFC 4253 7.1).")                                \
  FIELD(1, Text, mac_alg, "mac_alg", "MAC agreed on.")                                                        \
  FIELD(1, Text, compression_alg, "compression_alg", "Compression agreed on.")                                \
  FIELD(1, Text, kex_alg, "kex_alg", "Key exchange agreed on.")                                               \
  FIELD(1, Text, host_key_alg, "host_key_alg", "Algorithm of the server's host key.")                         \
  FIELD(1, Text, host_key_fingerprint, "host_key_fingerprint",                                                \
        "The host key's SHA-256 as Zeek 8.2 writes it: the first 32 characters of its base64.")               \
  FIELD(1, Text, host_key_sha256, "host_key_sha256", "The host key's SHA-256 as ssh-keygen -l prints it.")    \
  FIELD(1, Text, host_key_md5, "host_key_md5", "The host key's MD5, 16 hex pairs (RFC 4716 4).")              \
  FIELD(1, Opt<bool>, auth_inferred, "auth_inferred", "auth_success is inferred, not read.")                  \
  FIELD(1, Text, hassh, "hassh", "HASSH of the client: MD5 of hasshAlgorithms.")                              \
  FIELD(1, Text, hassh_algorithms, "hasshAlgorithms",                                                         \
        "The client's key exchanges; ciphers; MACs; compressions (to the server).")                           \
  FIELD(1, Text, hassh_server, "hasshServer", "HASSH of the server: MD5 of hasshServerAlgorithms.")           \
  FIELD(1, Text, hassh_server_algorithms, "hasshServerAlgorithms",                                            \
        "The server's key exchanges; ciphers; MACs; compressions (to the client).")                           \
  FIELD(1, Text, cshka, "cshka", "Host key algorithms that the client takes, in its order.")                  \
  FIELD(1, Text, sshka, "sshka", "Host key algorithms that the server has, in its order.")                    \
  FIELD(1, Opt<bool>, reversed, "reversed", "The originator acts as the SSH server: it shows the host key.")
WHODUNIT_RECORD(Ssh, "ssh", 1, "One SSH connection: its ends, algorithms, keys and how the login went.",
                WHODUNIT_SSH_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::ssh
