// Files, folders and standard input, merged in packet-time order.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "capture/capture.h"
#include "capture/digester.h"
#include "capture/filter.h"
#include "capture/input.h"
#include "capture/reader.h"
#include "capture/stream.h"

namespace whodunit::capture {

namespace {

constexpr std::size_t kBlock = 1u << 20;          // what one large read asks for
constexpr std::size_t kSmallBlock = 64 * 1024;    // to look at a file's beginning
constexpr std::size_t kBlocksBudget = 48u << 20;  // shared by the captures that are read at the same time
constexpr std::size_t kLeastBlock = 32 * 1024;
constexpr std::size_t kMostOpenFiles = 256;
constexpr std::size_t kRun = 64;  // packets read ahead per capture while merging

/// One capture's file with all that is needed to read it. Not movable: its parts point to each other.
class OpenCapture {
 public:
  OpenCapture(std::string path, int fd, bool can_reopen, OpenFiles* files, BlockPool& pool)
      : file_(std::move(path), fd, can_reopen, files), pool_(pool) {}

  /// Recognises the format. False: `why` says why, empty where it is no capture at all.
  bool begin(std::size_t block_bytes, Digester* digester, std::string& why) {
    if (digester != nullptr) {
      file_.digest_with(digester);
      file_.job() = digester->begin();
    }
    Block* block = pool_.get(block_bytes);
    std::size_t have = 0;
    while (have < 6) {  // the longest magic number
      const std::size_t got = file_.read(*block, have, block->capacity - have);
      if (got == 0) break;
      have += got;
    }
    const Packing packing = packing_of({block->data.get(), have});
    format_ = "";
    if (packing == Packing::kNone) {
      input_ = std::make_unique<Input>(file_, pool_, block_bytes, block, 0, have);
    } else {
      format_ = std::string("+") + packing_name(packing);
      unpacker_ = unpack(packing, file_, pool_, block, 0, have);
      input_ = std::make_unique<Input>(*unpacker_, pool_, block_bytes, nullptr, 0, 0);
    }
    reader_ = make_format_reader(*input_, why);
    if (reader_ == nullptr) return false;
    format_ = reader_->format() + format_;
    return true;
  }

  FormatReader& reader() { return *reader_; }
  Input& input() { return *input_; }
  /// Moves every block that packets may lie in to `into`.
  void retire(std::vector<Block*>& into) { input_->let_go_all(into); }
  FileStream& file() { return file_; }
  const std::string& format() const { return format_; }

  /// Reads what the format's reader left, for the digest alone.
  void drain() {
    Block* block = pool_.get(kSmallBlock);
    while (file_.read(*block, 0, block->capacity) > 0) {
      if (file_.digester() == nullptr) continue;
      pool_.give_back(block);
      block = pool_.get(kSmallBlock);
    }
    pool_.give_back(block);
  }

 private:
  FileStream file_;
  BlockPool& pool_;
  std::unique_ptr<ByteStream> unpacker_;
  std::unique_ptr<Input> input_;
  std::unique_ptr<FormatReader> reader_;
  std::string format_;
};

/// A capture of the run: waiting for its turn, being read, or done.
struct Member {
  std::string path;
  base::Time first_time{INT64_MAX};
  bool regular = false;
  std::uint64_t file_bytes = 0;
  CaptureInfo info;
  std::unique_ptr<OpenCapture> open;
  std::vector<RawPacket> run;  // read ahead
  std::size_t next = 0;        // of run: given so far
  bool ended = false;
  std::uint64_t counted = 0;  // file bytes already in bytes_read
  std::vector<Block*> left;   // blocks that packets of `run` may lie in
  Block* copies = nullptr;    // with a filter: what passed is copied here, so that the rest can be let go
  std::size_t copied = 0;
};

class MergedSource final : public Source {
 public:
  MergedSource(const OpenOptions& options) : files_(kMostOpenFiles), filter_(options.filter) {
    if (options.digest) digester_ = std::make_unique<Digester>();
  }
  ~MergedSource() override {
    digester_.reset();  // its thread reads blocks of pool_
  }

  OpenFiles& files() { return files_; }
  BlockPool& pool() { return pool_; }
  Filter& filter() { return filter_; }
  Digester* digester() { return digester_.get(); }

  /// Takes the captures, in order, once.
  void take(std::vector<std::unique_ptr<Member>> members) {
    members_ = std::move(members);
    infos_.resize(members_.size());
    for (std::size_t i = 0; i < members_.size(); ++i) {
      infos_[i] = std::move(members_[i]->info);
      bytes_total_ = members_[i]->regular ? bytes_total_ + members_[i]->file_bytes : bytes_total_;
      known_total_ = known_total_ && members_[i]->regular;
    }
  }

