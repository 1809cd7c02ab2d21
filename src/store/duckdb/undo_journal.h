// What makes a checkpoint survive a kill in its middle. DuckDB writes the data of a checkpoint to free blocks and then
// switches to them by one write of its header, but the blocks of its *metadata*, of which parts are in use by the state
// before, it overwrites in place (MetadataManager::Flush, DuckDB 1.4). A process that is killed within such a write
// leaves a block whose checksum is wrong, and a file that does not open. So these blocks are saved first, as SQLite
// does with its rollback journal, and put back where the header was not switched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace whodunit::store::duckdb {

/// The bytes before the first block of a DuckDB file: the main header and the two database headers.
inline constexpr std::size_t kHeaderBytes = 3 * 4096;

class UndoJournal {
 public:
  /// `journal`: the journal's own file, beside the case `path`.
  UndoJournal(std::string path, std::string journal) : path_(std::move(path)), journal_(std::move(journal)) {}

  /// Saves the headers and these blocks (numbers from 0) of `block_bytes` each, so that they are on the disk before
  /// this returns; takes the place of what was saved before. Errors: the disk is full, the place cannot be written.
  base::Result<void> save(std::span<const std::uint64_t> blocks, std::size_t block_bytes) const;

  /// Call before the file is opened. Puts the saved blocks back where the header is still the saved one, which is to
  /// say that the checkpoint did not come to its end; forgets them where it did. Does nothing without a journal, or
  /// while another process has the file open for writing. Errors: the file must be mended and cannot be written.
  base::Result<void> recover() const;

  /// After the last checkpoint.
  void remove() const;

 private:
  std::string path_;
  std::string journal_;
};

}  // namespace whodunit::store::duckdb
