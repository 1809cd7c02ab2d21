// Kerberos 5 (RFC 4120): requests for tickets and how they went, over UDP and TCP; and tickets shown to services, as
// carried in SMB, DCE/RPC, LDAP and others.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::krb {

using base::Time;
using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_KERBEROS_FIELDS(FIELD)                                                                   \
  FIELD(1, Text, request_type, "request_type", "AS or TGS; unset where a ticket was shown to a service.") \
  FIELD(1, Text, client, "client", "The client's name, a slash, its realm.")                              \
  FIELD(1, Text, service, "service", "The service that a ticket is asked for or was given for.")          \
  FIELD(1, Opt<bool>, success, "success", "A ticket was given, or an error came.")                        \
  FIELD(1, Text, error_msg, "error_msg", "The error's text, or its name (RFC 4120 7.5.9).")               \
  FIELD(1, Opt<Time>, from, "from", "Wanted beginning of validity.")                                      \
  FIELD(1, Opt<Time>, till, "till", "Wanted end of validity.")                                            \
  FIELD(1, Text, cipher, "cipher", "Encryption of the ticket (RFC 3961, RFC 4757).")                      \
  FIELD(1, Opt<bool>, forwardable, "forwardable", "A forwardable ticket was asked for.")                  \
  FIELD(1, Opt<bool>, renewable, "renewable", "A renewable ticket was asked for.")                        \
  FIELD(1, Opt<std::uint64_t>, error_code, "error_code", "The error's number (RFC 4120 7.5.9).")          \
  FIELD(1, Texts, request_ciphers, "request_ciphers", "Encryptions that the client takes, in its order.") \
  FIELD(1, Opt<bool>, preauthenticated, "preauthenticated",                                               \
        "An AS request with proof of the key (PA-ENC-TIMESTAMP, PKINIT, FAST).")                          \
  FIELD(1, Text, reply_cipher, "reply_cipher", "Encryption of the reply's own part.")                     \
  FIELD(1, Text, shown_service, "shown_service", "A ticket that was shown: its service and realm.")       \
  FIELD(1, Text, shown_cipher, "shown_cipher", "A ticket that was shown: its encryption.")                \
  FIELD(1, Text, carrier, "carrier", "The protocol that carried a shown ticket: smb, dce_rpc, ….")
WHODUNIT_RECORD(Kerberos, "kerberos", 1, "One request for a ticket with its answer, or a ticket shown to a service.",
                WHODUNIT_KERBEROS_FIELDS)

extern const Definition kOverUdp;  // krb
extern const Definition kOverTcp;  // krb_tcp

/// A message that a client shows to a service (KRB_AP_REQ): writes a record. False where it is none. `last` is kept by
/// the caller over the connection: the same ticket is written once.
bool shown(Context& context, Bytes message, std::string_view carrier, std::uint64_t& last);

}  // namespace whodunit::protocol::krb