  const std::vector<CaptureInfo>& captures() const override { return infos_; }
  std::vector<CaptureInfo>& captures() override { return infos_; }
  std::uint64_t bytes_read() const override { return bytes_read_; }
  std::uint64_t bytes_total() const override { return known_total_ ? bytes_total_ : 0; }

  void read(std::vector<RawPacket>& out, std::size_t most) override {
    pool_.give_back(retired_);
    out.resize(most);
    std::size_t count = 0;
    while (count < most) {
      if (waiting_ < members_.size() && (active_.empty() || next_waiting_time() <= active_.front().time)) {
        activate(waiting_++);
        continue;
      }
      if (active_.empty()) break;
      const std::uint32_t ordinal = active_.front().ordinal;
      Member& member = *members_[ordinal];
      if (active_.size() == 1 && waiting_ == members_.size() && member.next == member.run.size()) {
        // The only one left: straight to the caller.
        count += fill(ordinal, out.data() + count, most - count);
        if (member.ended) {
          active_.clear();
          retire(member);
        }
        continue;
      }
      // As long as none of the others has anything earlier.
      std::pop_heap(active_.begin(), active_.end(), Later{});
      active_.pop_back();
      Head limit{base::Time{INT64_MAX}, UINT32_MAX};
      if (!active_.empty()) limit = active_.front();
      if (waiting_ < members_.size() && next_waiting_time() < limit.time) limit = {next_waiting_time(), 0};
      while (member.next < member.run.size() && count < most) {
        const RawPacket& packet = member.run[member.next];
        if (Later{}({packet.time, ordinal}, limit)) break;
        out[count++] = packet;
        ++member.next;
      }
      const bool alone = active_.empty() && waiting_ == members_.size();
      if (member.next < member.run.size() || (alone ? !member.ended : refill(ordinal)))
        push(ordinal);
      else
        retire(member);
    }
    out.resize(count);
    if (digests_to_come_ > 0) collect_digests(count < most);
  }

 private:
  struct Head {
    base::Time time;
    std::uint32_t ordinal;
  };
  struct Later {
    bool operator()(const Head& a, const Head& b) const {
      return a.time != b.time ? a.time > b.time : a.ordinal > b.ordinal;
    }
  };

  base::Time next_waiting_time() const {
    return waiting_ < members_.size() ? members_[waiting_]->first_time : base::Time{INT64_MAX};
  }

  void push(std::uint32_t ordinal) {
    const Member& member = *members_[ordinal];
    // With nothing read ahead it is the only one, and the time does not matter.
    active_.push_back({member.next < member.run.size() ? member.run[member.next].time : base::Time{}, ordinal});
    std::push_heap(active_.begin(), active_.end(), Later{});
  }

