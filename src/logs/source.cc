// Logs of a run: opened, merged by time, read a stretch at a time.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <queue>

#include "base/hash.h"
#include "capture/input.h"
#include "capture/stream.h"
#include "logs/line.h"
#include "logs/logs.h"

namespace whodunit::logs {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 256u << 10;
// Lines read ahead of each log while merging.
constexpr std::size_t kAhead = 64;
constexpr std::size_t kMostOpenFiles = 128;

/// A file's lines, unpacked.
class Lines {
 public:
  Lines(const std::string& path, int fd, bool reopen, capture::OpenFiles* files) : file_(path, fd, reopen, files) {
    capture::Block* block = pool_.get(kBlock);
    std::size_t have = 0;
    while (have < 6) {
      const std::size_t got = file_.read(*block, have, block->capacity - have);
      if (got == 0) break;
      have += got;
    }
    packing_ = capture::packing_of({block->data.get(), have});
    if (packing_ == capture::Packing::kNone) {
      input_ = std::make_unique<capture::Input>(file_, pool_, kBlock, block, 0, have);
    } else {
      unpacker_ = capture::unpack(packing_, file_, pool_, block, 0, have);
      input_ = std::make_unique<capture::Input>(*unpacker_, pool_, kBlock, nullptr, 0, 0);
    }
  }

  /// Up to `most` of the first bytes, which stay unread.
  std::string_view head(std::size_t most) {
    (void)input_->need(most);  // fewer where the file is shorter
    return {reinterpret_cast<const char*>(input_->at()), std::min(input_->left(), most)};
  }

  /// The next line without its end, valid until the next call; false at the end. `too_long`: it was longer than
  /// kLongestLine, and was passed over.
  bool next(std::string_view& line, bool& too_long) {
    too_long = false;
    let_go();
    input_->skip(pending_skip_);
    pending_skip_ = 0;
    std::size_t looked = 0;
    while (true) {
      const char* at = reinterpret_cast<const char*>(input_->at());
      const std::size_t have = input_->left();
      const void* end = have == looked ? nullptr : std::memchr(at + looked, '\n', have - looked);
      if (end != nullptr) {
        const auto n = static_cast<std::size_t>(static_cast<const char*>(end) - at);
        line = {at, n};
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        pending_skip_ = n + 1;
        too_long = discarding_ || n > kLongestLine;
        discarding_ = false;
        return true;
      }
      looked = have;
      if (looked > kLongestLine) {  // let go of what there is, and look on for the end
        input_->skip(looked);
        let_go();
        looked = 0;
        discarding_ = true;
      }
      // As much again: asking for a byte more each time would copy what is there with each.
      if (input_->need(looked + std::max(looked, kBlock / 4)) || input_->left() > looked) continue;
      if (looked == 0 && !discarding_) return false;
      line = {reinterpret_cast<const char*>(input_->at()), looked};
      pending_skip_ = looked;
      too_long = discarding_;
      discarding_ = false;
      return true;
    }
  }

  const std::string& error() const { return input_->error(); }
  std::uint64_t bytes_read() const { return file_.bytes_read(); }
  std::string packing() const {
    return packing_ == capture::Packing::kNone ? "" : std::string("+") + capture::packing_name(packing_);
  }

 private:
  void let_go() {
    std::vector<capture::Block*> free;
    input_->let_go(free);
    pool_.give_back(free);
  }

  capture::BlockPool pool_;
  capture::FileStream file_;
  capture::Packing packing_ = capture::Packing::kNone;
  std::unique_ptr<capture::ByteStream> unpacker_;
  std::unique_ptr<capture::Input> input_;
  std::size_t pending_skip_ = 0;
  bool discarding_ = false;
};

/// One log of the run.
struct Log final : RowTaker {
  Recognised what;
  capture::CaptureInfo info;
  base::Time first_time{INT64_MAX};
  std::unique_ptr<Lines> lines;
  std::unique_ptr<LineReader> reader;
  std::uint32_t ordinal = 0;  // of the log in the case
  std::uint64_t number = 0;
  bool ended = false;
  std::uint64_t values_left_out = 0;
  std::string first_problem;
  std::uint64_t counted = 0;  // bytes, of the source's bytes_read

  // Rows read ahead.
  struct Ahead {
    base::Time when;
    int schema = 0;
    std::size_t row = 0;
  };
  std::vector<std::unique_ptr<record::Batch>> batches;  // by schema id
  std::vector<Ahead> ahead;
  std::size_t next = 0;
  base::Time latest;  // rows of one log are never given before earlier ones of it

