// DNS (RFC 1035) and its relatives with the same message format: mDNS (RFC 6762), LLMNR (RFC 4795) and the NetBIOS name
// service (RFC 1002 4.2), over UDP and TCP.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::dns {

using base::Duration;
using record::Counts;
using record::Durations;
using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_DNS_FIELDS(FIELD)                                                                                    \
  FIELD(1, Text, proto, "proto", "Transport: udp or tcp.")                                                            \
  FIELD(1, Opt<std::uint64_t>, trans_id, "trans_id", "The message's id (RFC 1035 4.1.1).")                            \
  FIELD(1, Opt<Duration>, rtt, "rtt", "Query to reply, where the reply held an answer.")                              \
  FIELD(1, Text, query, "query", "The name asked for, lower case, without its last dot (RFC 1035 4.1.2).")            \
  FIELD(1, Opt<std::uint64_t>, qclass, "qclass", "Class asked for.")                                                  \
  FIELD(1, Text, qclass_name, "qclass_name", "Class asked for, by name.")                                             \
  FIELD(1, Opt<std::uint64_t>, qtype, "qtype", "Type asked for.")                                                     \
  FIELD(1, Text, qtype_name, "qtype_name", "Type asked for, by name.")                                                \
  FIELD(1, Opt<std::uint64_t>, rcode, "rcode", "Response code in the reply's header.")                                \
  FIELD(1, Text, rcode_name, "rcode_name", "Response code by name.")                                                  \
  FIELD(1, bool, AA, "AA", "The reply, which held an answer, was authoritative.")                                     \
  FIELD(1, bool, TC, "TC", "The query was truncated.")                                                                \
  FIELD(1, bool, RD, "RD", "The query desired recursion.")                                                            \
  FIELD(1, bool, RA, "RA", "The reply, which held an answer, offered recursion.")                                     \
  FIELD(1, std::uint64_t, Z, "Z", "The query's three bits between RA and RCODE (AD and CD among them, RFC 4035).")    \
  FIELD(1, Texts, answers, "answers", "The answer section's records, each as a text.")                                \
  FIELD(1, Durations, TTLs, "TTLs", "How long each of `answers` may be kept.")                                        \
  FIELD(1, bool, rejected, "rejected",                                                                                \
        "The server answered with no record of any kind, or with an error and no question.")                          \
  FIELD(1, Opt<std::uint64_t>, opcode, "opcode",                                                                      \
        "Kind of query (RFC 1035 4.1.1, RFC 2136; RFC 1002 4.2.1.1 for NetBIOS).")                                    \
  FIELD(1, Text, opcode_name, "opcode_name", "Kind of query, by name.")                                               \
  FIELD(1, Opt<Duration>, reply_delay, "reply_delay", "Query to reply, whatever the reply held.")                     \
  FIELD(1, Opt<std::uint64_t>, query_bytes, "query_bytes", "Size of the query's message, bytes.")                     \
  FIELD(1, Opt<std::uint64_t>, reply_bytes, "reply_bytes", "Size of the reply's message, bytes.")                     \
  FIELD(1, Opt<std::uint64_t>, answer_count, "answer_count", "Records that the reply's header announces as answers.") \
  FIELD(1, Opt<std::uint64_t>, authority_count, "authority_count", "Records announced as authority.")                 \
  FIELD(1, Opt<std::uint64_t>, additional_count, "additional_count", "Records announced as additional.")              \
  FIELD(1, Opt<bool>, reply_truncated, "reply_truncated", "The reply had its TC bit set.")                            \
  FIELD(1, Texts, other_answers, "other_answers",                                                                     \
        "Answers of types that `answers` leaves out (HTTPS, SVCB, CAA, HINFO, NetBIOS names and addresses).")         \
  FIELD(1, Opt<std::uint64_t>, edns_size, "edns_size",                                                                \
        "UDP payload size that the querier takes, bytes (RFC 6891 6.2.3).")                                           \
  FIELD(1, Opt<bool>, edns_do, "edns_do", "The querier wants DNSSEC records (RFC 3225).")                             \
  FIELD(1, Counts, edns_options, "edns_options", "Codes of the query's EDNS options (RFC 6891 6.1.2).")               \
  FIELD(1, Text, client_subnet, "client_subnet", "The client's network as a resolver passed it on (RFC 7871).")       \
  FIELD(2, Text, question, "question",                                                                                \
        "The name in a reply's question section, where the query itself was not seen; of an UPDATE its zone.")
WHODUNIT_RECORD(Dns, "dns", 2, "One DNS, mDNS, LLMNR or NetBIOS name query with its reply, or either alone.",
                WHODUNIT_DNS_FIELDS)

extern const Definition kOverUdp;
extern const Definition kOverTcp;

}  // namespace whodunit::protocol::dns