  void activate(std::size_t index) {
    const auto ordinal = static_cast<std::uint32_t>(index);
    Member& member = *members_[index];
    if (!member.open) {
      const int fd = ::open(member.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
      std::string why;
      if (fd < 0) {
        fail(ordinal, std::string("could not be opened again: ") + std::strerror(errno));
        return;
      }
      ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
      // One or a few captures get large buffers; many share what there is.
      const std::size_t block = std::clamp(kBlocksBudget / (active_.size() + 1) / 3, kLeastBlock, kBlock);
      member.open = std::make_unique<OpenCapture>(member.path, fd, true, &files_, pool_);
      if (!member.open->begin(block, digester_.get(), why)) {
        fail(ordinal, why.empty() ? "changed while it was read" : why);
        if (digester_ != nullptr) {
          member.open->drain();
          digester_->end(member.open->file().job(), ordinal);
          ++digests_to_come_;
        }
        member.open.reset();
        return;
      }
    }
    CaptureInfo& info = infos_[index];
    info.format = member.open->format();
    if (!member.run.empty()) {  // read early
      std::size_t kept = account(ordinal, member.run.data(), member.run.size());
      member.run.resize(kept);
    }
    if (member.next < member.run.size() || refill(ordinal)) push(ordinal);
  }

  void collect_digests(bool wait) {
    for (auto& [ordinal, hex] : digester_->collect(wait)) {
      infos_[ordinal].sha256 = std::move(hex);
      --digests_to_come_;
    }
  }

  void fail(std::uint32_t ordinal, const std::string& why) {
    CaptureInfo& info = infos_[ordinal];
    info.cut_off = true;
    info.reason = why;
    members_[ordinal]->ended = true;
  }

  bool refill(std::uint32_t ordinal) {
    Member& member = *members_[ordinal];
    member.next = 0;
    if (member.ended) {
      member.run.clear();
      return false;
    }
    member.run.resize(kRun);
    member.run.resize(fill(ordinal, member.run.data(), kRun));
    return !member.run.empty();
  }

  /// What was read before has been given: its blocks may go once the caller asks for more.
  void retire(Member& member) {
    retired_.insert(retired_.end(), member.left.begin(), member.left.end());
    member.left.clear();
  }

  /// Fills `out` with packets that pass the filter; fewer than `most` only at the end, which finishes the capture.
  std::size_t fill(std::uint32_t ordinal, RawPacket* out, std::size_t most) {
    Member& member = *members_[ordinal];
    retire(member);
    std::size_t count = 0;
    while (count < most && !member.ended) {
      const std::size_t wanted = most - count;
      const std::size_t got = member.open->reader().read(out + count, wanted);
      count += account(ordinal, out + count, got);
      if (filter_.empty()) {
        member.open->input().let_go(member.left);
      } else {  // copied what is wanted
        std::vector<Block*> free;
        member.open->input().let_go(free);
        pool_.give_back(free);
      }
      const std::uint64_t read_by_now = member.open->file().bytes_read();
      bytes_read_ += read_by_now - member.counted;
      member.counted = read_by_now;
      if (got < wanted) finish(ordinal);
    }
    return count;
  }

  /// A copy of a packet's bytes that lives as long as its run.
  base::Bytes copy(Member& member, base::Bytes bytes) {
    if (member.copies == nullptr || member.copies->capacity - member.copied < bytes.size()) {
      if (member.copies != nullptr) member.left.push_back(member.copies);
      member.copies = pool_.get(std::max(kSmallBlock, bytes.size()));
      member.copied = 0;
    }
    std::uint8_t* to = member.copies->data.get() + member.copied;
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    member.copied += bytes.size();
    return {to, bytes.size()};
  }

  /// Filters, stamps the ordinal, keeps the capture's counts. Gives how many are left.
  std::size_t account(std::uint32_t ordinal, RawPacket* packets, std::size_t got) {
    CaptureInfo& info = infos_[ordinal];
    std::size_t kept = 0;
    const bool filtered = !filter_.empty();
    for (std::size_t i = 0; i < got; ++i) {
      RawPacket& packet = packets[i];
      if (filtered) {
        if (!filter_.matches(packet)) {
          if (!filter_.problem(packet.link_type).empty()) {
            ++info.unread;
            if (info.reason.empty()) {
              info.reason = "the filter cannot be used for link type " + std::to_string(packet.link_type) + ": " +
                            filter_.problem(packet.link_type);
            }
          }
          continue;
        }
        if (kept != i) packets[kept] = packet;
        packets[kept].bytes = copy(*members_[ordinal], packets[kept].bytes);
      }
      RawPacket& given = packets[kept++];
      given.capture = ordinal;
      if (info.packets++ == 0) {
        info.first = info.last = given.time;
        info.link_types.push_back(given.link_type);
      } else if (info.link_types.back() != given.link_type &&
                 std::find(info.link_types.begin(), info.link_types.end(), given.link_type) == info.link_types.end()) {
        info.link_types.push_back(given.link_type);
      }
      info.bytes += given.bytes.size();
      if (given.time < info.first) info.first = given.time;
      if (given.time > info.last) info.last = given.time;
    }
    return kept;
  }

  void finish(std::uint32_t ordinal) {
    Member& member = *members_[ordinal];
    CaptureInfo& info = infos_[ordinal];
    member.ended = true;
    const FormatReader& reader = member.open->reader();
    info.nanoseconds = reader.nanoseconds();
    info.unread += reader.unread();
    if (!reader.damage().empty()) {
      info.cut_off = true;
      info.reason = info.reason.empty() ? reader.damage() : info.reason + "; " + reader.damage();
    }
    if (digester_ != nullptr) member.open->drain();
    if (!member.regular) info.file_bytes = member.open->file().bytes_read();
    const std::uint64_t read_by_now = member.open->file().bytes_read();
    bytes_read_ += (member.regular ? std::max(member.file_bytes, read_by_now) : read_by_now) - member.counted;
    if (digester_ != nullptr) {
      digester_->end(member.open->file().job(), ordinal);
      ++digests_to_come_;
    }
    member.open->retire(member.left);
    if (member.copies != nullptr) member.left.push_back(std::exchange(member.copies, nullptr));
    member.open.reset();
  }

  // Declared in this order so that they end in the reverse one: blocks outlive whatever points into them.
  BlockPool pool_;
  OpenFiles files_;
  Filter filter_;
  std::unique_ptr<Digester> digester_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<CaptureInfo> infos_;
  std::vector<Head> active_;
  std::size_t waiting_ = 0;
  std::vector<Block*> retired_;
  std::size_t digests_to_come_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_total_ = 0;
  bool known_total_ = true;
};

/// Opens a file for the first time, to see what it is: its format and its first packet's time. What cannot be opened
/// twice (a pipe) stays open.
bool probe(MergedSource& source, Member& member, std::string& why) {
  const bool is_stdin = member.path == "-";
  const int fd = is_stdin ? STDIN_FILENO : ::open(member.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    why = std::strerror(errno);
    return false;
  }
  struct stat status {};
  member.regular = !is_stdin && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  if (member.regular) member.file_bytes = static_cast<std::uint64_t>(status.st_size);
  auto opened = std::make_unique<OpenCapture>(member.path, fd, false, nullptr, source.pool());
  if (!opened->begin(member.regular ? kSmallBlock : kBlock, member.regular ? nullptr : source.digester(), why))
    return false;
  RawPacket first;
  if (opened->reader().read(&first, 1) == 1) {
    member.first_time = first.time;
    if (!source.filter().empty()) {
      const std::string& problem = source.filter().problem(first.link_type);
      if (!problem.empty()) {
        why = "the filter cannot be used for its link type " + std::to_string(first.link_type) + ": " + problem;
        return false;
      }
    }
    if (!member.regular) member.run.push_back(first);
  }
  member.info.format = opened->format();
  member.info.path = member.path;
  member.info.name = is_stdin ? "-" : std::filesystem::path(member.path).filename().string();
  member.info.file_bytes = member.file_bytes;
  if (!member.regular) member.open = std::move(opened);
  return true;
}

/// The regular files below a folder, by path. Symbolic links are not followed.
std::vector<std::string> files_below(const std::string& folder, std::vector<base::Error>& problems) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::vector<std::string> folders{folder};
  while (!folders.empty()) {
    const std::string here = std::move(folders.back());
    folders.pop_back();
    std::error_code error;
    fs::directory_iterator entries(here, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      std::error_code ignored;
      const fs::file_status status = entries->symlink_status(ignored);
      if (fs::is_regular_file(status)) files.push_back(entries->path().string());
      if (fs::is_directory(status)) folders.push_back(entries->path().string());
    }
    if (error) problems.push_back({"the folder could not be read: " + error.message(), here, "check its permissions"});
  }
  std::sort(files.begin(), files.end());
  return files;
}

constexpr const char* kHintFormats =
    "give a pcap or pcapng file, as tcpdump and Wireshark write them; gzip, zstd, xz and lz4 are unpacked";

}  // namespace

Opened open(const std::vector<std::string>& inputs, const OpenOptions& options) {
  Opened result;
  auto source = std::make_unique<MergedSource>(options);
  std::vector<std::unique_ptr<Member>> members;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;  // device and inode: no file is read twice

  auto add = [&](const std::string& path, bool from_folder) {
    if (path != "-") {
      struct stat status {};
      if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
          !seen.emplace(status.st_dev, status.st_ino).second) {
        return true;
      }
      if (options.skip && options.skip(path)) return true;
    }
    auto member = std::make_unique<Member>();
    member->path = path;
    std::string why;
    if (probe(*source, *member, why)) {
      members.push_back(std::move(member));
      return true;
    }
    if (why.empty()) {
      if (!from_folder) {
        result.problems.push_back({"not a capture: its first bytes are neither pcap's nor pcapng's",
                                   path == "-" ? "standard input" : path, kHintFormats});
      }
    } else if (path == "-" && why == kEmptyFile) {
      result.problems.push_back({"nothing came in", "standard input", "pipe a capture into it: … | whodunit … -"});
    } else if (!from_folder || (why != kEmptyFile && why != kIsCase)) {
      result.problems.push_back({why, path == "-" ? "standard input" : path, ""});
    }
    return false;
  };

  for (const std::string& input : inputs) {
    if (input == "-") {
      if (seen.emplace(UINT64_MAX, UINT64_MAX).second) add(input, false);
      continue;
    }
    struct stat status {};
    if (::stat(input.c_str(), &status) != 0) {
      result.problems.push_back({errno == ENOENT ? "no such file" : std::strerror(errno), input, "check the path"});
      continue;
    }
    if (!S_ISDIR(status.st_mode)) {
      add(input, false);
      continue;
    }
    const std::size_t problems_before = result.problems.size();
    std::size_t found = 0;
    for (const std::string& file : files_below(input, result.problems)) found += add(file, true) ? 1 : 0;
    if (found == 0 && result.problems.size() == problems_before)
      result.problems.push_back({"no capture in this folder", input, kHintFormats});
  }
  if (members.empty()) return result;

  std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
    if (a->first_time != b->first_time) return a->first_time < b->first_time;
    if (a->info.name != b->info.name) return a->info.name < b->info.name;
    return a->path < b->path;
  });
  source->take(std::move(members));
  result.source = std::move(source);
  return result;
}

}  // namespace whodunit::capture
