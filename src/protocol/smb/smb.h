// SMB 1 ([MS-CIFS], [MS-SMB]) and SMB 2 and 3 ([MS-SMB2]): shares that are mapped, files that are opened, renamed and
// deleted, logins, and the pipes that carry DCE/RPC.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::smb {

using base::Time;
using record::Fuid;
using record::Opt;
using record::Text;

#define WHODUNIT_SMB_FILES_FIELDS(FIELD)                                                                              \
  FIELD(1, Fuid, fuid, "fuid", "The file's content, where it was seen before.")                                       \
  FIELD(1, Text, action, "action",                                                                                    \
        "SMB::FILE_OPEN, SMB::PIPE_OPEN, SMB::PRINT_OPEN, SMB::FILE_RENAME, SMB::FILE_DELETE.")                       \
  FIELD(1, Text, path, "path", "The share.")                                                                          \
  FIELD(1, Text, name, "name", "The file's name within the share.")                                                   \
  FIELD(1, std::uint64_t, size, "size", "The file's size, bytes.")                                                    \
  FIELD(1, Text, prev_name, "prev_name", "The name before it was renamed.")                                           \
  FIELD(1, Opt<Time>, times_modified, "times.modified", "When the file was last written, as the server says.")        \
  FIELD(1, Opt<Time>, times_accessed, "times.accessed", "When the file was last read, as the server says.")           \
  FIELD(1, Opt<Time>, times_created, "times.created", "When the file was made, as the server says.")                  \
  FIELD(1, Opt<Time>, times_changed, "times.changed", "When the file's attributes last changed, as the server says.") \
  FIELD(1, Opt<std::uint64_t>, access, "access", "Rights asked for, a mask ([MS-SMB2] 2.2.13.1.1).")                  \
  FIELD(1, Text, disposition, "disposition", "supersede, open, create, open_if, overwrite, overwrite_if.")            \
  FIELD(1, Opt<bool>, delete_on_close, "delete_on_close", "The file is to be deleted when it is closed.")
WHODUNIT_RECORD(SmbFiles, "smb_files", 1, "Something done with a file over SMB.", WHODUNIT_SMB_FILES_FIELDS)

#define WHODUNIT_SMB_MAPPING_FIELDS(FIELD)                                                    \
  FIELD(1, Text, path, "path", "The share that was mapped.")                                  \
  FIELD(1, Text, service, "service", "SMB 1: kind of the share as the server names it.")      \
  FIELD(1, Text, native_file_system, "native_file_system", "SMB 1: the share's file system.") \
  FIELD(1, Text, share_type, "share_type", "DISK, PIPE or PRINT.")
WHODUNIT_RECORD(SmbMapping, "smb_mapping", 1, "A share that was mapped.", WHODUNIT_SMB_MAPPING_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::smb
