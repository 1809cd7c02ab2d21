#include "engine/store_writer.h"

#include <filesystem>

namespace whodunit::engine {
namespace {

// A folder may hold thousands of captures: they are not copied with every batch of packets.
constexpr std::uint64_t kObserveEvery = 256;

}  // namespace

std::vector<store::Capture> captures_for_case(const std::vector<capture::CaptureInfo>& captures, std::uint32_t first) {
  std::vector<store::Capture> out;
  for (const capture::CaptureInfo& info : captures) {
    store::Capture c;
    c.ordinal = first++;
    std::error_code error;
    const auto absolute = info.path == "-" ? std::filesystem::path() : std::filesystem::absolute(info.path, error);
    c.path = absolute.empty() || error ? info.path : absolute.lexically_normal().string();
    c.name = info.name;
    c.sha256 = info.sha256;
    c.format = info.format;
    c.link_types = info.link_types;
    c.packets = info.is_log ? info.lines : info.packets;
    c.bytes = info.bytes;
    c.file_bytes = info.file_bytes;
    c.first = info.first;
    c.last = info.last;
    c.unread = info.unread;
    c.reason = info.reason;
    c.cut_off = info.cut_off;
    c.nanoseconds = info.nanoseconds;
    out.push_back(std::move(c));
  }
  return out;
}

std::vector<capture::CaptureInfo> captures_of_case(std::span<const store::Capture> captures) {
  std::vector<capture::CaptureInfo> out;
  for (const store::Capture& c : captures) {
    capture::CaptureInfo info;
    info.path = c.path;
    info.name = c.name;
    info.sha256 = c.sha256;
    info.format = c.format;
    info.link_types = c.link_types;
    info.is_log = store::is_log(c);
    (info.is_log ? info.lines : info.packets) = c.packets;
    info.bytes = c.bytes;
    info.file_bytes = c.file_bytes;
    info.first = c.first;
    info.last = c.last;
    info.unread = c.unread;
    info.reason = c.reason;
    info.cut_off = c.cut_off;
    info.nanoseconds = c.nanoseconds;
    out.push_back(std::move(info));
  }
  return out;
}

bool StoreWriter::keep(const base::Result<void>& done) {
  if (!done && !error_) error_ = done.error();
  return done.ok();
}

bool StoreWriter::take(const record::Batch& batch) {
  if (error_) return true;  // the writing has ended, the analysis goes on
  if (!batch.empty()) last_ = std::max(last_, batch.head(batch.rows() - 1).ts);
  keep(store_->append(batch));
  return true;
}

bool StoreWriter::round(std::uint64_t packets_done) {
  if (error_ || !store_->due()) return true;
  std::vector<store::Capture> captures;
  {
    const std::lock_guard lock(mutex_);
    captures = seen_;
  }
  keep(store_->commit({packets_done, last_, false, ""}, captures));
  return true;
}

void StoreWriter::observe(const Inputs& inputs) {
  if (observed_++ % kObserveEvery != 0) return;
  std::vector<store::Capture> now = captures_for_case(inputs.captures(), store_->first_capture());
  const std::lock_guard lock(mutex_);
  seen_ = std::move(now);
}

base::Result<void> StoreWriter::finish(const std::vector<capture::CaptureInfo>& captures,
                                       const store::Progress& progress) {
  if (error_) return *error_;
  auto done = store_->commit(progress, captures_for_case(captures, store_->first_capture()));
  keep(done);
  return done;
}

}  // namespace whodunit::engine
