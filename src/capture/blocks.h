// The buffers that captures are read into, used over and over.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace whodunit::capture {

/// A buffer. Its user and the digester may hold it at the same time; both only read what was read into it.
struct Block {
  explicit Block(std::size_t bytes) : data(new std::uint8_t[bytes]), capacity(bytes) {}
  std::unique_ptr<std::uint8_t[]> data;  // not initialised: every byte is read into before it is looked at
  std::size_t capacity;
  std::atomic<int> digesting{0};  ///< jobs of the digester that still need the bytes
};

/// Owns all blocks. Used by one thread; only `Block::digesting` is touched by another.
class BlockPool {
 public:
  /// A block of at least `bytes`.
  Block* get(std::size_t bytes) {
    for (std::size_t i = free_.size(); i-- > 0;) {
      Block* block = free_[i];
      if (block->capacity < bytes || block->capacity > 4 * bytes + kSlack) continue;
      if (block->digesting.load(std::memory_order_acquire) != 0) continue;
      free_[i] = free_.back();
      free_.pop_back();
      return block;
    }
    shrink();
    blocks_.push_back(std::make_unique<Block>(bytes));
    return blocks_.back().get();
  }
  void give_back(Block* block) {
    if (block != nullptr) free_.push_back(block);
  }
  void give_back(std::vector<Block*>& blocks) {
    for (Block* block : blocks) free_.push_back(block);
    blocks.clear();
  }

 private:
  static constexpr std::size_t kSlack = 64 * 1024;
  static constexpr std::size_t kIdle = 64;

  // Odd sizes that nobody wants any more must not pile up.
  void shrink() {
    if (free_.size() < kIdle) return;
    std::vector<Block*> keep;
    for (Block* block : free_) {
      if (block->digesting.load(std::memory_order_acquire) != 0) {
        keep.push_back(block);
        continue;
      }
      std::erase_if(blocks_, [&](const std::unique_ptr<Block>& b) { return b.get() == block; });
    }
    free_ = std::move(keep);
  }

  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<Block*> free_;
};

}  // namespace whodunit::capture