  void row(Row& row, base::Time when) override {
    row.head.place.capture_first = row.head.place.capture_last = ordinal;
    const int id = row.schema().id;
    if (batches.size() <= static_cast<std::size_t>(id)) batches.resize(static_cast<std::size_t>(id) + 1);
    auto& batch = batches[static_cast<std::size_t>(id)];
    if (!batch) batch = std::make_unique<record::Batch>(row.schema());
    latest = std::max(latest, when);
    ahead.push_back({latest, id, batch->rows()});
    row.append_to(*batch);
    if (info.first == base::Time{} || row.head.ts < info.first) info.first = row.head.ts;
    info.last = std::max(info.last, row.head.ts);
  }

  /// Reads on until there is a row; false at the end.
  bool fill() {
    ahead.clear();
    next = 0;
    for (const auto& batch : batches)
      if (batch) batch->clear();
    while (!ended && ahead.size() < kAhead) {
      std::string_view text;
      bool too_long = false;
      if (!lines->next(text, too_long)) {
        ended = true;
        reader->finish(*this);
        if (!lines->error().empty()) {
          info.cut_off = true;
          note(lines->error());
        }
        break;
      }
      ++number;
      std::string why;
      Line given = Line::kMalformed;
      if (too_long)
        why = "longer than " + std::to_string(kLongestLine >> 20) + " MiB";
      else
        given = reader->line(text, number, *this, why);
      if (given != Line::kNothing) ++info.lines;
      if (given == Line::kMalformed) {
        ++info.unread;
        note("line " + std::to_string(number) + ": " + why);
      } else if (!why.empty()) {
        if (values_left_out++ == 0 && first_problem.empty()) note("line " + std::to_string(number) + ": " + why);
      }
    }
    return !ahead.empty();
  }

  void note(const std::string& problem) {
    if (first_problem.empty()) first_problem = problem;
  }

  void settle() {
    if (info.unread != 0)
      info.reason = std::to_string(info.unread) + (info.unread == 1 ? " line is" : " lines are") +
                    " malformed, the first: " + first_problem;
    else if (info.cut_off)
      info.reason = first_problem;
    else if (values_left_out != 0)
      info.reason = std::to_string(values_left_out) + " lines hold values that are none, and were read without them; " +
                    "the first: " + first_problem;
  }
};

std::string sha256_of(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return {};
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  base::Digest digest(base::DigestKind::kSha256);
  std::vector<std::uint8_t> buffer(kBlock);
  ssize_t got = 0;
  while ((got = ::read(fd, buffer.data(), buffer.size())) > 0)
    digest.update({buffer.data(), static_cast<std::size_t>(got)});
  ::close(fd);
  return got < 0 ? std::string() : digest.hex();
}

class MergedLogs final : public Source {
 public:
  explicit MergedLogs(std::vector<std::unique_ptr<Log>> logs) : logs_(std::move(logs)) {
    for (std::size_t i = 0; i < logs_.size(); ++i) {
      infos_.push_back(logs_[i]->info);
      total_ += logs_[i]->info.file_bytes;
    }
  }

  bool read(record::Sink& sink, std::size_t most, std::uint32_t first) override {
    if (!begun_) {
      begun_ = true;
      for (std::size_t i = 0; i < logs_.size(); ++i) begin(i, first);
    }
    std::size_t given = 0;
    while (given < most && !heads_.empty()) {
      const Head head = heads_.top();
      heads_.pop();
      Log& log = *logs_[head.log];
      // As long as no other log has anything earlier.
      while (log.next < log.ahead.size()) {
        const Log::Ahead& a = log.ahead[log.next];
        if (!heads_.empty() && heads_.top() < Head{a.when, head.log}) break;
        give(sink, log, a);
        ++log.next;
        if (++given == most) break;
      }
      if (log.next < log.ahead.size() || fill(head.log)) heads_.push({log.ahead[log.next].when, head.log});
    }
    return !heads_.empty();
  }

  const std::vector<capture::CaptureInfo>& captures() const override { return infos_; }
  std::uint64_t bytes_read() const override { return bytes_read_; }
  std::uint64_t bytes_total() const override { return total_; }
  std::vector<std::string> passed_over() const override {
    std::map<std::string, std::uint64_t> counts;
    for (const auto& [name, n] : passed_over_) counts[name] += n;
    std::vector<std::string> out;
    for (const auto& [name, n] : counts)
      out.push_back(std::to_string(n) + (n == 1 ? " event of type " : " events of type ") + name);
    return out;
  }

 private:
  struct Head {
    base::Time when;
    std::size_t log;
    bool operator<(const Head& o) const { return when != o.when ? when < o.when : log < o.log; }
  };
  struct Later {
    bool operator()(const Head& a, const Head& b) const { return b < a; }
  };

