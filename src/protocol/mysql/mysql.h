// MySQL's client/server protocol (MySQL Internals, "Client/Server Protocol"): logins and commands. Statements are kept
// by their shape: what stands in quotes, and numbers, are left out unless secrets are kept.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::mysql {

using record::Opt;
using record::Text;

#define WHODUNIT_MYSQL_FIELDS(FIELD)                                                                               \
  FIELD(1, Text, cmd, "cmd", "The command: login, query, quit, ….")                                                \
  FIELD(1, Text, arg, "arg", "The account, the statement's shape, the database.")                                  \
  FIELD(1, Opt<bool>, success, "success", "The server's answer was no error.")                                     \
  FIELD(1, Opt<std::uint64_t>, rows, "rows", "Rows changed (affected_rows of the OK packet); 0 for a result set.") \
  FIELD(1, Text, response, "response", "The server's error in words.")                                             \
  FIELD(1, Text, server_version, "server_version", "The server's version.")                                        \
  FIELD(1, Opt<std::uint64_t>, error_code, "error_code", "The server's error.")                                    \
  FIELD(2, Opt<std::uint64_t>, result_rows, "result_rows", "Rows of the result set that was given.")
WHODUNIT_RECORD(Mysql, "mysql", 2, "One MySQL command with its answer.", WHODUNIT_MYSQL_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::mysql
