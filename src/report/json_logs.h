// Records as NDJSON in the forms of Zeek's JSON logs.
#pragma once

#include <string>

#include "record/batch.h"

namespace whodunit::report {

/// One object a line: ts, uid, id.*, then the fields that are set. Times and intervals are seconds, addresses and ids
/// text, bytes that do not print \xNN.
void append_json_rows(std::string& out, const record::Batch& batch);
/// One row's object, without an end of line.
void append_json_row(std::string& out, const record::Batch& batch, std::size_t row);

}  // namespace whodunit::report