  void begin(std::size_t i, std::uint32_t first) {
    Log& log = *logs_[i];
    log.ordinal = first + static_cast<std::uint32_t>(i);
    const int fd = ::open(log.info.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
      infos_[i].cut_off = true;
      infos_[i].reason = std::string("could not be opened again: ") + std::strerror(errno);
      return;
    }
    infos_[i].sha256 = log.info.sha256 = sha256_of(log.info.path);
    log.lines = std::make_unique<Lines>(log.info.path, fd, true, &files_);
    log.reader = make_line_reader(log.what);
    if (fill(i)) heads_.push({log.ahead[0].when, i});
  }

  bool fill(std::size_t i) {
    Log& log = *logs_[i];
    if (log.lines == nullptr) return false;
    const bool more = log.fill();
    bytes_read_ += log.lines->bytes_read() - log.counted;
    log.counted = log.lines->bytes_read();
    if (log.ended) log.settle();
    infos_[i] = log.info;
    if (!more) {
      for (const auto& [name, n] : log.reader->passed_over()) passed_over_[name] += n;
      log.lines.reset();
      log.reader.reset();
      log.batches.clear();
    }
    return more;
  }

  void give(record::Sink& sink, const Log& log, const Log::Ahead& a) {
    const record::Batch& from = *log.batches[static_cast<std::size_t>(a.schema)];
    if (!sink.wants(from.schema())) return;
    sink.batch(from.schema()).append_row(from, a.row);
  }

  std::vector<std::unique_ptr<Log>> logs_;
  std::vector<capture::CaptureInfo> infos_;
  capture::OpenFiles files_{kMostOpenFiles};
  std::priority_queue<Head, std::vector<Head>, Later> heads_;
  std::map<std::string, std::uint64_t> passed_over_;
  std::uint64_t bytes_read_ = 0, total_ = 0;
  bool begun_ = false;
};

/// The first row's time, for the order of logs.
base::Time first_time(Lines& lines, const Recognised& what) {
  Log probe;
  const auto reader = make_line_reader(what);
  std::string_view text;
  bool too_long = false;
  std::uint64_t number = 0;
  std::string why;
  while (number < 200 && probe.ahead.empty() && lines.next(text, too_long)) {
    ++number;
    if (!too_long) reader->line(text, number, probe, why);
  }
  if (probe.ahead.empty()) reader->finish(probe);
  return probe.ahead.empty() ? base::Time{INT64_MAX} : probe.ahead[0].when;
}

}  // namespace

Opened open(const std::vector<std::string>& inputs) {
  Opened out;
  std::vector<std::unique_ptr<Log>> logs;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  const auto look = [&](const std::string& path, bool from_folder) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return;  // whoever reads captures says so
    Lines lines(path, fd, false, nullptr);
    auto log = std::make_unique<Log>();
    log->info.name = fs::path(path).filename().string();
    log->what = recognise(lines.head(kHeadBytes), log->info.name);
    if (!log->what.is_log) return;
    out.taken.insert(path);
    if (!seen.emplace(status.st_dev, status.st_ino).second) return;
    if (log->what.schema == nullptr && log->what.format != "eve") {
      if (from_folder)
        out.passed_over.push_back(log->info.name);
      else
        out.problems.push_back({"a Zeek log of \"" + log->what.path + "\", for which there is no record type", path,
                                "whodunit reference records lists those that are read"});
      return;
    }
    log->info.path = path;
    log->info.format = log->what.format + lines.packing();
    log->info.is_log = true;
    log->info.file_bytes = static_cast<std::uint64_t>(status.st_size);
    log->first_time = first_time(lines, log->what);
    logs.push_back(std::move(log));
  };
  for (const std::string& input : inputs) {
    std::error_code error;
    if (input == "-") continue;
    if (!fs::is_directory(input, error)) {
      look(input, false);
      continue;
    }
    std::vector<std::string> files;
    for (fs::recursive_directory_iterator at(input, fs::directory_options::skip_permission_denied, error), end;
         !error && at != end; at.increment(error)) {
      std::error_code ignored;
      if (fs::is_regular_file(at->symlink_status(ignored))) files.push_back(at->path().string());
    }
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) look(file, true);
  }
  std::sort(out.passed_over.begin(), out.passed_over.end());
  std::stable_sort(logs.begin(), logs.end(), [](const auto& a, const auto& b) {
    if (a->first_time != b->first_time) return a->first_time < b->first_time;
    if (a->info.name != b->info.name) return a->info.name < b->info.name;
    return a->info.path < b->info.path;
  });
  if (!logs.empty()) out.source = std::make_unique<MergedLogs>(std::move(logs));
  return out;
}

}  // namespace whodunit::logs
