// SHA-256 of captures, made by a thread of its own beside the reading, of the same bytes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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
  /// All bytes of the job were added: its digest will be `collect`ed under `id`. The job is used up.
  void end(DigestJob& job, std::uint32_t id);
  /// The digests that have been completed since the last call, as id and lower-case hex; with `wait`, of all jobs
  /// ended.
  std::vector<std::pair<std::uint32_t, std::string>> collect(bool wait);

 private:
  struct Item {
    std::shared_ptr<base::Digest> digest;
    Block* block = nullptr;
    std::size_t from = 0, count = 0;
    std::uint32_t id = 0;
    bool last = false;  // the digest is complete
  };
  void run();
  void push(Item item);

  std::mutex mutex_;
  std::condition_variable wake_thread_, wake_caller_;
  std::deque<Item> queue_;
  std::vector<std::pair<std::uint32_t, std::string>> done_;
  std::size_t queued_bytes_ = 0;
  bool busy_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace whodunit::capture
