// Where parsers put their records.
#pragma once

#include <memory>
#include <vector>

#include "record/batch.h"

namespace whodunit::record {

/// One batch per record type, and the order that the next row gets. One sink belongs to one worker.
class Sink {
 public:
  Sink() = default;
  /// `wanted[id]` false: rows of that type are not kept (the plan). Empty: all are.
  explicit Sink(std::vector<bool> wanted) : wanted_(std::move(wanted)) {}

  /// The packet (over the whole run) whose rows follow; ordinals start anew.
  void at(std::uint64_t packet, std::uint64_t first_minor = 0) { next_ = {packet, first_minor}; }

  bool wants(const Schema& schema) const {
    const auto id = static_cast<std::size_t>(schema.id);
    return wanted_.empty() || (id < wanted_.size() && wanted_[id]);
  }
  template <class R>
  void emit(const R& row) {
    if (!wants(R::schema)) return;
    row.append_to(batch(R::schema), next_);
    ++next_.minor;
  }
  /// The rows so far of a type, made on demand.
  Batch& batch(const Schema& schema) {
    const auto id = static_cast<std::size_t>(schema.id);
    if (id >= batches_.size()) batches_.resize(id + 1);
    if (!batches_[id]) batches_[id] = std::make_unique<Batch>(schema);
    return *batches_[id];
  }
  /// By schema id; entries may be null.
  std::vector<std::unique_ptr<Batch>>& batches() { return batches_; }

 private:
  std::vector<std::unique_ptr<Batch>> batches_;
  std::vector<bool> wanted_;
  Order next_;
};

}  // namespace whodunit::record
