#include "capture/input.h"

namespace whodunit::capture {

bool Input::fill(std::size_t count) {
  while (left() < count) {
    std::size_t used = block_ == nullptr ? 0 : static_cast<std::size_t>(end_ - block_->data.get());
    if (block_ == nullptr || block_->capacity - used < count - left()) {
      Block* next = pool_.get(std::max(block_bytes_, count));
      const std::size_t kept = left();
      if (kept > 0) std::memcpy(next->data.get(), at_, kept);
      if (block_ != nullptr) left_behind_.push_back(block_);
      block_ = next;
      at_ = next->data.get();
      end_ = at_ + kept;
      used = kept;
    }
    const std::size_t got = stream_.read(*block_, used, block_->capacity - used);
    if (got == 0) return false;
    end_ += got;
  }
  return true;
}

bool Input::skip_over(std::uint64_t count) {
  while (count > left()) {
    count -= left();
    skip(left());
    if (!need(1)) return false;
  }
  skip(static_cast<std::size_t>(count));
  return true;
}

}  // namespace whodunit::capture
