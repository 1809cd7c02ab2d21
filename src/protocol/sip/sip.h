// SIP (RFC 3261) over UDP and TCP.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::sip {

using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_SIP_FIELDS(FIELD)                                                                        \
  FIELD(1, std::uint64_t, trans_depth, "trans_depth", "Always 0, as Zeek counts.")                        \
  FIELD(1, Text, method, "method", "The request's method.")                                               \
  FIELD(1, Text, uri, "uri", "The request's URI.")                                                        \
  FIELD(1, Text, date, "date", "Date header of the request.")                                             \
  FIELD(1, Text, request_from, "request_from", "From header of the request, without its tag.")            \
  FIELD(1, Text, request_to, "request_to", "To header of the request.")                                   \
  FIELD(1, Text, response_from, "response_from", "From header of the response, without its tag.")         \
  FIELD(1, Text, response_to, "response_to", "To header of the response.")                                \
  FIELD(1, Text, reply_to, "reply_to", "Reply-To header.")                                                \
  FIELD(1, Text, call_id, "call_id", "Call-ID header.")                                                   \
  FIELD(1, Text, seq, "seq", "CSeq header.")                                                              \
  FIELD(1, Text, subject, "subject", "Subject header.")                                                   \
  FIELD(1, Texts, request_path, "request_path", "Via headers of the request.")                            \
  FIELD(1, Texts, response_path, "response_path", "Via headers of the response.")                         \
  FIELD(1, Text, user_agent, "user_agent", "User-Agent header of the request.")                           \
  FIELD(1, Opt<std::uint64_t>, status_code, "status_code", "The response's status.")                      \
  FIELD(1, Text, status_msg, "status_msg", "The response's reason.")                                      \
  FIELD(1, Text, warning, "warning", "Warning header.")                                                   \
  FIELD(1, Opt<std::uint64_t>, request_body_len, "request_body_len", "Content-Length of the request.")    \
  FIELD(1, Opt<std::uint64_t>, response_body_len, "response_body_len", "Content-Length of the response.") \
  FIELD(1, Text, content_type, "content_type", "Content-Type of the response.")                           \
  FIELD(1, Text, server, "server", "Server header of the response.")                                      \
  FIELD(1, Text, auth_user, "auth_user", "The account in an Authorization header.")
WHODUNIT_RECORD(Sip, "sip", 1, "A SIP response with its request, or a request that none answered.", WHODUNIT_SIP_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::sip
