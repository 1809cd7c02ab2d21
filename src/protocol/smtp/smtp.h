// SMTP (RFC 5321): envelopes, headers, logins; the mails' parts become files.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::smtp {

using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_SMTP_FIELDS(FIELD)                                                                      \
  FIELD(1, std::uint64_t, trans_depth, "trans_depth", "The how manieth mail of the connection.")         \
  FIELD(1, Text, helo, "helo", "What the client calls itself.")                                          \
  FIELD(1, Text, mailfrom, "mailfrom", "Envelope sender.")                                               \
  FIELD(1, Texts, rcptto, "rcptto", "Envelope recipients.")                                              \
  FIELD(1, Text, date, "date", "Date header.")                                                           \
  FIELD(1, Text, from, "from", "From header.")                                                           \
  FIELD(1, Texts, to, "to", "To header, by address.")                                                    \
  FIELD(1, Texts, cc, "cc", "CC header, by address.")                                                    \
  FIELD(1, Text, reply_to, "reply_to", "Reply-To header.")                                               \
  FIELD(1, Text, msg_id, "msg_id", "Message-ID header.")                                                 \
  FIELD(1, Text, in_reply_to, "in_reply_to", "In-Reply-To header.")                                      \
  FIELD(1, Text, subject, "subject", "Subject header.")                                                  \
  FIELD(1, Text, x_originating_ip, "x_originating_ip", "X-Originating-IP header.")                       \
  FIELD(1, Text, first_received, "first_received", "The Received header that stands first of all hops.") \
  FIELD(1, Text, second_received, "second_received", "The one that stands before it.")                   \
  FIELD(1, Text, last_reply, "last_reply", "The server's last reply.")                                   \
  FIELD(1, Texts, path, "path", "Addresses on the way, the last first.")                                 \
  FIELD(1, Text, user_agent, "user_agent", "User-Agent or X-Mailer header.")                             \
  FIELD(1, bool, tls, "tls", "The connection went on under TLS.")                                        \
  FIELD(1, Texts, fuids, "fuids", "The mail's parts as files.")                                          \
  FIELD(1, Text, auth_user, "auth_user", "The account of a login (RFC 4954).")                           \
  FIELD(1, Opt<bool>, auth_success, "auth_success", "The login succeeded.")
WHODUNIT_RECORD(Smtp, "smtp", 1, "One mail, or what was tried to send one.", WHODUNIT_SMTP_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::smtp
