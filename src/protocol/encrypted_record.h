// encrypted: how much of a connection could not be read, because it was encrypted.
#pragma once

#include <optional>
#include <string_view>

#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol {

#define WHODUNIT_ENCRYPTED_FIELDS(FIELD)                                                                              \
  FIELD(1, record::Text, protocol, "protocol", "What encrypts: ssl, dtls, ….")                                        \
  FIELD(1, std::uint64_t, orig_bytes, "orig_bytes", "Encrypted bytes from the originator, record headers left out.")  \
  FIELD(1, std::uint64_t, resp_bytes, "resp_bytes", "Encrypted bytes from the responder.")                            \
  FIELD(1, std::uint64_t, orig_records, "orig_records", "Encrypted protocol records from the originator.")            \
  FIELD(1, std::uint64_t, resp_records, "resp_records", "Encrypted protocol records from the responder.")             \
  FIELD(1, bool, lost, "lost", "Records could not be followed to the end (a gap); bytes then include their headers.") \
  FIELD(1, record::Opt<std::uint64_t>, orig_heartbeat, "orig_heartbeat",                                              \
        "TLS: length of the originator's largest encrypted heartbeat record (RFC 6520), bytes; unset without one.")   \
  FIELD(1, record::Opt<std::uint64_t>, resp_heartbeat, "resp_heartbeat",                                              \
        "TLS: length of the responder's largest encrypted heartbeat record, bytes; unset without one.")               \
  FIELD(1, record::Opt<bool>, early_heartbeat, "early_heartbeat",                                                     \
        "TLS: an encrypted heartbeat was sent before any application data; unset without one.")
WHODUNIT_RECORD(Encrypted, "encrypted", 1, "What of a connection was encrypted, told when it ends.",
                WHODUNIT_ENCRYPTED_FIELDS)

/// What of one direction was encrypted.
struct EncryptedAmount {
  std::uint64_t bytes = 0;    ///< record headers left out
  std::uint32_t records = 0;  ///< or packets, where the protocol encrypts these
};

class Context;
/// The row of the connection at hand, from its first packet on; none where nothing was encrypted.
std::optional<Encrypted> encrypted_row(const Context& context, std::string_view protocol, EncryptedAmount orig,
                                       EncryptedAmount resp);

}  // namespace whodunit::protocol
