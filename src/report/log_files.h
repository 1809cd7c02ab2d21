// The run's records as log files, one per record type.
#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/consumer.h"

namespace whodunit::report {

enum class LogFormat { kZeek, kJson, kEve };

/// Writes each batch as it comes: NAME.log (Zeek's TSV) or NAME.ndjson into a folder, or all to stdout.
class LogFiles : public engine::Consumer {
 public:
  /// `folder` empty: to stdout.
  LogFiles(LogFormat format, std::string folder);
  ~LogFiles() override;
  bool take(const record::Batch& batch) override;
  /// Ends the logs. An error where something could not be written.
  base::Result<void> finish();

 private:
  struct File;
  std::FILE* file_of(const record::Batch& batch);
  LogFormat format_;
  std::string folder_;
  std::string buffer_;
  std::map<std::string, std::FILE*> files_;
  std::map<std::string, base::Time> last_;
  base::Error error_;
  bool failed_ = false;
};

}  // namespace whodunit::report
