// POP3 (RFC 1939) and IMAP (RFC 3501): who reads which mailbox, and how the login went. Passwords stay out; the parts
// of mails fetched over POP3 are files.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::mailbox {

using record::Opt;
using record::Text;

#define WHODUNIT_MAILBOX_FIELDS(FIELD)                                                       \
  FIELD(1, Text, protocol, "protocol", "pop3 or imap.")                                      \
  FIELD(1, Text, user, "user", "The account.")                                               \
  FIELD(1, Opt<bool>, auth_success, "auth_success", "The login succeeded.")                  \
  FIELD(1, std::uint64_t, auth_attempts, "auth_attempts", "Logins tried.")                   \
  FIELD(1, std::uint64_t, fetched, "fetched", "Commands that fetch mails (RETR, FETCH).")    \
  FIELD(1, std::uint64_t, deleted, "deleted", "Commands that delete mails (DELE, EXPUNGE).") \
  FIELD(1, bool, tls, "tls", "The connection went on under TLS.")                            \
  FIELD(1, Text, greeting, "greeting", "The server's greeting.")
WHODUNIT_RECORD(Mailbox, "mailbox", 1, "One session with a mailbox over POP3 or IMAP.", WHODUNIT_MAILBOX_FIELDS)

extern const Definition kPop3;
extern const Definition kImap;

}  // namespace whodunit::protocol::mailbox
