// The values of a row in the spelling of a text log: one walk over the types of fields for all spellings.
#pragma once

#include <string>

#include "record/batch.h"

namespace whodunit::report {

/// Appends the value at (`column`, `row`), which must be set, in a Spelling: a class of static functions that append a
/// `boolean`, `number`, `real`, `seconds`, `address`, `text` (and `text_in_list`) and `id`, with the strings that begin
/// and end a list, and the one that stands for an empty list.
template <class Spelling>
void append_row_value(std::string& out, const record::Batch& batch, std::size_t column, std::size_t row,
                      record::FieldType type) {
  using record::FieldType;
  const auto list = [&](auto&& append_item) {
    out += Spelling::kListBegin;
    const std::size_t n = batch.list_size(column, row);
    if (n == 0) out += Spelling::kEmptyList;
    for (std::size_t i = 0; i < n; ++i) {
      if (i != 0) out += ',';
      append_item(i);
    }
    out += Spelling::kListEnd;
  };
  switch (type) {
    case FieldType::kBool:
      Spelling::boolean(out, batch.word_at(column, row) != 0);
      break;
    case FieldType::kCount:
    case FieldType::kPort:
      record::append_number(out, batch.word_at(column, row));
      break;
    case FieldType::kInt:
      record::append_number(out, static_cast<std::int64_t>(batch.word_at(column, row)));
      break;
    case FieldType::kDouble: {
      double v = 0;
      batch.get(column, row, v);
      Spelling::real(out, v);
      break;
    }
    case FieldType::kTime:
    case FieldType::kInterval:
      Spelling::seconds(out, static_cast<std::int64_t>(batch.word_at(column, row)));
      break;
    case FieldType::kAddress:
      Spelling::address(out, batch.address_at(column, row));
      break;
    case FieldType::kText:
      Spelling::text(out, batch.text_at(column, row));
      break;
    case FieldType::kUid:
      Spelling::id(out, batch.word_at(column, row), 'C');
      break;
    case FieldType::kFuid:
      Spelling::id(out, batch.word_at(column, row), 'F');
      break;
    case FieldType::kTexts:
      list([&](std::size_t i) { Spelling::text_in_list(out, batch.list_text(column, row, i)); });
      break;
    case FieldType::kIntervals:
      list([&](std::size_t i) { Spelling::seconds(out, static_cast<std::int64_t>(batch.list_word(column, row, i))); });
      break;
    case FieldType::kCounts:
      list([&](std::size_t i) { record::append_number(out, batch.list_word(column, row, i)); });
      break;
  }
}

}  // namespace whodunit::report
