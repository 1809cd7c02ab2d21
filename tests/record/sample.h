// A record with every type of field, for tests of what reads or writes rows.
#pragma once

#include "record/batch.h"

namespace whodunit::record::test {

#define WHODUNIT_SAMPLE_FIELDS(FIELD)              \
  FIELD(1, bool, flag, "flag", "")                 \
  FIELD(1, Opt<std::uint64_t>, count, "count", "") \
  FIELD(1, std::int64_t, whole, "whole", "")       \
  FIELD(1, double, real, "real", "")               \
  FIELD(1, Opt<base::Time>, when, "when", "")      \
  FIELD(1, Opt<base::Duration>, took, "took", "")  \
  FIELD(1, base::Address, host, "host", "")        \
  FIELD(1, Port, port, "port", "")                 \
  FIELD(1, Text, text, "text", "")                 \
  FIELD(1, Uid, other, "other", "")                \
  FIELD(1, Fuid, file, "file", "")                 \
  FIELD(1, Texts, names, "names", "")              \
  FIELD(1, Durations, ttls, "TTLs", "")            \
  FIELD(1, Counts, sizes, "sizes", "")
WHODUNIT_RECORD(Sample, "sample", 1, "Every type of field.", WHODUNIT_SAMPLE_FIELDS)

}  // namespace whodunit::record::test
