#include "engine/inputs.h"

#include <algorithm>

namespace whodunit::engine {
namespace {

// Lines whose rows the consumers get at once.
constexpr std::size_t kRoundLines = 4096;

/// Adds to `summary` what the logs gave.
void run_logs(logs::Source& source, const Settings& settings, std::uint32_t first, std::uint64_t bytes_before,
              std::uint64_t bytes_total, std::span<Consumer* const> consumers,
              const std::function<bool(const Progress&)>& keep_going, Summary& summary) {
  record::Sink sink(settings.wanted);
  for (bool more = true; more;) {
    more = source.read(sink, kRoundLines, first);
    bool ok = true;
    for (const auto& batch : sink.batches()) {
      if (!batch || batch->empty()) continue;
      for (Consumer* consumer : consumers) ok = consumer->take(*batch) && ok;
      batch->clear();
    }
    for (Consumer* consumer : consumers) ok = consumer->round(summary.packets) && ok;
    if (!ok) {
      summary.stopped = true;
      break;
    }
    std::uint64_t lines = 0;
    for (const capture::CaptureInfo& info : source.captures()) lines += info.lines;
    summary.lines = lines;
    if (keep_going && !keep_going({summary.packets, bytes_before + source.bytes_read(), bytes_total, lines})) break;
  }
  summary.lines = summary.lines_unread = 0;
  for (const capture::CaptureInfo& info : source.captures()) {
    summary.lines += info.lines;
    summary.lines_unread += info.unread;
    if (info.lines == 0 || info.first == base::Time{}) continue;
    if (summary.first == base::Time{} || info.first < summary.first) summary.first = info.first;
    summary.last = std::max(summary.last, info.last);
  }
}

}  // namespace

std::vector<capture::CaptureInfo> Inputs::captures() const {
  std::vector<capture::CaptureInfo> out;
  if (packets) out = packets->captures();
  if (logs) out.insert(out.end(), logs->captures().begin(), logs->captures().end());
  return out;
}

OpenedInputs open_inputs(const std::vector<std::string>& inputs, const capture::OpenOptions& options) {
  OpenedInputs out;
  logs::Opened logs = logs::open(inputs);
  capture::OpenOptions rest = options;
  rest.skip = [&](const std::string& path) {
    return logs.taken.count(path) != 0 || (options.skip && options.skip(path));
  };
  capture::Opened captures = capture::open(inputs, rest);
  out.inputs.packets = std::move(captures.source);
  out.inputs.logs = std::move(logs.source);
  out.inputs.logs_passed_over = std::move(logs.passed_over);
  out.problems = std::move(captures.problems);
  out.problems.insert(out.problems.end(), logs.problems.begin(), logs.problems.end());
  return out;
}

Summary run(Inputs& inputs, const Settings& settings, std::span<Consumer* const> consumers,
            const std::function<bool(const Progress&)>& keep_going) {
  Summary summary;
  std::uint64_t total = 0, before = 0;
  if (inputs.logs) total += inputs.logs->bytes_total();
  if (inputs.packets) {
    const std::uint64_t log_bytes = total;
    total = inputs.packets->bytes_total() == 0 ? 0 : total + inputs.packets->bytes_total();
    bool going = true;
    summary = run(*inputs.packets, settings, consumers, [&](const Progress& p) {
      going =
          !keep_going || keep_going({p.packets, p.bytes_read, p.bytes_total == 0 ? 0 : p.bytes_total + log_bytes, 0});
      return going;
    });
    before = inputs.packets->bytes_read();
    if (!going || summary.stopped) return summary;
  }
  if (inputs.logs) {
    const auto ordinals = inputs.packets ? static_cast<std::uint32_t>(inputs.packets->captures().size()) : 0;
    run_logs(*inputs.logs, settings, settings.first_capture + ordinals, before, total, consumers, keep_going, summary);
  }
  return summary;
}

}  // namespace whodunit::engine
