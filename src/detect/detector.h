// Detectors: one file each, registered by a line in registry.cc. A detector reads records, never bytes.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "detect/finding.h"
#include "record/batch.h"

namespace whodunit::knowledge {
class IndicatorSet;
class Networks;
}  // namespace whodunit::knowledge

namespace whodunit::detect {

/// The defended network: configured, or inferred from what was seen and said to be inferred.
struct Home {
  std::vector<base::Network> networks;
  bool inferred = true;
  std::string why;  ///< one clause for people, where inferred
  bool contains(const base::Address& a) const {
    for (const base::Network& n : networks)
      if (n.contains(a)) return true;
    return false;
  }
};

/// What detectors may ask besides records. Immutable in a run; every pointer may be null.
struct Environment {
  const knowledge::IndicatorSet* indicators = nullptr;
  const knowledge::Networks* networks = nullptr;
};

/// What a detector needs from the parsers, declared before the run (the plan).
struct Needs {
  std::vector<std::string_view> records;  ///< record types by name
  std::uint32_t http_body_window = 0;     ///< bytes of HTTP bodies
  bool http_code_headers = false;         ///< http.other_headers
  bool file_md5 = false, file_sha1 = false, file_sha256 = false;
};

/// One parameter, for the reference in docs/detectors.md.
struct Parameter {
  std::string_view name;
  std::string value;  ///< its default
  std::string_view doc;
};

/// What a detector is, for docs and reports.
struct Description {
  std::string_view name;       ///< "scan"
  std::string_view statement;  ///< what it finds, one sentence
  std::string_view method;     ///< the source of the method: a paper, a tool, a standard
  std::vector<std::string_view> techniques;
  std::string_view benign;  ///< what would be benign and look alike
  std::vector<Parameter> parameters;
};

/// A fold: eats records as they come, and says at the end what it found. One object per run; single-threaded; bounded
/// memory (tables have limits; what falls out of them is said in the statement or lowers confidence).
class Detector {
 public:
  virtual ~Detector() = default;
  virtual const Description& description() const = 0;
  virtual Needs needs() const = 0;
  /// Rows of one of the record types it asked for, in order of emission. Lives for the call only.
  virtual void take(const record::Batch& batch) = 0;
  /// The run is over. Findings may come in any order, without ids.
  virtual void finish(const Home& home, std::vector<Finding>& out) = 0;
  /// Every detector has finished: `others` are all their findings. For steps that mean something only after others.
  virtual void conclude(const Home& home, std::span<const Finding> others, std::vector<Finding>& out) {
    (void)home;
    (void)others;
    (void)out;
  }
  /// Facts that were not remembered because a table was full, or the detector's memory used up.
  std::uint64_t dropped() const { return dropped_; }

 protected:
  /// Asked before `bytes` more are remembered beside the tables' own limits (logins of a source, names of a domain, …):
  /// what many hosts at once may make a detector keep. False, and counted, where its memory is used up.
  bool afford(std::size_t bytes) {
    if (bytes > kMemory - used_) {
      ++dropped_;
      return false;
    }
    used_ += bytes;
    return true;
  }
  /// Whether `key` would be one more than `most` in a table; counted where it would.
  template <class Table>
  bool full(const Table& table, const typename Table::key_type& key, std::size_t most) {
    if (table.size() < most || table.count(key) != 0) return false;
    ++dropped_;
    return true;
  }
  void drop() { ++dropped_; }

 private:
  static constexpr std::size_t kMemory = std::size_t{96} << 20;  // bytes
  std::size_t used_ = 0;
  std::uint64_t dropped_ = 0;
};

/// A detector's entry.
struct Entry {
  std::string_view name;
  std::unique_ptr<Detector> (*make)(const Environment& environment);
};
std::span<const Entry> detectors();

}  // namespace whodunit::detect
