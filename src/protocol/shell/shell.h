// A command interpreter spoken to in the clear: a script that is sent to one, or a session of commands, prompts and
// answers over TCP without any protocol around it (nc, bash's /dev/tcp, cmd.exe behind a socket). Telnet and rlogin
// (RFC 854, RFC 1282) are protocols of their own, with bytes of their own.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::shell {

using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_SHELL_FIELDS(FIELD)                                                                                 \
  FIELD(1, Text, kind, "kind", "session, or script where one was sent and nothing like a prompt or an answer seen.") \
  FIELD(1, Text, interpreter, "interpreter", "unix, cmd or powershell, as its signs say; a script's first line.")    \
  FIELD(1, Opt<bool>, by_originator, "by_originator",                                                                \
        "The interpreter runs at the originator (it called out); unset where only commands or a script were seen.")  \
  FIELD(1, Text, sign, "sign", "The first line that only an interpreter prints, up to 128 bytes.")                   \
  FIELD(1, Text, user, "user", "Whom it runs as, where an answer or a prompt says.")                                 \
  FIELD(1, Texts, commands, "commands", "Lines sent to it, up to 32 of 128 bytes each.")                             \
  FIELD(1, std::uint64_t, command_lines, "command_lines", "Lines sent to it.")                                       \
  FIELD(1, std::uint64_t, answer_lines, "answer_lines", "Lines that it printed.")
WHODUNIT_RECORD(Shell, "shell", 1, "A command interpreter spoken to in the clear, one row a connection.",
                WHODUNIT_SHELL_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::shell
