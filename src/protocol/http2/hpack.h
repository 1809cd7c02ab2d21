// HPACK (RFC 7541): how HTTP/2 compresses header fields.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace whodunit::protocol::http2 {

using base::Bytes;

struct Field {
  std::string name, value;
};

/// Undoes the Huffman code of RFC 7541 appendix B; false where the bits are none of it, or the text would be longer
/// than `most` bytes.
bool huffman(Bytes coded, std::size_t most, std::string& out);

/// The decoder of one direction of a connection: its blocks in order, each once.
class Hpack {
 public:
  /// Bytes of the largest dynamic table that is followed, by RFC 7541 4.1's reckoning.
  static constexpr std::size_t kMostTable = 64 << 10;
  static constexpr std::size_t kMostText = 32 << 10;   ///< bytes of a name or value
  static constexpr std::size_t kMostList = 128 << 10;  ///< bytes of a block's fields; more are read but not given
  static constexpr std::size_t kMostFields = 512;

  /// Reads one block's fields; false where it is broken, from where on only what does not refer to the dynamic table
  /// can be told.
  bool decode(Bytes block, std::vector<Field>& out);
  /// A block was lost: the dynamic table is not known any more.
  void lose() {
    lost_ = true;
    table_.clear();
    size_ = 0;
  }
  bool lost() const { return lost_; }
  /// Bytes that the table holds.
  std::size_t size() const { return size_; }

 private:
  const Field* at(std::uint64_t index) const;
  void add(Field field);
  void evict(std::size_t room);

  std::deque<Field> table_;  // newest first
  std::size_t size_ = 0, limit_ = 4096;
  bool lost_ = false;
};

}  // namespace whodunit::protocol::http2
