// Files that cross connections: parsers say when one begins, give its bytes and say when it ends; what comes out is a
// `files` row with its size, its type by content, and where asked its digests and an extracted copy.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "protocol/parser.h"
#include "record/types.h"

namespace whodunit::protocol {

/// What is known of a file when it begins.
struct FileStart {
  std::string_view source;    ///< a literal: "HTTP", "SMTP", "FTP_DATA", "SMB", "SSL", …
  Direction direction;        ///< who sends it
  std::uint64_t ordinal = 0;  ///< counts the files of this source on this connection: with the uid it makes the fuid
  std::uint64_t depth = 0;
  std::string_view name = {};                               ///< null: unknown; copied
  std::optional<std::uint64_t> total_bytes = std::nullopt;  ///< size as the source says
  std::string_view mime_type = {};  ///< a literal: the type where the source is certain; else by content
};

/// A file that is being transferred: a parser keeps it between calls. Made by FileSink::open.
class File {
 public:
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  record::Fuid fuid() const;
  /// A literal; empty while it is not known yet, or where it has no type that we know.
  std::string_view mime_type() const;
  std::uint64_t seen_bytes() const;
  /// All bytes that the source announced have passed.
  bool complete() const;

 private:
  friend class FileSink;
  struct State;
  explicit File(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};
using FileHandle = std::unique_ptr<File>;

/// What a parser may want to note of a file that is over.
struct FileClosed {
  record::Fuid fuid;
  std::string_view mime_type;  ///< a literal, or empty
};

/// Takes files. One per worker; all calls for a file come in order.
class FileSink {
 public:
  /// All references outlive the sink. `extracted` counts the bytes extracted over the run, shared by the workers; null:
  /// the sink counts for itself.
  FileSink(const Plan& plan, base::MemoryAccountant& memory, std::atomic<std::uint64_t>* extracted = nullptr);
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  /// A file begins. Call it with the file's first bytes at hand, not earlier: its time is the context's.
  FileHandle open(Context& context, const FileStart& start);
  void set_name(File& file, std::string_view name);
  void set_total_bytes(File& file, std::uint64_t bytes);
  /// The next bytes, in order.
  void data(Context& context, File& file, base::Bytes bytes);
  /// Bytes at an offset, in any order (SMB, ranges): put in place within limits. Overlaps are taken from what came
  /// first.
  void data_at(Context& context, File& file, std::uint64_t offset, base::Bytes bytes);
  /// The next `bytes` bytes were lost.
  void gap(Context& context, File& file, std::uint64_t bytes);
  /// The file is over: emits its row and empties the handle. `timed_out`: its end was never seen.
  FileClosed close(Context& context, FileHandle& file, bool timed_out = false);

 private:
  void put(Context& context, File::State& state, base::Bytes bytes);
  void lost(File::State& state, std::uint64_t bytes);
  void flush(Context& context, File::State& state);
  void emit_contents(Context& context, const File::State& state);
  const Plan& plan_;
  base::MemoryAccountant& memory_;
  std::atomic<std::uint64_t>* extracted_;
  std::atomic<std::uint64_t> own_extracted_{0};
};

}  // namespace whodunit::protocol
