// files: Zeek's log of that name.
#pragma once

#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol {

// clang-format off
#define WHODUNIT_FILES_FIELDS(FIELD)                                                                                              \
  FIELD(1, record::Fuid, fuid, "fuid", "The file's id: the same in any run.")                                                     \
  FIELD(1, record::Text, source, "source", "What it travelled in: HTTP, SMTP, FTP_DATA, SMB, SSL, ….")                            \
  FIELD(1, std::uint64_t, depth, "depth", "Which part of its source it is (of a mail: the MIME entity, from 1, as Zeek counts).") \
  FIELD(1, record::Texts, analyzers, "analyzers", "What looked into it: MD5, SHA1, SHA256, EXTRACT, PE, OCSP_REPLY.")             \
  FIELD(1, record::Text, mime_type, "mime_type", "Type by content, of the first 4096 bytes.")                                     \
  FIELD(1, record::Text, filename, "filename", "Name that the source gave.")                                                      \
  FIELD(1, base::Duration, duration, "duration", "From its first byte to its last.")                                              \
  FIELD(1, std::optional<bool>, local_orig, "local_orig", "It was sent by the defended network.")                                 \
  FIELD(1, bool, is_orig, "is_orig", "It was sent by the connection's originator.")                                               \
  FIELD(1, std::uint64_t, seen_bytes, "seen_bytes", "Bytes of it that were seen, decoded.")                                       \
  FIELD(1, std::optional<std::uint64_t>, total_bytes, "total_bytes", "Bytes that the source said it has.")                        \
  FIELD(1, std::uint64_t, missing_bytes, "missing_bytes", "Bytes lost in gaps.")                                                  \
  FIELD(1, std::uint64_t, overflow_bytes, "overflow_bytes", "Bytes that came out of order and could not be put in place.")        \
  FIELD(1, bool, timedout, "timedout", "Its end was never seen.")                                                                 \
  FIELD(1, record::Text, parent_fuid, "parent_fuid", "The file that it was found in.")                                            \
  FIELD(1, record::Text, md5, "md5", "MD5 of its bytes, in hex, where asked for and nothing is missing.")                         \
  FIELD(1, record::Text, sha1, "sha1", "SHA-1, likewise.")                                                                        \
  FIELD(1, record::Text, sha256, "sha256", "SHA-256, likewise.")                                                                  \
  FIELD(1, record::Text, extracted, "extracted", "Its name in the folder that files are extracted to.")                           \
  FIELD(1, std::optional<bool>, extracted_cutoff, "extracted_cutoff", "A limit cut the extracted copy short.")                    \
  FIELD(1, std::optional<std::uint64_t>, extracted_size, "extracted_size", "Bytes in the extracted copy.")
// clang-format on
WHODUNIT_RECORD(Files, "files", 1, "One file that crossed the wire.", WHODUNIT_FILES_FIELDS)

}  // namespace whodunit::protocol
