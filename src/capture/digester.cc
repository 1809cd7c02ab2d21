#include "capture/digester.h"

#include <utility>

namespace whodunit::capture {

namespace {
// How far the reader may run ahead: bounds the blocks that cannot be used again yet.
constexpr std::size_t kMostQueued = 4u << 20;
}  // namespace

Digester::Digester() : thread_([this] { run(); }) {}

Digester::~Digester() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_thread_.notify_all();
  thread_.join();
}

DigestJob Digester::begin() { return {std::make_shared<base::Digest>(base::DigestKind::kSha256)}; }

void Digester::push(Item item) {
  {
    std::unique_lock lock(mutex_);
    wake_caller_.wait(lock, [&] { return queued_bytes_ < kMostQueued; });
    queued_bytes_ += item.count;
    queue_.push_back(std::move(item));
  }
  wake_thread_.notify_one();
}

void Digester::add(DigestJob& job, Block& block, std::size_t from, std::size_t count) {
  block.digesting.fetch_add(1, std::memory_order_relaxed);
  push({job.digest, &block, from, count, 0, false});
}

void Digester::end(DigestJob& job, std::uint32_t id) { push({std::move(job.digest), nullptr, 0, 0, id, true}); }

std::vector<std::pair<std::uint32_t, std::string>> Digester::collect(bool wait) {
  std::unique_lock lock(mutex_);
  if (wait) wake_caller_.wait(lock, [&] { return queue_.empty() && !busy_; });
  return std::exchange(done_, {});
}

void Digester::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_thread_.wait(lock, [&] { return stop_ || !queue_.empty(); });
    if (stop_) {
      for (Item& item : queue_) {
        if (item.block != nullptr) item.block->digesting.fetch_sub(1, std::memory_order_release);
      }
      queue_.clear();
      return;
    }
    Item item = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    if (item.block != nullptr) {
      item.digest->update({item.block->data.get() + item.from, item.count});
      item.block->digesting.fetch_sub(1, std::memory_order_release);
    }
    std::string hex;
    if (item.last) hex = item.digest->hex();
    lock.lock();
    if (item.last) done_.emplace_back(item.id, std::move(hex));
    queued_bytes_ -= item.count;
    busy_ = false;
    wake_caller_.notify_all();
  }
}

}  // namespace whodunit::capture
