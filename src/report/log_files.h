// The run's records as log files, one per record type.
#pragma once

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/consumer.h"
#include "report/eve_logs.h"

namespace whodunit::report {

enum class LogFormat { kZeek, kJson, kEve };

/// Writes each batch as it comes: NAME.log (Zeek's TSV), NAME.ndjson or one eve.json into a folder, or all to stdout.
class LogFiles : public engine::Consumer {
 public:
  /// `folder` empty: to stdout.
  LogFiles(LogFormat format, std::string folder);
  ~LogFiles() override;
  bool take(const record::Batch& batch) override;
  bool round(std::uint64_t packets_done) override;
  /// Ends the logs. An error where something could not be written.
  base::Result<void> finish();

 private:
  std::FILE* file_of(const record::Batch& batch);
  /// Writes the buffer; keeps the error where it could not be.
  bool write(std::FILE* file);
  LogFormat format_;
  std::string folder_;
  std::string buffer_;
  std::map<std::string, std::FILE*> files_;
  std::map<std::string, base::Time> last_;
  std::unique_ptr<EveEvents> eve_;
  base::Error error_;
  bool failed_ = false;
};

}  // namespace whodunit::report
