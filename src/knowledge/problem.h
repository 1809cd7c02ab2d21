// What an import could not take, and why; the rest was taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace whodunit::knowledge {

/// One thing that was left out.
struct Problem {
  std::string where;  ///< "feed.csv:17", "enterprise-attack.json, relationship--0003…"
  std::string what;   ///< "not an address: '300.1.2.3'"
  std::string message() const { return where.empty() ? what : where + ": " + what; }
};

/// Problems with a bound: all are counted, the first `kKept` are kept in words.
class Problems {
 public:
  static constexpr std::size_t kKept = 200;
  void add(std::string where, std::string what) {
    ++count_;
    if (kept_.size() < kKept) kept_.push_back({std::move(where), std::move(what)});
  }
  void merge(const Problems& other) {
    count_ += other.count_;
    for (const Problem& p : other.kept_) {
      if (kept_.size() < kKept) kept_.push_back(p);
    }
  }
  std::uint64_t count() const { return count_; }
  const std::vector<Problem>& kept() const { return kept_; }
  bool empty() const { return count_ == 0; }

 private:
  std::uint64_t count_ = 0;
  std::vector<Problem> kept_;
};

}  // namespace whodunit::knowledge
