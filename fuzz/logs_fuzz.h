// A log's lines, as a file has them, through one reader.
#pragma once

#include <string_view>

#include "logs/line.h"
#include "protocol/parser.h"

namespace whodunit::fuzz {

struct CountRows final : logs::RowTaker {
  std::map<const record::Schema*, std::unique_ptr<record::Batch>> batches;
  std::size_t rows = 0;
  void row(logs::Row& row, base::Time) override {
    auto& batch = batches[&row.schema()];
    if (!batch) batch = std::make_unique<record::Batch>(row.schema());
    row.append_to(*batch);
    // Read back: a row must be whole.
    if (batch->head(batch->rows() - 1).ts != row.head.ts) __builtin_trap();
    if (++rows % 64 == 0)
      for (auto& [schema, b] : batches) b->clear();
  }
};

inline void lines(logs::LineReader& reader, std::string_view text) {
  CountRows taker;
  std::uint64_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string why;
    const std::string_view line = text.substr(0, end);
    if (reader.line(line, ++number, taker, why) == logs::Line::kMalformed && why.empty()) __builtin_trap();
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  reader.finish(taker);
}

inline void register_all_records() {
  static const bool done = [] {
    protocol::register_records();
    return true;
  }();
  (void)done;
}

}  // namespace whodunit::fuzz
