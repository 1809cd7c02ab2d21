// A window over a stream: the bytes at hand are contiguous, and stay where they are until they are let go.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "capture/blocks.h"
#include "capture/stream.h"

namespace whodunit::capture {

/// Formats are parsed in place in here. A block that has been left is kept until `let_go`, so views into it live on;
/// only what straddles two blocks is copied.
class Input {
 public:
  /// `block` (may be null) holds bytes [from, to) of the stream that were read already.
  Input(ByteStream& stream, BlockPool& pool, std::size_t block_bytes, Block* block, std::size_t from, std::size_t to)
      : stream_(stream), pool_(pool), block_bytes_(block_bytes), block_(block) {
    if (block_ != nullptr) {
      at_ = block_->data.get() + from;
      end_ = block_->data.get() + to;
    }
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() {
    pool_.give_back(left_behind_);
    pool_.give_back(block_);
  }

  /// True where at least `count` bytes are at hand now, contiguous from `at()`; false where the stream ends before.
  bool need(std::size_t count) { return left() >= count || fill(count); }
  const std::uint8_t* at() const { return at_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  void skip(std::size_t count) {
    at_ += count;
    offset_ += count;
  }
  /// Skips `count` bytes without keeping them all at hand; false where the stream ends before.
  bool skip_over(std::uint64_t count);
  /// Where `at()` is, in bytes from the start of the (unpacked) stream.
  std::uint64_t offset() const { return offset_; }
  const std::string& error() const { return stream_.error(); }
  /// Moves the blocks that were left to `into`: whoever takes them gives them back to the pool.
  void let_go(std::vector<Block*>& into) {
    into.insert(into.end(), left_behind_.begin(), left_behind_.end());
    left_behind_.clear();
  }
  /// The same with the block at hand: nothing can be read any more.
  void let_go_all(std::vector<Block*>& into) {
    let_go(into);
    if (block_ != nullptr) into.push_back(block_);
    block_ = nullptr;
    at_ = end_ = nullptr;
  }

 private:
  bool fill(std::size_t count);

  ByteStream& stream_;
  BlockPool& pool_;
  std::size_t block_bytes_;
  Block* block_;
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  std::uint64_t offset_ = 0;
  std::vector<Block*> left_behind_;
};

}  // namespace whodunit::capture
