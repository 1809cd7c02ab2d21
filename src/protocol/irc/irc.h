// IRC (RFC 1459, RFC 2812): who is called what and joins which channel.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::irc {

using record::Opt;
using record::Text;

#define WHODUNIT_IRC_FIELDS(FIELD)                                                               \
  FIELD(1, Text, nick, "nick", "The client's nickname so far.")                                  \
  FIELD(1, Text, user, "user", "The client's user name so far.")                                 \
  FIELD(1, Text, command, "command", "NICK, USER, JOIN or DCC.")                                 \
  FIELD(1, Text, value, "value", "The new nickname, the user name, the channel, or DCC's kind.") \
  FIELD(1, Text, addl, "addl", "USER: host, server and real name; JOIN: the channel's key.")     \
  FIELD(1, Text, dcc_file_name, "dcc_file_name", "DCC: the file offered.")                       \
  FIELD(1, Opt<std::uint64_t>, dcc_file_size, "dcc_file_size", "DCC: its size, bytes.")
WHODUNIT_RECORD(Irc, "irc", 1, "A command of an IRC client.", WHODUNIT_IRC_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::irc
