// SHA-256 of captures, made by a thread of its own beside the reading, of the same bytes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/hash.h"
#include "capture/blocks.h"

namespace whodunit::capture {

/// One file's digest on its way.
struct DigestJob {
  std::shared_ptr<base::Digest> digest;
};

class Digester {
 public:
  Digester();
  Digester(const Digester&) = delete;
  Digester& operator=(const Digester&) = delete;
  /// Drops what is still waiting.
  ~Digester();

  DigestJob begin();
  /// Adds bytes [from, from + count) of `block`, which must not be written to until `block.digesting` is 0. Waits
  /// where the thread is far behind.
  void add(DigestJob& job, Block& block, std::size_t from, std::size_t count);
  /// Calls `done` with the digest's hex in `finished()`; the job is used up.
  void end(DigestJob& job, std::string* out);
  /// Waits until all is done.
  void wait();

 private:
  struct Item {
    std::shared_ptr<base::Digest> digest;
    Block* block = nullptr;
    std::size_t from = 0, count = 0;
    std::string* out = nullptr;  // not null: the digest is complete, and goes here
  };
  void run();
  void push(Item item);

  std::mutex mutex_;
  std::condition_variable wake_thread_, wake_caller_;
  std::deque<Item> queue_;
  std::size_t queued_bytes_ = 0;
  bool busy_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace whodunit::capture
