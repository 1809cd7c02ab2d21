// OCSP responses (RFC 6960 4.2): what authorities say of certificates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol {

// clang-format off
#define WHODUNIT_OCSP_FIELDS(FIELD)                                                                                       \
  FIELD(1, record::Fuid, fuid, "id", "The file's id.")                                                                    \
  FIELD(1, record::Text, hash_algorithm, "hashAlgorithm", "The hash that the issuer is named by.")                        \
  FIELD(1, record::Text, issuer_name_hash, "issuerNameHash", "Hash of the issuer's name, in hex.")                        \
  FIELD(1, record::Text, issuer_key_hash, "issuerKeyHash", "Hash of the issuer's key, in hex.")                           \
  FIELD(1, record::Text, serial_number, "serialNumber", "The certificate's serial number, in hex.")                       \
  FIELD(1, record::Text, status, "certStatus", "good, revoked or unknown.")                                               \
  FIELD(1, std::optional<base::Time>, revoke_time, "revoketime", "When it was revoked.")                                  \
  FIELD(1, record::Text, revoke_reason, "revokereason", "Why.")                                                           \
  FIELD(1, std::optional<base::Time>, this_update, "thisUpdate", "When the status was known to be right.")                \
  FIELD(1, std::optional<base::Time>, next_update, "nextUpdate", "When newer information will be there at the latest.")
// clang-format on
WHODUNIT_RECORD(Ocsp, "ocsp", 1, "What an OCSP response says of one certificate.", WHODUNIT_OCSP_FIELDS)

struct OcspStatus {
  std::string hash_algorithm, issuer_name_hash, issuer_key_hash, serial_number, status, revoke_reason;
  std::optional<base::Time> revoke_time, this_update, next_update;
};

/// One per certificate; at most 64. Empty where the bytes are no (successful) response.
std::vector<OcspStatus> parse_ocsp(base::Bytes response);

}  // namespace whodunit::protocol
