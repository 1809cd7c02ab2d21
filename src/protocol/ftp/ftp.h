// FTP (RFC 959, RFC 2428): commands with their replies; the data connections that they announce carry files.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::ftp {

using base::Address;
using record::Opt;
using record::Port;
using record::Text;

#define WHODUNIT_FTP_FIELDS(FIELD)                                                                           \
  FIELD(1, Text, user, "user", "The account; <unknown> where none was given.")                               \
  FIELD(1, Text, password, "password", "Of guest accounts; of others <hidden>.")                             \
  FIELD(1, Text, command, "command", "The command.")                                                         \
  FIELD(1, Text, arg, "arg", "Its argument; of commands on files the URL.")                                  \
  FIELD(1, Text, mime_type, "mime_type", "Type of the file, where it was seen.")                             \
  FIELD(1, Opt<std::uint64_t>, file_size, "file_size", "Size of the file as the server says, bytes.")        \
  FIELD(1, Opt<std::uint64_t>, reply_code, "reply_code", "The last reply's code.")                           \
  FIELD(1, Text, reply_msg, "reply_msg", "The last reply's text.")                                           \
  FIELD(1, Opt<bool>, data_channel_passive, "data_channel.passive", "The client opens the data connection.") \
  FIELD(1, Opt<Address>, data_channel_orig_h, "data_channel.orig_h", "Who opens the data connection.")       \
  FIELD(1, Opt<Address>, data_channel_resp_h, "data_channel.resp_h", "Who waits for it.")                    \
  FIELD(1, Opt<Port>, data_channel_resp_p, "data_channel.resp_p", "On which port.")
WHODUNIT_RECORD(Ftp, "ftp", 1, "An FTP command on files, data connections or logins, with its reply.",
                WHODUNIT_FTP_FIELDS)

extern const Definition kControl;
extern const Definition kData;

}  // namespace whodunit::protocol::ftp
