// LDAP over TCP and UDP (RFC 4511; [MS-ADTS] 3.1.1.3.1 and 6.3.3 for CLDAP): binds, changes, extended operations, and
// searches with their filters. Messages that a SASL layer only signs are read (RFC 4752 3.3, RFC 4121 4.2.6.2); those
// that it seals are counted.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::ldap {

using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_LDAP_FIELDS(FIELD)                                                                                 \
  FIELD(1, std::uint64_t, message_id, "message_id", "The message's number (RFC 4511 4.1.1.1).")                     \
  FIELD(1, Opt<std::uint64_t>, version, "version", "Bind: the protocol's version.")                                 \
  FIELD(1, Text, opcode, "opcode", "bind simple, bind SASL, unbind, add, modify, delete, extended, ….")             \
  FIELD(1, Text, result, "result", "The answer's result code, by name (RFC 4511 4.1.9).")                           \
  FIELD(1, Text, diagnostic_message, "diagnostic_message", "What the server says about it.")                        \
  FIELD(1, Text, object, "object", "Bind: the name logged in with. Extended: the operation's OID.")                 \
  FIELD(1, Text, argument, "argument", "Bind SASL: the mechanism. Bind simple: REDACTED, unless secrets are kept.") \
  FIELD(1, Text, dn, "dn", "The entry that is added, changed, deleted, renamed or compared.")
WHODUNIT_RECORD(Ldap, "ldap", 1, "One LDAP operation other than a search, with its answer.", WHODUNIT_LDAP_FIELDS)

#define WHODUNIT_LDAP_SEARCH_FIELDS(FIELD)                                                                        \
  FIELD(1, std::uint64_t, message_id, "message_id", "The message's number (RFC 4511 4.1.1.1).")                   \
  FIELD(1, Text, scope, "scope", "base, single or tree (RFC 4511 4.5.1.2).")                                      \
  FIELD(1, Text, deref_aliases, "deref_aliases", "never, searching, finding or always.")                          \
  FIELD(1, Text, base_object, "base_object", "Where the search begins.")                                          \
  FIELD(1, std::uint64_t, result_count, "result_count", "Entries that were found.")                               \
  FIELD(1, Text, result, "result", "The answer's result code, by name; unset where its end was not seen.")        \
  FIELD(1, Text, diagnostic_message, "diagnostic_message", "What the server says about it.")                      \
  FIELD(1, Text, filter, "filter", "The filter as RFC 4515 writes it, at most 1024 bytes.")                       \
  FIELD(1, Texts, attributes, "attributes", "Attributes that are asked for, at most 32; empty for all.")          \
  FIELD(1, Opt<std::uint64_t>, size_limit, "size_limit", "Most entries that the client takes; 0 for any number.") \
  FIELD(1, std::uint64_t, result_bytes, "result_bytes", "Bytes of the entries found.")
WHODUNIT_RECORD(LdapSearch, "ldap_search", 1, "One LDAP search with what came of it.", WHODUNIT_LDAP_SEARCH_FIELDS)

extern const Definition kOverTcp, kOverUdp;

}  // namespace whodunit::protocol::ldap
