// x509: Zeek's log of that name, with facts about validity that need no trust store.
#pragma once

#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::x509 {

using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_X509_FIELDS(FIELD)                                                                                    \
  FIELD(1, Text, fingerprint, "fingerprint", "SHA-256 of the certificate (DER), hex.")                                 \
  FIELD(1, Opt<std::uint64_t>, version, "certificate.version", "Version, counted from 1 (RFC 5280 4.1.2.1).")          \
  FIELD(1, Text, serial, "certificate.serial", "Serial number, hex in capitals.")                                      \
  FIELD(1, Text, subject, "certificate.subject", "Subject, as RFC 2253 writes names.")                                 \
  FIELD(1, Text, issuer, "certificate.issuer", "Issuer, as RFC 2253 writes names.")                                    \
  FIELD(1, Opt<base::Time>, not_valid_before, "certificate.not_valid_before", "Start of validity (RFC 5280 4.1.2.5).") \
  FIELD(1, Opt<base::Time>, not_valid_after, "certificate.not_valid_after", "End of validity.")                        \
  FIELD(1, Text, key_alg, "certificate.key_alg", "Algorithm of the subject's key (RFC 5280 4.1.2.7).")                 \
  FIELD(1, Text, sig_alg, "certificate.sig_alg", "Algorithm of the signature (RFC 5280 4.1.1.2).")                     \
  FIELD(1, Text, key_type, "certificate.key_type", "rsa, dsa, ecdsa; unset for others.")                               \
  FIELD(1, Opt<std::uint64_t>, key_length, "certificate.key_length", "Length of the key, bits.")                       \
  FIELD(1, Text, exponent, "certificate.exponent", "RSA's public exponent, decimal.")                                  \
  FIELD(1, Text, curve, "certificate.curve", "Named curve of an EC key.")                                              \
  FIELD(1, Texts, san_dns, "san.dns", "Host names of the subject alternative name (RFC 5280 4.2.1.6).")                \
  FIELD(1, Texts, san_uri, "san.uri", "URIs of the subject alternative name.")                                         \
  FIELD(1, Texts, san_email, "san.email", "Mail addresses of the subject alternative name.")                           \
  FIELD(1, Texts, san_ip, "san.ip", "IP addresses of the subject alternative name.")                                   \
  FIELD(1, Opt<bool>, ca, "basic_constraints.ca", "May sign certificates (RFC 5280 4.2.1.9).")                         \
  FIELD(1, Opt<std::uint64_t>, path_len, "basic_constraints.path_len", "How many intermediates may follow.")           \
  FIELD(1, bool, host_cert, "host_cert", "The first of its chain: the end host's own.")                                \
  FIELD(1, bool, client_cert, "client_cert", "Sent by the client.")                                                    \
  FIELD(1, Text, sha1, "sha1", "SHA-1 of the certificate (DER), hex: what blocklists are keyed by.")                   \
  FIELD(1, std::uint64_t, chain_position, "chain_position", "Place in the chain sent, from 0.")                        \
  FIELD(1, std::uint64_t, chain_length, "chain_length", "Certificates in the chain sent.")                             \
  FIELD(1, Opt<bool>, self_issued, "self_issued", "Subject and issuer are the same name.")                             \
  FIELD(1, Opt<bool>, self_signed, "self_signed", "Self-issued, and its own key verifies the signature.")              \
  FIELD(1, Opt<bool>, issued_by_next, "issued_by_next",                                                                \
        "The next certificate's subject is this one's issuer (chain order, RFC 8446 4.4.2); unset for the last.")      \
  FIELD(1, Opt<bool>, signed_by_next, "signed_by_next", "The next certificate's key verifies this one's signature.")   \
  FIELD(1, Opt<bool>, expired, "expired", "not_valid_after had passed at the packet's time.")                          \
  FIELD(1, Opt<bool>, not_yet_valid, "not_yet_valid", "not_valid_before was still to come at the packet's time.")      \
  FIELD(1, std::uint64_t, size, "size", "Length of the certificate (DER), bytes.")                                     \
  FIELD(1, bool, malformed, "malformed", "It could not be parsed; only hashes, size and place stand.")
WHODUNIT_RECORD(X509, "x509", 1, "One certificate that crossed the wire.", WHODUNIT_X509_FIELDS)

}  // namespace whodunit::protocol::x509
