// Records as Zeek's tab-separated logs: what zeek-cut, Zeek's own readers and many other tools read.
#pragma once

#include <string>

#include "record/batch.h"

namespace whodunit::report {

/// The header lines (#separator … #types). `open` is the time of the first packet: a log is of its capture, not of the
/// day on which it was written.
void append_zeek_header(std::string& out, const record::Schema& schema, base::Time open);
/// The last line, with the time of the last packet.
void append_zeek_footer(std::string& out, base::Time close);

/// One line a row: ts, uid, id.*, then the fields. `-` where unset, `(empty)` for an empty text or list. Bytes that do
/// not print, tabs, backslashes, and commas within a list are escaped as Zeek does.
void append_zeek_rows(std::string& out, const record::Batch& batch);

}  // namespace whodunit::report
