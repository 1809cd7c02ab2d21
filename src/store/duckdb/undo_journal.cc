#include "store/duckdb/undo_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

namespace whodunit::store::duckdb {
namespace {

using base::Error;
using base::Result;

constexpr std::array<char, 8> kMagic = {'W', 'H', 'O', 'U', 'N', 'D', 'O', '1'};
constexpr std::size_t kMostBlockBytes = 1u << 20;  // DuckDB's blocks are of 256 KiB at most
constexpr std::size_t kMostBlocks = 1u << 20;

/// The head of a journal; after it come the headers of the case, then each block's number and bytes.
struct Head {
  std::array<char, 8> magic = kMagic;
  std::uint64_t block_bytes = 0;
  std::uint64_t blocks = 0;
};

class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  bool close() {
    const bool closed = fd_ < 0 || ::close(fd_) == 0;
    fd_ = -1;
    return closed;
  }
  /// All bytes or false; `at` counts on.
  bool read(void* to, std::size_t bytes, std::uint64_t& at) const {
    auto* out = static_cast<char*>(to);
    while (bytes > 0) {
      const ssize_t n = ::pread(fd_, out, bytes, static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      out += n;
      at += static_cast<std::uint64_t>(n);
      bytes -= static_cast<std::size_t>(n);
    }
    return true;
  }
  bool write(const void* from, std::size_t bytes, std::uint64_t& at) const {
    const auto* in = static_cast<const char*>(from);
    while (bytes > 0) {
      const ssize_t n = ::pwrite(fd_, in, bytes, static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      in += n;
      at += static_cast<std::uint64_t>(n);
      bytes -= static_cast<std::size_t>(n);
    }
    return true;
  }

 private:
  int fd_;
};

std::uint64_t place(std::uint64_t block, std::size_t block_bytes) { return kHeaderBytes + block * block_bytes; }

}  // namespace

Result<void> UndoJournal::save(std::span<const std::uint64_t> blocks, std::size_t block_bytes) const {
  const std::string fresh = journal_ + "-new";
  const auto failed = [&] {
    const int why = errno;
    ::unlink(fresh.c_str());
    return Error{fmt::format("what a checkpoint overwrites could not be saved: {}", std::strerror(why)), journal_,
                 "make room, or give another place with --case"};
  };
  const File from(path_, O_RDONLY);
  File to(fresh, O_WRONLY | O_CREAT | O_TRUNC);
  if (!from.is_open() || !to.is_open()) return failed();
  Head head;
  head.block_bytes = block_bytes;
  head.blocks = blocks.size();
  std::vector<char> bytes(std::max(kHeaderBytes, block_bytes));
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  if (!from.read(bytes.data(), kHeaderBytes, in) || !to.write(&head, sizeof head, out) ||
      !to.write(bytes.data(), kHeaderBytes, out))
    return failed();
  for (const std::uint64_t block : blocks) {
    in = place(block, block_bytes);
    if (!from.read(bytes.data(), block_bytes, in) || !to.write(&block, sizeof block, out) ||
        !to.write(bytes.data(), block_bytes, out))
      return failed();
  }
  if (::fdatasync(to.fd()) != 0 || !to.close() || ::rename(fresh.c_str(), journal_.c_str()) != 0) return failed();
  return {};
}

Result<void> UndoJournal::recover() const {
  const File journal(journal_, O_RDONLY);
  if (!journal.is_open()) return {};
  const File file(path_, O_RDWR);
  const bool may_write = file.is_open();
  if (may_write) {
    // DuckDB holds such a lock on a file that it writes: then the journal is that writer's.
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(file.fd(), F_SETLK, &lock) != 0) return {};
  }
  const File readable(path_, O_RDONLY);
  Head head;
  std::uint64_t at = 0;
  std::vector<char> saved(kHeaderBytes);
  std::vector<char> now(kHeaderBytes);
  std::uint64_t start = 0;
  const bool whole = journal.read(&head, sizeof head, at) && head.magic == kMagic && head.block_bytes > 0 &&
                     head.block_bytes <= kMostBlockBytes && head.blocks <= kMostBlocks &&
                     journal.read(saved.data(), kHeaderBytes, at);
  struct stat of_journal {};
  struct stat of_file {};
  const bool fits = whole && ::fstat(journal.fd(), &of_journal) == 0 && readable.is_open() &&
                    ::fstat(readable.fd(), &of_file) == 0 &&
                    static_cast<std::uint64_t>(of_journal.st_size) == at + head.blocks * (8 + head.block_bytes) &&
                    readable.read(now.data(), kHeaderBytes, start);
  if (!fits || saved != now) {
    // Nothing that can be used, or the checkpoint after it came to its end.
    if (may_write) remove();
    return {};
  }
  std::vector<char> was(head.block_bytes);
  std::vector<char> is(head.block_bytes);
  bool mended = false;
  for (std::uint64_t i = 0; i < head.blocks; ++i) {
    std::uint64_t block = 0;
    if (!journal.read(&block, sizeof block, at) || !journal.read(was.data(), was.size(), at))
      return Error{"what the last checkpoint overwrote could not be read back", journal_, ""};
    const auto size = static_cast<std::uint64_t>(of_file.st_size);
    if (block > size || place(block, head.block_bytes) + head.block_bytes > size) continue;  // not of this file
    std::uint64_t to = place(block, head.block_bytes);
    if (readable.read(is.data(), is.size(), to) && is == was) continue;
    if (!may_write)
      return Error{
          "the run that wrote this case was killed in the middle of a write, and the case cannot be mended here", path_,
          "copy it, with " + journal_ + ", to a place that can be written"};
    to = place(block, head.block_bytes);
    if (!file.write(was.data(), was.size(), to))
      return Error{fmt::format("the case could not be mended: {}", std::strerror(errno)), path_, ""};
    mended = true;
  }
  if (mended && ::fdatasync(file.fd()) != 0)
    return Error{fmt::format("the case could not be mended: {}", std::strerror(errno)), path_, ""};
  if (may_write) remove();
  return {};
}

void UndoJournal::remove() const {
  ::unlink(journal_.c_str());
  ::unlink((journal_ + "-new").c_str());
}

}  // namespace whodunit::store::duckdb
