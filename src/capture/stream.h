// Bytes of a file as they stand in it, and unpacked: what the readers of formats read from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "capture/blocks.h"
#include "capture/digester.h"

namespace whodunit::capture {

/// A stream of bytes, read forward once.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Reads up to `most` (> 0) bytes to `block` at `offset`; the room is there. 0 at the end, or after an error.
  virtual std::size_t read(Block& block, std::size_t offset, std::size_t most) = 0;
  /// Why reading ended before the end of the data, in words; empty where it did not.
  virtual const std::string& error() const = 0;
};

/// Keeps at most a number of files open at once: the one that was read longest ago is closed first, and opened again at
/// its place when it is read next. So thousands of captures that overlap in time can be merged.
class OpenFiles;

/// A file, a pipe or standard input. Hands what it read to the digester, if there is one.
class FileStream final : public ByteStream {
 public:
  /// `fd` is owned from here on (but for standard input's). `can_reopen`: a regular file, which `files` may close in
  /// between.
  FileStream(std::string path, int fd, bool can_reopen, OpenFiles* files);
  FileStream(const FileStream&) = delete;
  FileStream& operator=(const FileStream&) = delete;
  ~FileStream() override;

  std::size_t read(Block& block, std::size_t offset, std::size_t most) override;
  const std::string& error() const override { return error_; }

  void digest_with(Digester* digester) { digester_ = digester; }
  Digester* digester() { return digester_; }
  DigestJob& job() { return job_; }
  std::uint64_t bytes_read() const { return offset_; }
  bool at_end() const { return at_end_; }

 private:
  friend class OpenFiles;
  bool ensure_open();
  void park();

  std::string path_;
  int fd_;
  bool can_reopen_;
  bool at_end_ = false;
  OpenFiles* files_;
  std::uint64_t last_use_ = 0;
  std::uint64_t offset_ = 0;
  Digester* digester_ = nullptr;
  DigestJob job_;
  std::string error_;
};

class OpenFiles {
 public:
  explicit OpenFiles(std::size_t most) : most_(most) {}
  void opened(FileStream* stream);
  void closed(FileStream* stream);
  std::uint64_t tick() { return ++clock_; }

 private:
  std::size_t most_;
  std::uint64_t clock_ = 0;
  std::vector<FileStream*> open_;
};

enum class Packing { kNone, kGzip, kZstd, kXz, kLz4 };

/// By the first bytes of a file.
Packing packing_of(base::Bytes start);
/// "gzip", "zstd", "xz", "lz4".
const char* packing_name(Packing packing);

/// Unpacks what `file` holds. `start` holds bytes [from, to) of the file that were read already; it is given back to
/// `pool`. Memory is bounded: windows of more than 128 MiB are an error.
std::unique_ptr<ByteStream> unpack(Packing packing, FileStream& file, BlockPool& pool, Block* start, std::size_t from,
                                   std::size_t to);

}  // namespace whodunit::capture
