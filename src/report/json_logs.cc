#include "report/json_logs.h"

#include "record/text.h"

namespace whodunit::report {
namespace {

using record::Batch;
using record::FieldType;

void append_json_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += c;
    }
  }
}

/// Zeek first makes the bytes presentable, then writes that as a JSON string.
void append_string(std::string& out, std::string_view text) {
  out += '"';
  if (record::is_printable_ascii(text)) {
    if (text.find_first_of("\"\\") == std::string_view::npos)
      out += text;
    else
      append_json_escaped(out, text);
  } else {
    std::string presentable;
    record::append_presentable(presentable, text, true);
    append_json_escaped(out, presentable);
  }
  out += '"';
}

void append_id(std::string& out, std::uint64_t value, char prefix) {
  out += '"';
  record::append_uid(out, value, prefix);
  out += '"';
}

void append_quoted_address(std::string& out, const base::Address& address) {
  out += '"';
  record::append_address(out, address);
  out += '"';
}

void append_value(std::string& out, const Batch& batch, std::size_t column, std::size_t row, FieldType type) {
  const auto list = [&](auto&& append_item) {
    out += '[';
    const std::size_t n = batch.list_size(column, row);
    for (std::size_t i = 0; i < n; ++i) {
      if (i != 0) out += ',';
      append_item(i);
    }
    out += ']';
  };
  switch (type) {
    case FieldType::kBool:
      out += batch.word_at(column, row) != 0 ? "true" : "false";
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
      record::append_double(out, v);
      break;
    }
    case FieldType::kTime:
    case FieldType::kInterval:
      record::append_seconds(out, static_cast<std::int64_t>(batch.word_at(column, row)), 1);
      break;
    case FieldType::kAddress:
      append_quoted_address(out, batch.address_at(column, row));
      break;
    case FieldType::kText:
      append_string(out, batch.text_at(column, row));
      break;
    case FieldType::kUid:
      append_id(out, batch.word_at(column, row), 'C');
      break;
    case FieldType::kFuid:
      append_id(out, batch.word_at(column, row), 'F');
      break;
    case FieldType::kTexts:
      list([&](std::size_t i) { append_string(out, batch.list_text(column, row, i)); });
      break;
    case FieldType::kIntervals:
      list([&](std::size_t i) {
        record::append_seconds(out, static_cast<std::int64_t>(batch.list_word(column, row, i)), 1);
      });
      break;
    case FieldType::kCounts:
      list([&](std::size_t i) { record::append_number(out, batch.list_word(column, row, i)); });
      break;
  }
}

}  // namespace

void append_json_row(std::string& out, const Batch& batch, std::size_t row) {
  const record::Head& head = batch.head(row);
  out += "{\"ts\":";
  record::append_seconds(out, head.ts.ns, 1);
  if (head.uid) {
    out += ",\"uid\":";
    append_id(out, head.uid.value, 'C');
  }
  if (record::is_about_endpoints(head)) {
    out += ",\"id.orig_h\":";
    append_quoted_address(out, head.id.orig_h);
    out += ",\"id.orig_p\":";
    record::append_number(out, std::uint64_t{head.id.orig_p.value});
    out += ",\"id.resp_h\":";
    append_quoted_address(out, head.id.resp_h);
    out += ",\"id.resp_p\":";
    record::append_number(out, std::uint64_t{head.id.resp_p.value});
  }
  const auto fields = batch.schema().fields;
  for (std::size_t column = 0; column < fields.size(); ++column) {
    if (!batch.is_set(column, row)) continue;
    out += ",\"";
    out += fields[column].name;
    out += "\":";
    append_value(out, batch, column, row, fields[column].type);
  }
  out += '}';
}

void append_json_rows(std::string& out, const Batch& batch) {
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    append_json_row(out, batch, row);
    out += '\n';
  }
}

}  // namespace whodunit::report
