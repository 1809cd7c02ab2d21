// Logs of other sensors as input: Zeek's (TSV, JSON) and Suricata's EVE, turned into the records that packets give.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/capture.h"
#include "record/sink.h"

namespace whodunit::logs {

/// Lines of one or many logs, in time order across them. Not thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  /// Puts the rows of up to `lines` further lines into the sink; false at the end of all logs. Rows of one type come in
  /// the order of their time: a conn's is its end, as with packets. `first` is the ordinal that the source's first log
  /// has in the case. A row's place is (file, line).
  virtual bool read(record::Sink& sink, std::size_t lines, std::uint32_t first) = 0;
  /// The logs, by ordinal. `lines` counts lines that held records or should have; `unread` those of them that were
  /// malformed, `reason` says which and why.
  virtual const std::vector<capture::CaptureInfo>& captures() const = 0;
  virtual std::uint64_t bytes_read() const = 0;
  virtual std::uint64_t bytes_total() const = 0;
  /// What in these logs has no record type here, in words ("12 events of EVE's type stats"), sorted.
  virtual std::vector<std::string> passed_over() const = 0;
};

struct Opened {
  std::unique_ptr<Source> source;        ///< null where no log was among the inputs
  std::set<std::string> taken;           ///< paths of files that are logs, whether or not they could be used
  std::vector<base::Error> problems;     ///< logs named by the user that give nothing
  std::vector<std::string> passed_over;  ///< names of Zeek's logs in folders for which there is no record type
};

/// Looks through files and folders (recursively, symbolic links are not followed) for logs, by their first bytes;
/// compressed ones are unpacked. What is no log is left to others. Records must have been registered.
Opened open(const std::vector<std::string>& inputs);

}  // namespace whodunit::logs
