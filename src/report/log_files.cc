#include "report/log_files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "report/json_logs.h"
#include "report/zeek_logs.h"

namespace whodunit::report {

LogFiles::LogFiles(LogFormat format, std::string folder) : format_(format), folder_(std::move(folder)) {
  if (format_ == LogFormat::kEve) eve_ = std::make_unique<EveEvents>();
  if (folder_.empty()) return;
  std::error_code code;
  std::filesystem::create_directories(folder_, code);
  if (code) {
    failed_ = true;
    error_ = {fmt::format("the folder cannot be made: {}", code.message()), folder_,
              "choose one that you may write to with -o"};
  }
}

LogFiles::~LogFiles() {
  for (const auto& [name, file] : files_)
    if (file != stdout && file != nullptr) std::fclose(file);
}

std::FILE* LogFiles::file_of(const record::Batch& batch) {
  const std::string name(format_ == LogFormat::kEve ? std::string_view("eve") : batch.schema().name);
  const auto at = files_.find(name);
  if (at != files_.end()) return at->second;
  std::FILE* file = stdout;
  if (!folder_.empty()) {
    const std::string path = folder_ + "/" + name +
                             (format_ == LogFormat::kZeek   ? ".log"
                              : format_ == LogFormat::kJson ? ".ndjson"
                                                            : ".json");
    file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) {
      failed_ = true;
      error_ = {fmt::format("cannot be written: {}", std::strerror(errno)), path,
                "choose a folder that you may write to with -o"};
      return nullptr;
    }
  }
  files_[name] = file;
  if (format_ == LogFormat::kZeek) append_zeek_header(buffer_, batch.schema(), batch.head(0).ts);
  return file;
}

bool LogFiles::take(const record::Batch& batch) {
  if (failed_) return false;
  buffer_.clear();
  std::FILE* file = file_of(batch);
  if (file == nullptr) return false;
  switch (format_) {
    case LogFormat::kZeek:
      append_zeek_rows(buffer_, batch);
      break;
    case LogFormat::kJson:
      append_json_rows(buffer_, batch);
      break;
    case LogFormat::kEve:
      eve_->append(buffer_, batch);
      break;
  }
  last_[std::string(batch.schema().name)] = batch.head(batch.rows() - 1).ts;
  return write(file);
}

bool LogFiles::round(std::uint64_t) {
  if (!eve_ || failed_) return !failed_;
  buffer_.clear();
  eve_->end_round(buffer_);
  const auto at = files_.find("eve");
  return buffer_.empty() || at == files_.end() || write(at->second);
}

bool LogFiles::write(std::FILE* file) {
  if (std::fwrite(buffer_.data(), 1, buffer_.size(), file) != buffer_.size()) {
    failed_ = true;
    error_ = {fmt::format("could not be written: {}", std::strerror(errno)), folder_.empty() ? "stdout" : folder_,
              "make room, or choose another place with -o"};
    return false;
  }
  return true;
}

base::Result<void> LogFiles::finish() {
  for (auto& [name, file] : files_) {
    if (format_ == LogFormat::kZeek) {
      buffer_.clear();
      append_zeek_footer(buffer_, last_[name]);
      if (std::fwrite(buffer_.data(), 1, buffer_.size(), file) != buffer_.size()) failed_ = true;
    }
    if (file == stdout) continue;
    if (std::fclose(file) != 0) failed_ = true;
    file = nullptr;
  }
  files_.clear();
  if (std::fflush(stdout) != 0) failed_ = true;
  if (failed_ && error_.what.empty())
    error_ = {"could not be written to its end", folder_.empty() ? "stdout" : folder_, "make room, and run again"};
  if (failed_) return error_;
  return {};
}

}  // namespace whodunit::report
